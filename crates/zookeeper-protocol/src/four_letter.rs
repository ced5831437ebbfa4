//! Four-letter words: what operators type at a server's port instead of a frame.

/// A word that stands for a question to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are ZooKeeper's")]
pub enum FourLetter {
    Conf,
    Cons,
    Crst,
    Dirs,
    Dump,
    Envi,
    Isro,
    Mntr,
    Ruok,
    Srst,
    Srvr,
    Stat,
    Wchc,
    Wchp,
    Wchs,
}

const WORDS: &[(&[u8; 4], FourLetter)] = &[
    (b"conf", FourLetter::Conf),
    (b"cons", FourLetter::Cons),
    (b"crst", FourLetter::Crst),
    (b"dirs", FourLetter::Dirs),
    (b"dump", FourLetter::Dump),
    (b"envi", FourLetter::Envi),
    (b"isro", FourLetter::Isro),
    (b"mntr", FourLetter::Mntr),
    (b"ruok", FourLetter::Ruok),
    (b"srst", FourLetter::Srst),
    (b"srvr", FourLetter::Srvr),
    (b"stat", FourLetter::Stat),
    (b"wchc", FourLetter::Wchc),
    (b"wchp", FourLetter::Wchp),
    (b"wchs", FourLetter::Wchs),
];

impl FourLetter {
    /// The word in the first four bytes of a connection, if they are one. As a frame's length they would be far too long.
    pub fn recognise(head: &[u8; 4]) -> Option<Self> {
        WORDS
            .iter()
            .find(|(word, _)| *word == head)
            .map(|(_, word)| *word)
    }

    /// The word as it is typed.
    pub fn word(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, known)| *known == self)
            .and_then(|(word, _)| std::str::from_utf8(word.as_slice()).ok())
            .unwrap_or_default()
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.iter().map(|(_, word)| *word)
    }
}
