//! Who may do what to a node.

use crate::wire::{Malformed, Reader, Writer};

/// What an entry allows, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Perms(pub i32);

impl Perms {
    /// Reading data and listing children.
    pub const READ: Self = Self(1);
    /// Setting data.
    pub const WRITE: Self = Self(2);
    /// Creating children.
    pub const CREATE: Self = Self(4);
    /// Deleting children.
    pub const DELETE: Self = Self(8);
    /// Setting the ACL.
    pub const ADMIN: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// Whether any of `wanted` is allowed.
    pub fn any_of(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Who: a scheme and a name in it, such as `digest` and `user:hash`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// `world`, `auth`, `digest`, `ip`, `sasl`, `x509`, …
    pub scheme: String,
    /// The name in that scheme.
    pub id: String,
}

/// One entry of an ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acl {
    /// What is allowed.
    pub perms: Perms,
    /// To whom.
    pub id: Id,
}

/// Everything to everyone.
pub fn any_acl() -> Vec<Acl> {
    vec![Acl {
        perms: Perms::ALL,
        id: Id {
            scheme: "world".to_owned(),
            id: "anyone".to_owned(),
        },
    }]
}

impl Acl {
    /// Bytes of the shortest entry.
    const LEAST: usize = 12;

    fn decode(from: &mut Reader) -> Result<Self, Malformed> {
        Ok(Self {
            perms: Perms(from.int()?),
            id: Id {
                scheme: from.string()?,
                id: from.string()?,
            },
        })
    }

    /// Reads a list; null reads as the empty one, which no server accepts either.
    pub fn decode_list(from: &mut Reader) -> Result<Vec<Self>, Malformed> {
        let count = from.vector_length(Self::LEAST)?.unwrap_or(0);
        (0..count).map(|_| Self::decode(from)).collect()
    }

    /// Writes a list.
    pub fn encode_list(list: &[Self], to: &mut Writer) {
        to.length(list.len());
        for Self { perms, id } in list {
            to.int(perms.0);
            to.string(&id.scheme);
            to.string(&id.id);
        }
    }
}
