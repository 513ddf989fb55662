//! From the client: bytes in, whole messages out.

use bytes::{Buf, Bytes, BytesMut};

use super::{Frame, WireError};

/// Length-word limits of what a client may send. Everything else may be 10,000 bytes, as in
/// PostgreSQL, or has no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontendLimits {
    /// Query and Parse. Above it the message is skipped and reported, and the session goes on.
    pub sql: u32,
    /// Bind and FunctionCall. Above it the message is skipped and reported, and the session goes on.
    pub bind: u32,
}

impl FrontendLimits {
    /// What a Parse carries beside its text: a name, and 65,535 type numbers.
    const BESIDE_TEXT: u32 = 300_000;

    /// Limits for statements of `bytes` of SQL text. Longer text that still fits is refused by the reader of SQL,
    /// which counts the text alone.
    pub fn for_statements(bytes: usize) -> Self {
        let text = u32::try_from(bytes).unwrap_or(MAX_COPY);
        Self { sql: text.saturating_add(Self::BESIDE_TEXT).min(MAX_COPY), ..Self::default() }
    }
}

impl Default for FrontendLimits {
    /// SQL up to 1 MiB. Values up to 16 MiB: a message is held whole while it is judged, and a thousand sessions
    /// must fit the sidecar's memory; larger values go by COPY or in parts.
    fn default() -> Self {
        Self { sql: (1 << 20) + Self::BESIDE_TEXT, bind: 16 << 20 }
    }
}

/// Most messages: PostgreSQL's own limit.
const MAX_SMALL: u32 = 10_000;
/// A message that is its tag. What came with it would be read by nobody here, and perhaps by the server.
const BARE: u32 = 4;
/// Passwords and SASL answers: a token of 64 KiB, and what is said around it.
const MAX_PASSWORD: u32 = (64 << 10) + 256;
/// CopyData is relayed as it comes, so PostgreSQL's own limit does no harm.
const MAX_COPY: u32 = 0x3fff_fffe;

/// What came from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontendPiece {
    /// One whole message.
    Frame(Frame),
    /// A part of the CopyData stream.
    CopyData(Relay),
    /// A Query, Parse, Bind or FunctionCall above its limit. Its bytes are dropped as they come.
    TooLarge {
        /// Which message.
        tag: u8,
        /// What its length word said.
        length: u32,
        /// The most it may say.
        limit: u32,
    },
}

/// A run of bytes of one kind of message that nobody reads: whole messages, or a part of one.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    /// Which message.
    pub tag: u8,
    /// How many of them begin here.
    pub begins: u64,
    /// How many of them end here.
    pub ends: u64,
    /// The bytes, headers included.
    pub bytes: Bytes,
}

impl Relay {
    /// The bodies of its messages, if they are whole.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let mut rest = self.bytes.as_ref();
        std::iter::from_fn(move || {
            let total = Header::peek(rest)?.total();
            let (message, after) = rest.split_at_checked(total)?;
            rest = after;
            message.get(Header::BYTES..)
        })
    }
}

/// Cuts the client's stream into messages. It holds at most one message, and grows only with bytes that came.
pub struct FrontendFramer {
    buffer: BytesMut,
    limits: FrontendLimits,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Only passwords may come.
    Authentication,
    /// Anything but passwords may come.
    Messages,
    /// Inside a message that is dropped.
    Dropping { left: usize },
    /// Inside a CopyData.
    Relaying { left: usize },
    /// The stream means nothing any more.
    Broken(WireError),
}

impl FrontendFramer {
    /// A framer for a client that has sent its start-up packet and perhaps some more.
    pub fn new(limits: FrontendLimits, buffered: BytesMut) -> Self {
        Self { buffer: buffered, limits, state: State::Authentication }
    }

    /// From now on everything but passwords may come.
    pub fn authenticated(&mut self) {
        if let State::Authentication = self.state {
            self.state = State::Messages;
        }
    }

    /// Where to read into, with room for at least one more byte.
    pub fn room(&mut self) -> &mut BytesMut {
        make_room(&mut self.buffer)
    }

