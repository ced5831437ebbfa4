//! Errors of this crate, by operation and object, and when trying again can help.

/// When trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// At once or in a moment: a conflict, a lost reply.
    Soon,
    /// Later: the other side is unwell.
    Later,
    /// Only when what was read changes.
    OnChange,
}
