//! Where things are in etcd. With the prefix `/klamm`:
//!
//! ```text
//!  /klamm/n/a/b      the node /a/b: data, ACL, its own numbers
//!  /klamm/c/a/b      what its children did to it: how many were ever created, when the last came or went; absent until the first
//!  /klamm/s/<id>     a session; the key has a lease, and vanishes when its client was silent for too long
//!  /klamm/f/<id>     a server's fence: the number of the last batch it committed
//!  /klamm/h          held by a server whose next batch goes alone, while no other one's can happen; with a lease of its own
//!  /klamm/z          the last batch of all: whose it was, what it changed, in which order
//! ```

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Node(String),
    Children(String),
    Session(i64),
    Fence,
    Hold,
    Batch,
}

/// Keys below one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// Keys below `prefix`, which may end with a slash or not.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.trim_end_matches('/').to_owned(),
        }
    }

    /// The range of all of them.
    pub(crate) fn all(&self) -> (Vec<u8>, Vec<u8>) {
        // '0' follows '/'.
        (
            format!("{}/", self.prefix).into_bytes(),
            format!("{}0", self.prefix).into_bytes(),
        )
    }

    pub(crate) fn node(&self, path: &str) -> Vec<u8> {
        format!("{}/n{path}", self.prefix).into_bytes()
    }

    pub(crate) fn children(&self, path: &str) -> Vec<u8> {
        format!("{}/c{path}", self.prefix).into_bytes()
    }

    pub(crate) fn session(&self, id: i64) -> Vec<u8> {
        format!("{}/s/{id:016x}", self.prefix).into_bytes()
    }

    pub(crate) fn fence(&self, server: u64) -> Vec<u8> {
        format!("{}/f/{server:016x}", self.prefix).into_bytes()
    }

    /// The range of all fences.
    pub(crate) fn fences(&self) -> (Vec<u8>, Vec<u8>) {
        (
            format!("{}/f/", self.prefix).into_bytes(),
            format!("{}/f0", self.prefix).into_bytes(),
        )
    }

    pub(crate) fn hold(&self) -> Vec<u8> {
        format!("{}/h", self.prefix).into_bytes()
    }

    pub(crate) fn batch(&self) -> Vec<u8> {
        format!("{}/z", self.prefix).into_bytes()
    }

    /// What a key stands for; `None` for what is none of ours.
    pub(crate) fn parse(&self, key: &[u8]) -> Option<Key> {
        let key = std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?;
        match key {
            "/z" => return Some(Key::Batch),
            "/h" => return Some(Key::Hold),
            _ => {}
        }
        let (kind, rest) = (key.get(..2)?, key.get(2..)?);
        match kind {
            "/n" if rest.starts_with('/') => Some(Key::Node(rest.to_owned())),
            "/c" if rest.starts_with('/') => Some(Key::Children(rest.to_owned())),
            "/s" => i64::from_str_radix(rest.strip_prefix('/')?, 16)
                .ok()
                .map(Key::Session),
            "/f" => Some(Key::Fence),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
