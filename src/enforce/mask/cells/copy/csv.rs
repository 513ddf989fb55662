//! `FORMAT csv`: fields that may stand in quotes, with line breaks in them.

use bytes::{BufMut, BytesMut};

use super::{CellError, Line, Masks, empty, hold};
use crate::enforce::mask::cells::column::Masked;

#[derive(Debug)]
pub(super) struct Csv {
    masks: Masks,
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: Vec<u8>,
    /// Whether every value stands in quotes.
    force: bool,
    line: Line,
    /// The field's value so far, where it is masked.
    held: Vec<u8>,
    /// Room for what stands for it.
    masked: BytesMut,
    state: State,
    /// Whether quotes were part of it.
    quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Bare,
    Quoted,
    /// In quotes, behind what may escape the next or, where it is the quote itself, end them.
    Escape,
}

impl Csv {
    pub(super) fn new(masks: Masks, all: [u8; 3], null: Vec<u8>, header: bool, force: bool) -> Result<Self, CellError> {
        let [delimiter, quote, escape] = all;
        if all.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0) || !byte.is_ascii()) || delimiter == quote {
            return Err(CellError::Options { problem: "its delimiter, quote and escape cannot be told apart" });
        }
        let (line, held, masked) = (Line::new(header), Vec::new(), BytesMut::new());
        Ok(Self { masks, delimiter, quote, escape, null, force, line, held, masked, state: State::Bare, quoted: false })
    }

    pub(super) fn is_between_rows(&self) -> bool {
        !self.line.begun && self.state == State::Bare
    }

    pub(super) fn feed(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), CellError> {
        let mut masked = self.line.column(&self.masks)?.is_some();
        let mut rest = data;
        while let Some((byte, after)) = rest.split_first() {
            let plain = rest.iter().take_while(|byte| self.is_plain(**byte)).count();
            if plain > 0 {
                let (literal, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
                self.line.begun = true;
                self.literal(literal, masked, out)?;
                rest = after;
                continue;
            }
            rest = after;
            let byte = *byte;
            if self.state == State::Escape {
                self.state = State::Quoted;
                if byte == self.quote || byte == self.escape {
                    self.literal(&[byte], masked, out)?;
                    continue;
                }
                if self.escape != self.quote {
                    // It escaped nothing and stands for itself.
                    if masked {
                        hold(&mut self.held, &[self.escape])?;
                    }
                } else {
                    self.state = State::Bare;
                }
            }
            self.line.begun = true;
            match self.state {
                State::Quoted if byte == self.escape => {
                    self.state = State::Escape;
                    self.structure(byte, masked, out);
                }
                State::Quoted if byte == self.quote => {
                    self.state = State::Bare;
                    self.structure(byte, masked, out);
                }
                State::Bare if byte == self.quote => {
                    self.state = State::Quoted;
                    self.quoted = true;
                    self.structure(byte, masked, out);
                }
                State::Bare if byte == self.delimiter || byte == b'\n' => {
                    self.end_field(out)?;
                    out.put_u8(byte);
                    self.line.next(&self.masks, byte == b'\n')?;
                    // A row that ended may have been the last: there is no next field to ask for, but a first one.
                    masked = self.line.column(&self.masks)?.is_some();
                }
                State::Bare | State::Quoted | State::Escape => self.literal(&[byte], masked, out)?,
            }
        }
        Ok(())
    }

    /// Whether a byte stands for itself here, whatever is next to it.
    fn is_plain(&self, byte: u8) -> bool {
        match self.state {
            State::Bare => byte != self.quote && byte != self.delimiter && byte != b'\n',
            State::Quoted => byte != self.quote && byte != self.escape,
            State::Escape => false,
        }
    }

    fn literal(&mut self, bytes: &[u8], masked: bool, out: &mut BytesMut) -> Result<(), CellError> {
        if masked {
            return hold(&mut self.held, bytes);
        }
        out.put_slice(bytes);
        Ok(())
    }

    /// A quote or an escape: part of a field that passes, no part of a value.
    fn structure(&self, byte: u8, masked: bool, out: &mut BytesMut) {
        if !masked {
            out.put_u8(byte);
        }
    }

    fn end_field(&mut self, out: &mut BytesMut) -> Result<(), CellError> {
        let quoted = std::mem::take(&mut self.quoted);
        let Some(column) = self.line.column(&self.masks)? else { return Ok(()) };
        let value = (quoted || self.held != self.null).then_some(self.held.as_slice());
        self.masked.clear();
        match column.mask(value, &mut self.masked) {
            Masked::Null => out.put_slice(&self.null),
            Masked::Value | Masked::Blank => self.put(&self.masked, out),
        }
        empty(&mut self.held, &mut self.masked);
        Ok(())
    }

    fn put(&self, value: &[u8], out: &mut BytesMut) {
        let special = |byte: &u8| {
            let byte = *byte;
            byte == self.delimiter || byte == self.quote || byte == self.escape || matches!(byte, b'\n' | b'\r')
        };
        // Never because the value that came did: it does where it looks like NULL, which is for the client to choose.
        if !self.force && value != self.null && value != b"\\." && !value.iter().any(special) {
            return out.put_slice(value);
        }
        out.put_u8(self.quote);
        for byte in value {
            if *byte == self.quote || *byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(self.quote);
    }
}
