//! `FORMAT text`: a line a row, fields parted by a delimiter, backslashes before what is meant otherwise.

use bytes::{BufMut, BytesMut};

use super::{CellError, Line, Masks, empty, hold};
use crate::enforce::mask::cells::column::Masked;

/// A value of these two characters has its backslash twice.
const NULL: &[u8] = b"\\N";

#[derive(Debug)]
pub(super) struct Text {
    masks: Masks,
    delimiter: u8,
    line: Line,
    /// The field so far, as it was written, where it is masked.
    held: Vec<u8>,
    /// Room for what stands for it.
    masked: BytesMut,
    /// Whether the last byte was a backslash that means something.
    escaped: bool,
}

impl Text {
    pub(super) fn new(masks: Masks, delimiter: u8, header: bool) -> Result<Self, CellError> {
        if matches!(delimiter, b'\\' | b'\n' | b'\r' | b'.')
            || delimiter.is_ascii_alphanumeric()
            || !delimiter.is_ascii()
        {
            return Err(CellError::Options { problem: "the delimiter is one that the database does not take" });
        }
        Ok(Self {
            masks,
            delimiter,
            line: Line::new(header),
            held: Vec::new(),
            masked: BytesMut::new(),
            escaped: false,
        })
    }

    pub(super) fn is_between_rows(&self) -> bool {
        !self.line.begun && !self.escaped
    }

    pub(super) fn feed(&mut self, mut data: &[u8], out: &mut BytesMut) -> Result<(), CellError> {
        while !data.is_empty() {
            let masked = self.line.column(&self.masks)?.is_some();
            let mut escaped = self.escaped;
            let end = data.iter().position(|byte| {
                let ends = !escaped && (*byte == self.delimiter || *byte == b'\n');
                escaped = !escaped && *byte == b'\\';
                ends
            });
            let (part, rest) = data.split_at_checked(end.unwrap_or(data.len())).unwrap_or((data, &[]));
            self.escaped = escaped && end.is_none();
            if masked {
                hold(&mut self.held, part)?;
            } else {
                out.put_slice(part);
            }
            self.line.begun = true;
            data = rest;
            if let Some((separator, rest)) = rest.split_first() {
                self.end_field(out)?;
                out.put_u8(*separator);
                self.line.next(&self.masks, *separator == b'\n')?;
                data = rest;
            }
        }
        Ok(())
    }

    fn end_field(&mut self, out: &mut BytesMut) -> Result<(), CellError> {
        let Some(column) = self.line.column(&self.masks)? else { return Ok(()) };
        let unescaped = self.held.contains(&b'\\').then(|| unescaped(&self.held));
        let value = if self.held == NULL { None } else { Some(unescaped.as_ref().unwrap_or(&self.held)) };
        self.masked.clear();
        match column.mask(value.map(Vec::as_slice), &mut self.masked) {
            Masked::Null => out.put_slice(NULL),
            Masked::Value | Masked::Blank => escape(&self.masked, self.delimiter, out),
        }
        empty(&mut self.held, &mut self.masked);
        Ok(())
    }
}

fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let Some((letter, after)) = (*byte == b'\\').then(|| after.split_first()).flatten() else {
            value.push(*byte);
            continue;
        };
        rest = after;
        match letter {
            b'b' => value.push(8),
            b'f' => value.push(12),
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'v' => value.push(11),
            b'0'..=b'7' => {
                let digits = |byte: &&u8| matches!(byte, b'0'..=b'7');
                let more = rest.iter().take(2).take_while(digits).count();
                let (octal, after) = rest.split_at_checked(more).unwrap_or((&[], rest));
                rest = after;
                let digit = |byte: u8| byte.wrapping_sub(b'0');
                value.push(octal.iter().fold(digit(*letter), |number, byte| number << 3 | digit(*byte)));
            }
            b'x' => {
                let more = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let (hex, after) = rest.split_at_checked(more).unwrap_or((&[], rest));
                rest = after;
                let number = std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                value.push(number.unwrap_or(b'x'));
            }
            other => value.push(*other),
        }
    }
    value
}

fn escape(value: &[u8], delimiter: u8, out: &mut BytesMut) {
    if !value.iter().any(|byte| matches!(byte, 8..=13 | b'\\') || *byte == delimiter) {
        return out.put_slice(value);
    }
    for byte in value {
        let letter = match *byte {
            8 => b'b',
            9 => b't',
            10 => b'n',
            11 => b'v',
            12 => b'f',
            13 => b'r',
            byte if byte == delimiter || byte == b'\\' => byte,
            byte => {
                out.put_u8(byte);
                continue;
            }
        };
        // A delimiter that is a tab or the like stays what it is.
        out.put_slice(&[b'\\', letter]);
    }
}
