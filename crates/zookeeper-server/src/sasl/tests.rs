//! The example of RFC 2831, and conversations.

use super::*;

#[test]
fn the_example_of_the_standard_comes_out() {
    let proof = Proof {
        user: "chris",
        realm: "elwood.innosoft.com",
        password: "secret",
        nonce: "OA6MG9tEQGm2hh",
        count: "00000001",
        client_nonce: "OA6MHXh6VqTrRk",
        authorize: None,
        uri: "imap/elwood.innosoft.com",
    };
    assert_eq!(
        proof.response("AUTHENTICATE"),
        "d388dad90d4bbd760a152321f2143af7"
    );
    assert_eq!(proof.response(""), "ea40f60335c427b5527b84dbabcdfffd");
}

fn users() -> Vec<(String, String)> {
    vec![("bob".to_owned(), "geheim".to_owned())]
}

fn converse(password: &str) -> Result<(String, Option<String>), SaslError> {
    let mut sasl = Sasl::default();
    let (challenge, user) = sasl.step(&users(), b"").unwrap();
    assert_eq!(user, None);
    let nonce = fields(&challenge)
        .into_iter()
        .find(|(name, _)| name == "nonce")
        .unwrap()
        .1;
    let response = Proof {
        user: "bob",
        realm: REALM,
        password,
        nonce: &nonce,
        count: "00000001",
        client_nonce: "abc",
        authorize: None,
        uri: "zookeeper/zk-sasl-md5",
    }
    .response("AUTHENTICATE");
    let answer = format!(
        "username=\"bob\",realm=\"{REALM}\",nonce=\"{nonce}\",nc=00000001,cnonce=\"abc\",\
         digest-uri=\"zookeeper/zk-sasl-md5\",response={response},qop=auth"
    );
    sasl.step(&users(), answer.as_bytes())
}

#[test]
fn a_user_with_the_password_is_known() {
    assert_eq!(converse("geheim").unwrap().1.as_deref(), Some("bob"));
}

#[test]
fn a_user_without_it_is_not() {
    assert_eq!(converse("falsch").unwrap_err(), SaslError::Wrong);
}

#[test]
fn an_answer_serves_once() {
    let mut sasl = Sasl::default();
    sasl.step(&users(), b"").unwrap();
    assert_eq!(
        sasl.step(&users(), b"username=\"bob\",nonce=\"x\"")
            .unwrap_err(),
        SaslError::Nonce
    );
    assert_eq!(
        Sasl::default().step(&[], b"").unwrap_err(),
        SaslError::NoUsers
    );
}

#[test]
fn quotes_and_commas_are_told_apart() {
    assert_eq!(
        fields("a=\"x,\\\"y\", b=c,d"),
        [
            ("a".to_owned(), "x,\"y".to_owned()),
            ("b".to_owned(), "c".to_owned())
        ]
    );
}
