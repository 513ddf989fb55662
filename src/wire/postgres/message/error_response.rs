use bytes::Bytes;

use crate::wire::postgres::body::{Reader, Writer};
use crate::wire::postgres::{Frame, WireError};

/// The fields of an ErrorResponse or NoticeResponse, in order, in the session's encoding.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ErrorFields {
    fields: Vec<(u8, Bytes)>,
}

/// How bad it is: fields `S` and `V`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed; the session goes on.
    Error,
    /// The session ends.
    Fatal,
    /// A notice.
    Warning,
    /// A notice.
    Notice,
}

impl Severity {
    fn text(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

impl ErrorFields {
    /// Field `S`: severity, perhaps translated.
    pub const SEVERITY: u8 = b'S';
    /// Field `V`: severity, never translated.
    pub const SEVERITY_PLAIN: u8 = b'V';
    /// Field `C`: SQLSTATE.
    pub const CODE: u8 = b'C';
    /// Field `M`: message.
    pub const MESSAGE: u8 = b'M';
    /// Field `D`: detail.
    pub const DETAIL: u8 = b'D';
    /// Field `H`: hint.
    pub const HINT: u8 = b'H';

    /// What every error must have. A NUL ends the text where it stands.
    pub fn new(severity: Severity, sqlstate: &str, message: &str) -> Self {
        let mut fields = Self::default();
        fields.set(Self::SEVERITY, severity.text());
        fields.set(Self::SEVERITY_PLAIN, severity.text());
        fields.set(Self::CODE, sqlstate);
        fields.set(Self::MESSAGE, message);
        fields
    }

    /// The same with a DETAIL.
    #[must_use]
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.set(Self::DETAIL, detail);
        self
    }

    /// The same with a HINT.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.set(Self::HINT, hint);
        self
    }

    /// Reads a body.
    ///
    /// # Errors
    /// Fields without an end, or bytes after the end. Which fields there are is not asked: a server that sends no
    /// SQLSTATE is answered for by [`ErrorFields::sqlstate`].
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new("ErrorResponse", body);
        let mut fields = Vec::new();
        loop {
            match reader.u8()? {
                0 => break,
                code => fields.push((code, Bytes::copy_from_slice(reader.string()?))),
            }
        }
        reader.finish()?;
        Ok(Self { fields })
    }

    /// One field's bytes.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.fields.iter().find(|(each, _)| *each == code).map(|(_, value)| value.as_ref())
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.fields.iter().map(|(code, value)| (*code, value.as_ref()))
    }

    /// The SQLSTATE, where it is one: five digits or capital letters.
    pub fn sqlstate(&self) -> Option<&str> {
        let code = std::str::from_utf8(self.get(Self::CODE)?).ok()?;
        let plain = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        plain.then_some(code)
    }

    /// Whether the server says that the session ends with it.
    pub fn is_fatal(&self) -> bool {
        let severity = self.get(Self::SEVERITY_PLAIN).or_else(|| self.get(Self::SEVERITY));
        matches!(severity, Some(b"FATAL" | b"PANIC"))
    }

    /// Replaces a field in its place, or adds it. A NUL ends the text where it stands.
    pub fn set(&mut self, code: u8, value: &str) {
        let end = value.bytes().position(|byte| byte == 0).unwrap_or(value.len());
        let value = Bytes::copy_from_slice(value.as_bytes().get(..end).unwrap_or_default());
        match self.fields.iter_mut().find(|(each, _)| *each == code) {
            Some((_, old)) => *old = value,
            None => self.fields.push((code, value)),
        }
    }

    /// Leaves out every field that is not in `codes`.
    pub fn retain(&mut self, codes: &[u8]) {
        self.fields.retain(|(code, _)| codes.contains(code));
    }

    /// Writes an ErrorResponse.
    ///
    /// # Errors
    /// More than a length word can say.
    pub fn encode_error(&self) -> Result<Frame, WireError> {
        self.encode("ErrorResponse", b'E')
    }

    /// Writes a NoticeResponse.
    ///
    /// # Errors
    /// More than a length word can say.
    pub fn encode_notice(&self) -> Result<Frame, WireError> {
        self.encode("NoticeResponse", b'N')
    }

    fn encode(&self, name: &'static str, tag: u8) -> Result<Frame, WireError> {
        let mut writer = Writer::new(name, tag);
        for (code, value) in &self.fields {
            writer.u8(*code);
            writer.string(value)?;
        }
        writer.u8(0);
        writer.finish()
    }
}

// Messages and details carry data of the database: only the SQLSTATE goes into logs.
impl std::fmt::Debug for ErrorFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErrorFields").field("sqlstate", &self.sqlstate()).finish_non_exhaustive()
    }
}
