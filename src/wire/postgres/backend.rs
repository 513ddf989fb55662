//! From the server: bytes in, whole messages out where somebody reads them, else runs of bytes.

use bytes::BytesMut;

use super::frontend::{Header, Relay, make_room, put, take_rows, take_run, take_whole};
use super::{Frame, WireError};

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendPiece {
    /// One whole message.
    Frame(Frame),
    /// Whole or partial DataRow or CopyData messages (`Relay::tag` says which), to be passed on as they are.
    Relay(Relay),
    /// The same, of whole messages only.
    Rows(Relay),
}

/// Whether rows are passed on by their headers, or given whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// As [`BackendPiece::Relay`]: a row of 1 GB is never held.
    Relayed,
    /// As [`BackendPiece::Frame`], up to 16 MiB: for the answers to sidegate's own questions.
    Whole,
    /// As [`BackendPiece::Rows`], of up to 16 MiB each: as many as are there, for whoever reads every one.
    Runs,
}

/// What becomes of a message.
enum Way {
    Relayed,
    Whole,
    Run,
}

/// Most messages: libpq's own limit.
const MAX_SHORT: u32 = 30_000;
/// Messages that libpq lets be long; 16 MiB is far above what PostgreSQL writes into an error or a row description.
const MAX_LONG: u32 = 16 << 20;
/// Rows and COPY data, which are only passed on.
const MAX_RELAYED: u32 = 0x7fff_ffff;

/// Cuts the server's stream into pieces.
pub struct BackendFramer {
    buffer: BytesMut,
    rows: Rows,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Messages,
    /// Inside a message that is passed on.
    Relaying {
        tag: u8,
        left: usize,
    },
    Broken(WireError),
}

impl Default for BackendFramer {
    fn default() -> Self {
        Self::new()
    }
}

impl BackendFramer {
    /// A framer at the beginning of a stream; rows are relayed.
    pub fn new() -> Self {
        Self { buffer: BytesMut::new(), rows: Rows::Relayed, state: State::Messages }
    }

    /// How the rows that begin from now on are given.
    pub fn set_rows(&mut self, rows: Rows) {
        self.rows = rows;
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

    /// Bytes that wait to become a piece.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether what was given so far ends inside a message: then nothing else can be written to the client.
    pub fn is_mid_message(&self) -> bool {
        matches!(self.state, State::Relaying { left: 1.., .. })
    }

    /// The next piece; `None` until more bytes come. After an error there is only that error.
    ///
    /// # Errors
    /// A length or tag that the protocol does not allow. The session must end.
    pub fn next_piece(&mut self) -> Result<Option<BackendPiece>, WireError> {
        self.advance().inspect_err(|error| {
            self.buffer = BytesMut::new();
            self.state = State::Broken(error.clone());
        })
    }

    fn advance(&mut self) -> Result<Option<BackendPiece>, WireError> {
        loop {
            match self.state {
                State::Broken(ref error) => return Err(error.clone()),
                State::Relaying { tag, left } => {
                    let run = take_run(&mut self.buffer, tag, left, |length| length <= MAX_RELAYED);
                    self.state = if run.left > 0 { State::Relaying { tag, left: run.left } } else { State::Messages };
                    return Ok(run.relay.map(BackendPiece::Relay));
                }
                State::Messages => {
                    let Some(header) = Header::peek(&self.buffer) else { return Ok(None) };
                    match self.admit(header)? {
                        Way::Relayed => self.state = State::Relaying { tag: header.tag, left: 0 },
                        Way::Whole => return Ok(take_whole(&mut self.buffer, header).map(BackendPiece::Frame)),
                        Way::Run => {
                            let rows = take_rows(&mut self.buffer, header.tag, |length| length <= MAX_LONG);
                            return Ok(rows.map(BackendPiece::Rows));
                        }
                    }
                }
            }
        }
    }

    /// What becomes of a message, once its header is allowed.
    fn admit(&self, header: Header) -> Result<Way, WireError> {
        let Header { tag, length } = header;
        let (limit, way) = match tag {
            b'D' | b'd' => match self.rows {
                Rows::Relayed => (MAX_RELAYED, Way::Relayed),
                Rows::Whole => (MAX_LONG, Way::Whole),
                Rows::Runs => (MAX_LONG, Way::Run),
            },
            b'T' | b'E' | b'N' | b'A' | b'V' | b't' => (MAX_LONG, Way::Whole),
            b'R' | b'S' | b'K' | b'v' | b'Z' | b'C' | b'I' | b'1' | b'2' | b'3' | b'n' | b's' | b'G' | b'H' | b'W'
            | b'c' => (MAX_SHORT, Way::Whole),
            _ => return Err(WireError::Tag { tag }),
        };
        if length < 4 || length > limit {
            return Err(WireError::Length { tag, length, limit });
        }
        Ok(way)
    }
}

/// What waits are the database's answers.
impl std::fmt::Debug for BackendFramer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("BackendFramer");
        shown.field("buffered", &self.buffer.len()).field("state", &self.state).finish_non_exhaustive()
    }
}
