//! Reading and writing bodies. A reader gets exactly one body and must use all of it:
//! what it leaves is what a server might read differently.

use bytes::{BufMut, BytesMut};

use super::{Frame, WireError};

/// A cursor over one body.
pub(super) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self { message, rest: body }
    }

    /// The error of this message.
    pub(super) fn malformed(&self, problem: &'static str) -> WireError {
        WireError::Body { message: self.message, problem }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.malformed("it ends too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, WireError> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A string up to its NUL, without it.
    pub(super) fn string(&mut self) -> Result<&'a [u8], WireError> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or_else(|| self.malformed("a string has no end"))?;
        let text = self.take(end)?;
        self.u8()?;
        Ok(text)
    }

    /// A string that must be UTF-8, because sidegate itself reads it.
    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        let bytes = self.string()?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed("a string is not UTF-8"))
    }

    /// A value behind its length; -1 is NULL.
    pub(super) fn value(&mut self) -> Result<Option<&'a [u8]>, WireError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| self.malformed("a length is negative"))?;
                self.take(length).map(Some)
            }
        }
    }

    /// `count` items; the count is believed only as far as the body reaches.
    pub(super) fn list<T>(
        &mut self,
        count: u16,
        mut item: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Everything that is left.
    pub(super) fn remaining(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses what is left over.
    pub(super) fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("it has bytes after its end")) }
    }
}

/// A body in the making.
pub(super) struct Writer {
    message: &'static str,
    tag: u8,
    body: BytesMut,
}

impl Writer {
    pub(super) fn new(message: &'static str, tag: u8) -> Self {
        Self { message, tag, body: BytesMut::new() }
    }

    fn impossible(&self, problem: &'static str) -> WireError {
        WireError::Encode { message: self.message, problem }
    }

    pub(super) fn u8(&mut self, byte: u8) {
        self.body.put_u8(byte);
    }

    pub(super) fn i16(&mut self, number: i16) {
        self.body.put_i16(number);
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.body.put_u32(number);
    }

    pub(super) fn i32(&mut self, number: i32) {
        self.body.put_i32(number);
    }

    pub(super) fn string(&mut self, text: &[u8]) -> Result<(), WireError> {
        if text.contains(&0) {
            return Err(self.impossible("a string contains a NUL"));
        }
        self.body.put_slice(text);
        self.body.put_u8(0);
        Ok(())
    }

    /// A 16-bit count.
    pub(super) fn count(&mut self, count: usize) -> Result<(), WireError> {
        let count = u16::try_from(count).map_err(|_| self.impossible("a list is too long"))?;
        self.body.put_u16(count);
        Ok(())
    }

    /// A value behind its length.
    pub(super) fn value(&mut self, value: Option<&[u8]>) -> Result<(), WireError> {
        match value {
            None => self.body.put_i32(-1),
            Some(bytes) => {
                let length = i32::try_from(bytes.len()).map_err(|_| self.impossible("a value is too long"))?;
                self.body.put_i32(length);
                self.body.put_slice(bytes);
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Frame, WireError> {
        Frame::build(self.tag, &self.body).ok_or_else(|| self.impossible("it is too long"))
    }
}

/// Writes one of pgwire's message structs. Strings must have been checked with [`no_nul`]:
/// pgwire writes a NUL as it comes, and the peer would read two strings.
pub(super) fn encode(name: &'static str, message: &impl pgwire::messages::Message) -> Result<Frame, WireError> {
    let mut bytes = BytesMut::with_capacity(message.message_length().saturating_add(1));
    message.encode(&mut bytes).map_err(|_| WireError::Encode { message: name, problem: "it is too long" })?;
    Frame::whole(bytes.freeze()).ok_or(WireError::Encode { message: name, problem: "its length is wrong" })
}

/// Refuses text that would end early on the wire.
pub(super) fn no_nul(name: &'static str, text: &str) -> Result<(), WireError> {
    if text.as_bytes().contains(&0) {
        return Err(WireError::Encode { message: name, problem: "a string contains a NUL" });
    }
    Ok(())
}
