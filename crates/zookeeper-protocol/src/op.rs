//! Operations and their numbers.

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are ZooKeeper's")]
pub enum Op {
    Create,
    Delete,
    Exists,
    GetData,
    SetData,
    GetAcl,
    SetAcl,
    GetChildren,
    Sync,
    Ping,
    GetChildren2,
    Check,
    Multi,
    Create2,
    Reconfig,
    CheckWatches,
    RemoveWatches,
    CreateContainer,
    DeleteContainer,
    CreateTtl,
    MultiRead,
    Auth,
    SetWatches,
    Sasl,
    GetEphemerals,
    GetAllChildrenNumber,
    SetWatches2,
    AddWatch,
    WhoAmI,
    CloseSession,
    /// A number that is none of the above.
    Unknown(i32),
}

const NUMBERS: &[(Op, i32)] = &[
    (Op::Create, 1),
    (Op::Delete, 2),
    (Op::Exists, 3),
    (Op::GetData, 4),
    (Op::SetData, 5),
    (Op::GetAcl, 6),
    (Op::SetAcl, 7),
    (Op::GetChildren, 8),
    (Op::Sync, 9),
    (Op::Ping, 11),
    (Op::GetChildren2, 12),
    (Op::Check, 13),
    (Op::Multi, 14),
    (Op::Create2, 15),
    (Op::Reconfig, 16),
    (Op::CheckWatches, 17),
    (Op::RemoveWatches, 18),
    (Op::CreateContainer, 19),
    (Op::DeleteContainer, 20),
    (Op::CreateTtl, 21),
    (Op::MultiRead, 22),
    (Op::Auth, 100),
    (Op::SetWatches, 101),
    (Op::Sasl, 102),
    (Op::GetEphemerals, 103),
    (Op::GetAllChildrenNumber, 104),
    (Op::SetWatches2, 105),
    (Op::AddWatch, 106),
    (Op::WhoAmI, 107),
    (Op::CloseSession, -11),
];

impl Op {
    /// The operation of this number.
    pub fn from_number(number: i32) -> Self {
        NUMBERS
            .iter()
            .find(|(_, known)| *known == number)
            .map_or(Self::Unknown(number), |(op, _)| *op)
    }

    /// Its number in a request.
    pub fn number(self) -> i32 {
        if let Self::Unknown(number) = self {
            return number;
        }
        NUMBERS
            .iter()
            .find(|(op, _)| *op == self)
            .map_or(0, |(_, number)| *number)
    }

    /// Every operation there is.
    pub fn all() -> impl Iterator<Item = Self> {
        NUMBERS.iter().map(|(op, _)| *op)
    }
}