    /// Takes bytes that were read elsewhere. What holds nothing until then holds no more than these.
    pub fn put(&mut self, bytes: &[u8]) {
        put(&mut self.buffer, bytes);
    }

    /// Gives back the room for what may come, unless something has.
    pub fn tidy(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Bytes that wait to become a message.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the last bytes so far may be a Terminate.
    pub fn ends_with_goodbye(&self) -> bool {
        self.buffer.ends_with(b"X\0\0\0\x04")
    }

    /// Whether the bytes so far end inside a message.
    pub fn is_mid_message(&self) -> bool {
        match self.state {
            State::Authentication | State::Messages => !self.buffer.is_empty(),
            State::Dropping { .. } | State::Relaying { .. } => true,
            State::Broken(_) => false,
        }
    }

    /// Whether the last part of CopyData that was given out ends inside a message: what is sent behind it now would
    /// be taken for data, and the end of the data for messages.
    pub fn is_mid_copy_data(&self) -> bool {
        matches!(self.state, State::Relaying { .. })
    }

    /// The next piece; `None` until more bytes come. After an error there is only that error.
    ///
    /// # Errors
    /// A length or tag that the protocol does not allow. The session must end.
    pub fn next_piece(&mut self) -> Result<Option<FrontendPiece>, WireError> {
        self.advance().inspect_err(|error| {
            self.buffer = BytesMut::new();
            self.state = State::Broken(error.clone());
        })
    }

    fn advance(&mut self) -> Result<Option<FrontendPiece>, WireError> {
        loop {
            match self.state {
                State::Broken(ref error) => return Err(error.clone()),
                State::Dropping { ref mut left } => {
                    let drop = (*left).min(self.buffer.len());
                    self.buffer.advance(drop);
                    *left = left.saturating_sub(drop);
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::Messages;
                }
                State::Relaying { left } => {
                    let run = take_run(&mut self.buffer, b'd', left, |length| length <= MAX_COPY);
                    self.state = if run.left > 0 { State::Relaying { left: run.left } } else { State::Messages };
                    return Ok(run.relay.map(FrontendPiece::CopyData));
                }
                State::Authentication | State::Messages => {
                    let Some(header) = Header::peek(&self.buffer) else { return Ok(None) };
                    match self.admit(header)? {
                        Admission::Whole => {
                            let whole = take_whole(&mut self.buffer, header);
                            return Ok(whole.map(FrontendPiece::Frame));
                        }
                        Admission::Relay => self.state = State::Relaying { left: 0 },
                        Admission::Drop { limit } => {
                            self.buffer.advance(Header::BYTES);
                            self.state = State::Dropping { left: header.body() };
                            let Header { tag, length } = header;
                            return Ok(Some(FrontendPiece::TooLarge { tag, length, limit }));
                        }
                    }
                }
            }
        }
    }

    /// Compares a header with its limit before a byte of the body is waited for.
    fn admit(&self, header: Header) -> Result<Admission, WireError> {
        let Header { tag, length } = header;
        if matches!(self.state, State::Authentication) != (tag == b'p') {
            return Err(WireError::Tag { tag });
        }
        let (limit, otherwise) = match tag {
            b'Q' | b'P' => (self.limits.sql, Some(Admission::Drop { limit: self.limits.sql })),
            b'B' | b'F' => (self.limits.bind, Some(Admission::Drop { limit: self.limits.bind })),
            b'd' => (MAX_COPY, None),
            b'p' => (MAX_PASSWORD, None),
            b'D' | b'E' | b'C' | b'f' => (MAX_SMALL, None),
            b'H' | b'S' | b'X' | b'c' => (BARE, None),
            _ => return Err(WireError::Tag { tag }),
        };
        if !(4..=MAX_COPY).contains(&length) {
            return Err(WireError::Length { tag, length, limit });
        }
        match (length <= limit, otherwise) {
            (true, _) if tag == b'd' => Ok(Admission::Relay),
            (true, _) => Ok(Admission::Whole),
            (false, Some(admission)) => Ok(admission),
            (false, None) => Err(WireError::Length { tag, length, limit }),
        }
    }
}

/// What waits may be half a password.
impl std::fmt::Debug for FrontendFramer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("FrontendFramer");
        shown.field("buffered", &self.buffer.len()).field("state", &self.state).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tag = char::from(self.tag);
        f.debug_struct("Relay").field("tag", &tag).field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

enum Admission {
    Whole,
    Relay,
    Drop { limit: u32 },
}

/// Tag and length word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) tag: u8,
    pub(super) length: u32,
}

