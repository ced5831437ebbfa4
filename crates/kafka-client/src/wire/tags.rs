//! Tagged fields, which end every struct of a flexible version.

use super::{Codec, Side, WireError, write};

/// What a struct does with one tag: `false` if it does not know it.
type Walk<'a> = &'a mut dyn FnMut(&mut Codec, u32) -> Result<bool, WireError>;

impl Codec {
    /// The end of a struct that has no tagged fields of its own.
    pub fn no_tags(&mut self) -> Result<(), WireError> {
        self.tags(&[], &mut |_, _| Ok(false))
    }

    /// The end of a struct: `present` says of each tag whether this version has it and whether it is set; `walk` reads
    /// or writes one.
    ///
    /// Tags we do not know in this version are skipped on reading.
    pub fn tags(&mut self, present: &[(u32, bool, bool)], walk: Walk<'_>) -> Result<(), WireError> {
        if !self.flexible {
            return Ok(());
        }
        match &mut self.side {
            Side::Read(_) => self.read_tags(present, walk),
            Side::Write(_) => self.write_tags(present, walk),
            Side::Fill(entropy) => {
                let chosen = entropy.byte();
                for (tag, exists, _) in present {
                    if *exists && chosen.checked_shr(*tag).unwrap_or_default() & 1 == 1 {
                        walk(self, *tag)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn read_tags(
        &mut self,
        present: &[(u32, bool, bool)],
        walk: Walk<'_>,
    ) -> Result<(), WireError> {
        let count = self.read_uvarint()?;
        for _ in 0..count {
            let tag = self.read_uvarint()?;
            let length = self.read_uvarint()? as usize;
            let Side::Read(reader) = &mut self.side else {
                return Ok(());
            };
            let outer = reader.narrow(length)?;
            let known = present
                .iter()
                .any(|(known, exists, _)| *known == tag && *exists)
                && walk(self, tag)?;
            let at = self.at();
            let Side::Read(reader) = &mut self.side else {
                return Ok(());
            };
            let unread = reader.widen(outer);
            if known && unread > 0 {
                return Err(WireError::Invalid {
                    at,
                    what: "a tagged field is longer than its value",
                });
            }
        }
        Ok(())
    }

    fn read_uvarint(&mut self) -> Result<u32, WireError> {
        match &mut self.side {
            Side::Read(reader) => reader.uvarint(),
            Side::Write(_) | Side::Fill(_) => Ok(0),
        }
    }

    fn write_tags(
        &mut self,
        present: &[(u32, bool, bool)],
        walk: Walk<'_>,
    ) -> Result<(), WireError> {
        let set = present
            .iter()
            .filter(|(_, exists, is_set)| *exists && *is_set);
        let count = set.clone().count();
        let Side::Write(out) = &mut self.side else {
            return Ok(());
        };
        write::uvarint(out, u32::try_from(count).unwrap_or_default());
        for (tag, _, _) in set {
            let Side::Write(out) = &mut self.side else {
                return Ok(());
            };
            write::uvarint(out, *tag);
            // The value goes to a vector of its own, because its length comes first.
            let before = std::mem::take(out);
            walk(self, *tag)?;
            let Side::Write(out) = &mut self.side else {
                return Ok(());
            };
            let value = std::mem::replace(out, before);
            write::uvarint(
                out,
                u32::try_from(value.len()).map_err(|_| WireError::TooLong {
                    length: value.len(),
                })?,
            );
            out.extend_from_slice(&value);
        }
        Ok(())
    }
}
