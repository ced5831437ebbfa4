//! Every primitive type, array and nullable, in both directions.

use bytes::Bytes;
use uuid::Uuid;

use super::{Codec, Side, Wire, WireError, write};

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Wire for $kind {
            fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
                match &mut w.side {
                    Side::Read(reader) => *self = Self::from_be_bytes(reader.array()?),
                    Side::Write(out) => out.extend_from_slice(&self.to_be_bytes()),
                    Side::Fill(entropy) => *self = Self::from_be_bytes(entropy.array()),
                }
                Ok(())
            }
        }
    )*};
}

number!(i8, i16, u16, i32, i64);

impl Wire for f64 {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        match &mut w.side {
            Side::Read(reader) => *self = Self::from_be_bytes(reader.array()?),
            Side::Write(out) => out.extend_from_slice(&self.to_be_bytes()),
            // Whole numbers: a round trip of NaN would not compare equal.
            Side::Fill(entropy) => *self = Self::from(i32::from_be_bytes(entropy.array())),
        }
        Ok(())
    }
}

impl Wire for bool {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        let mut byte = i8::from(*self);
        byte.wire(w)?;
        *self = match &w.side {
            Side::Fill(_) => byte & 1 == 1,
            Side::Read(_) | Side::Write(_) => byte != 0,
        };
        Ok(())
    }
}

impl Wire for Uuid {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        match &mut w.side {
            Side::Read(reader) => *self = Self::from_bytes(reader.array()?),
            Side::Write(out) => out.extend_from_slice(self.as_bytes()),
            Side::Fill(entropy) => *self = Self::from_bytes(entropy.array()),
        }
        Ok(())
    }
}

impl Wire for String {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        let length = w.length(Some(self.len()), false, true)?;
        if let Some(length) = length {
            w.text(self, length)?;
        }
        Ok(())
    }
}

impl Wire for Bytes {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        let length = w.length(Some(self.len()), false, false)?;
        if let Some(length) = length {
            w.blob(self, length)?;
        }
        Ok(())
    }
}

impl<T: Wire + Default> Wire for Vec<T> {
    fn wire(&mut self, w: &mut Codec) -> Result<(), WireError> {
        let length = w.length(Some(self.len()), false, false)?;
        if let Some(length) = length {
            w.elements(self, length)?;
        }
        Ok(())
    }
}

impl Codec {
    /// A string that may be null in this version.
    pub fn nullable_string(
        &mut self,
        value: &mut Option<String>,
        nullable: bool,
    ) -> Result<(), WireError> {
        let length = self.length(value.as_ref().map(String::len), nullable, true)?;
        match length {
            Some(length) => self.text(value.get_or_insert_default(), length)?,
            None => *value = None,
        }
        Ok(())
    }

    /// Bytes that may be null in this version.
    pub fn nullable_bytes(
        &mut self,
        value: &mut Option<Bytes>,
        nullable: bool,
    ) -> Result<(), WireError> {
        let length = self.length(value.as_ref().map(Bytes::len), nullable, false)?;
        match length {
            Some(length) => self.blob(value.get_or_insert_default(), length)?,
            None => *value = None,
        }
        Ok(())
    }

    /// An array that may be null in this version.
    pub fn nullable_array<T: Wire + Default>(
        &mut self,
        value: &mut Option<Vec<T>>,
        nullable: bool,
    ) -> Result<(), WireError> {
        let length = self.length(value.as_ref().map(Vec::len), nullable, false)?;
        match length {
            Some(length) => self.elements(value.get_or_insert_default(), length)?,
            None => *value = None,
        }
        Ok(())
    }

    /// A struct that may be null in this version: a byte says whether it is there.
    pub fn nullable_struct<T: Wire + Default>(
        &mut self,
        value: &mut Option<T>,
        nullable: bool,
    ) -> Result<(), WireError> {
        let mut present: i8 = if value.is_some() { 1 } else { -1 };
        present.wire(self)?;
        if matches!(self.side, Side::Fill(_)) {
            present = if nullable && present & 1 == 1 { -1 } else { 1 };
        }
        if present < 0 && !nullable {
            return Err(WireError::Null { at: self.at() });
        }
        if present < 0 {
            *value = None;
            return Ok(());
        }
        value.get_or_insert_default().wire(self)
    }

    pub(super) fn at(&self) -> usize {
        match &self.side {
            Side::Read(reader) => reader.at(),
            Side::Write(out) => out.len(),
            Side::Fill(_) => 0,
        }
    }

    /// Reads a length or writes `current`; `None` is null.
    fn length(
        &mut self,
        current: Option<usize>,
        nullable: bool,
        short: bool,
    ) -> Result<Option<usize>, WireError> {
        let at = self.at();
        let length = match &mut self.side {
            Side::Read(reader) => reader.length(self.flexible, short)?,
            Side::Write(out) => {
                if current.is_some() || nullable {
                    write::length(out, current, self.flexible, short)?;
                }
                current
            }
            Side::Fill(entropy) => entropy.length(nullable),
        };
        if length.is_none() && !nullable {
            return Err(WireError::Null { at });
        }
        Ok(length)
    }

    fn text(&mut self, value: &mut String, length: usize) -> Result<(), WireError> {
        match &mut self.side {
            Side::Read(reader) => *value = reader.text(length)?,
            Side::Write(out) => out.extend_from_slice(value.as_bytes()),
            Side::Fill(entropy) => {
                *value = (0..length)
                    .map(|_| char::from(entropy.byte() & 0x7f))
                    .collect();
            }
        }
        Ok(())
    }

    fn blob(&mut self, value: &mut Bytes, length: usize) -> Result<(), WireError> {
        match &mut self.side {
            Side::Read(reader) => *value = reader.take(length)?,
            Side::Write(out) => out.extend_from_slice(value),
            Side::Fill(entropy) => *value = (0..length).map(|_| entropy.byte()).collect(),
        }
        Ok(())
    }

    fn elements<T: Wire + Default>(
        &mut self,
        values: &mut Vec<T>,
        length: usize,
    ) -> Result<(), WireError> {
        match &mut self.side {
            Side::Write(_) => {
                for value in values.iter_mut() {
                    value.wire(self)?;
                }
                return Ok(());
            }
            // `length` is at most the bytes left; the budget bounds it by its size in memory as well.
            Side::Read(reader) => reader.charge(length.saturating_mul(size_of::<T>()))?,
            Side::Fill(_) => {}
        }
        let mut fresh = Vec::with_capacity(length);
        for _ in 0..length {
            let mut value = T::default();
            value.wire(self)?;
            fresh.push(value);
        }
        *values = fresh;
        Ok(())
    }
}