impl Header {
    pub(super) const BYTES: usize = 5;

    pub(super) fn peek(buffer: &[u8]) -> Option<Self> {
        let ([tag, word @ ..], _) = buffer.split_first_chunk::<5>()?;
        Some(Self { tag: *tag, length: u32::from_be_bytes(*word) })
    }

    /// Bytes after the header; saturates where a length is impossible anyway.
    pub(super) fn body(self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX).saturating_sub(4)
    }

    /// Bytes of the message.
    fn total(self) -> usize {
        self.body().saturating_add(Self::BYTES)
    }
}

/// How much is read at a time. Never the length that a peer claims.
const READ: usize = 16 << 10;

/// Reserves the next read. A buffer that fills up doubles, so long messages cost few copies.
pub(super) fn make_room(buffer: &mut BytesMut) -> &mut BytesMut {
    if buffer.capacity().saturating_sub(buffer.len()) < READ / 4 {
        buffer.reserve(READ);
    }
    buffer
}

/// Puts bytes behind those that wait, in a new buffer if none do: the old one may be much larger.
pub(super) fn put(buffer: &mut BytesMut, bytes: &[u8]) {
    if buffer.is_empty() {
        *buffer = BytesMut::from(bytes);
    } else {
        buffer.extend_from_slice(bytes);
    }
}

/// Takes one whole message, if it is all there.
pub(super) fn take_whole(buffer: &mut BytesMut, header: Header) -> Option<Frame> {
    let total = header.total();
    if buffer.len() < total {
        return None;
    }
    Frame::whole(buffer.split_to(total).freeze())
}

/// How many bytes of whole messages are enough for one piece.
const ROWS: usize = 64 << 10;

/// Takes the consecutive `tag` messages that are there as a whole.
pub(super) fn take_rows(buffer: &mut BytesMut, tag: u8, allowed: impl Fn(u32) -> bool) -> Option<Relay> {
    let (mut rows, mut end) = (0_u64, 0_usize);
    while end < ROWS {
        let rest = buffer.get(end..).unwrap_or_default();
        let Some(header) = Header::peek(rest) else { break };
        if header.tag != tag || header.length < 4 || !allowed(header.length) || rest.len() < header.total() {
            break;
        }
        rows = rows.saturating_add(1);
        end = end.saturating_add(header.total());
    }
    (rows > 0).then(|| Relay { tag, begins: rows, ends: rows, bytes: buffer.split_to(end).freeze() })
}

pub(super) struct Run {
    pub(super) relay: Option<Relay>,
    pub(super) left: usize,
}

/// Takes as many bytes of consecutive `tag` messages as are there; `left` is what is missing of a message begun.
pub(super) fn take_run(buffer: &mut BytesMut, tag: u8, mut left: usize, allowed: impl Fn(u32) -> bool) -> Run {
    let (mut begins, mut ends, mut end) = (0_u64, 0_u64, 0_usize);
    loop {
        let rest = buffer.get(end..).unwrap_or_default();
        if left > 0 {
            let part = left.min(rest.len());
            end = end.saturating_add(part);
            left = left.saturating_sub(part);
            if left > 0 {
                break;
            }
            ends = ends.saturating_add(1);
            continue;
        }
        match Header::peek(rest) {
            Some(header) if header.tag == tag && header.length >= 4 && allowed(header.length) => {
                begins = begins.saturating_add(1);
                end = end.saturating_add(Header::BYTES);
                left = header.body();
                if left == 0 {
                    ends = ends.saturating_add(1);
                }
            }
            Some(_) | None => break,
        }
    }
    let relay = (end > 0).then(|| Relay { tag, begins, ends, bytes: buffer.split_to(end).freeze() });
    Run { relay, left }
}
