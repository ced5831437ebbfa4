//! SASL DIGEST-MD5 (RFC 2831), as ZooKeeper's clients speak it: the server asks, the client proves that it knows the password.

use md5::{Digest as _, Md5};

/// The realm of ZooKeeper's servers.
const REALM: &str = "zk-sasl-md5";

/// Where a conversation is.
#[derive(Debug, Default)]
pub(crate) struct Sasl {
    nonce: Option<String>,
}

/// Why somebody is not who they say.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SaslError {
    #[error("no users are configured here")]
    NoUsers,
    #[error("the answer has no {0}")]
    Missing(&'static str),
    #[error("the answer is to another question")]
    Nonce,
    #[error("unknown user or wrong password")]
    Wrong,
}

impl Sasl {
    /// The answer to a token, and the user once it is proven.
    pub(crate) fn step(
        &mut self,
        users: &[(String, String)],
        token: &[u8],
    ) -> Result<(String, Option<String>), SaslError> {
        if users.is_empty() {
            return Err(SaslError::NoUsers);
        }
        let Some(nonce) = self.nonce.take() else {
            let nonce = hex::encode(rand::random::<[u8; 16]>());
            let challenge = format!(
                "realm=\"{REALM}\",nonce=\"{nonce}\",qop=\"auth\",charset=utf-8,algorithm=md5-sess"
            );
            self.nonce = Some(nonce);
            return Ok((challenge, None));
        };
        let text = String::from_utf8_lossy(token);
        let fields = fields(&text);
        let field = |name: &'static str| {
            fields
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let need = |name: &'static str| field(name).ok_or(SaslError::Missing(name));
        if need("nonce")? != nonce {
            return Err(SaslError::Nonce);
        }
        let user = need("username")?;
        let password = users
            .iter()
            .find(|(name, _)| name == user)
            .map(|(_, password)| password)
            .ok_or(SaslError::Wrong)?;
        let proof = Proof {
            user,
            realm: field("realm").unwrap_or_default(),
            password,
            nonce: &nonce,
            count: need("nc")?,
            client_nonce: need("cnonce")?,
            authorize: field("authzid"),
            uri: need("digest-uri")?,
        };
        if !same(&proof.response("AUTHENTICATE"), need("response")?) {
            return Err(SaslError::Wrong);
        }
        Ok((
            format!("rspauth={}", proof.response("")),
            Some(user.to_owned()),
        ))
    }
}

/// Compares in a time that tells nothing.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |all, (a, b)| all | (a ^ b))
            == 0
}

struct Proof<'a> {
    user: &'a str,
    realm: &'a str,
    password: &'a str,
    nonce: &'a str,
    count: &'a str,
    client_nonce: &'a str,
    authorize: Option<&'a str>,
    uri: &'a str,
}

impl Proof<'_> {
    fn response(&self, method: &str) -> String {
        let mut secret = Md5::new();
        for (index, part) in [self.user, self.realm, self.password].iter().enumerate() {
            if index > 0 {
                secret.update(b":");
            }
            secret.update(latin(part));
        }
        let mut a1 = Md5::new();
        a1.update(secret.finalize());
        a1.update(format!(":{}:{}", self.nonce, self.client_nonce));
        if let Some(authorize) = self.authorize {
            a1.update(format!(":{authorize}"));
        }
        let a1 = hex::encode(a1.finalize());
        let a2 = hex::encode(Md5::digest(format!("{method}:{}", self.uri)));
        hex::encode(Md5::digest(format!(
            "{a1}:{}:{}:{}:auth:{a2}",
            self.nonce, self.count, self.client_nonce
        )))
    }
}

/// What is hashed: one byte per character where that is possible.
fn latin(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)))
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// `name=value` or `name="value"`, separated by commas.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| *c == ',' || c.is_whitespace()).is_some() {}
        let name: String = std::iter::from_fn(|| rest.next_if(|c| *c != '=')).collect();
        if rest.next().is_none() {
            return fields;
        }
        let mut value = String::new();
        if rest.next_if_eq(&'"').is_some() {
            while let Some(c) = rest.next() {
                match c {
                    '"' => break,
                    '\\' => value.extend(rest.next()),
                    c => value.push(c),
                }
            }
        } else {
            value.extend(std::iter::from_fn(|| rest.next_if(|c| *c != ',')));
        }
        fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

#[cfg(test)]
mod tests;
