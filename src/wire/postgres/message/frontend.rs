use super::{Bind, Close, CopyFail, Describe, Execute, FunctionCall, Parse, Query};
use crate::wire::postgres::body::Reader;
use crate::wire::postgres::{Frame, WireError};

/// A client's message after authentication, read whole. CopyData never comes as one: it is relayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrontendMessage<'a> {
    /// `Q`.
    Query(Query<'a>),
    /// `P`.
    Parse(Parse<'a>),
    /// `B`.
    Bind(Bind<'a>),
    /// `D`.
    Describe(Describe<'a>),
    /// `E`.
    Execute(Execute<'a>),
    /// `C`.
    Close(Close<'a>),
    /// `F`.
    FunctionCall(FunctionCall<'a>),
    /// `H`.
    Flush,
    /// `S`.
    Sync,
    /// `c`.
    CopyDone,
    /// `f`.
    CopyFail(CopyFail<'a>),
    /// `X`.
    Terminate,
}

impl<'a> FrontendMessage<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// A body that is not what its tag says, or a tag that no client may send after authentication.
    pub fn decode(frame: &'a Frame) -> Result<Self, WireError> {
        let body = frame.body();
        match frame.tag() {
            b'Q' => Query::decode(body).map(Self::Query),
            b'P' => Parse::decode(body).map(Self::Parse),
            b'B' => Bind::decode(body).map(Self::Bind),
            b'D' => Describe::decode(body).map(Self::Describe),
            b'E' => Execute::decode(body).map(Self::Execute),
            b'C' => Close::decode(body).map(Self::Close),
            b'F' => FunctionCall::decode(body).map(Self::FunctionCall),
            b'H' => empty("Flush", body).map(|()| Self::Flush),
            b'S' => empty("Sync", body).map(|()| Self::Sync),
            b'c' => empty("CopyDone", body).map(|()| Self::CopyDone),
            b'f' => CopyFail::decode(body).map(Self::CopyFail),
            b'X' => empty("Terminate", body).map(|()| Self::Terminate),
            tag => Err(WireError::Tag { tag }),
        }
    }

    /// Sync, as sidegate itself sends it.
    ///
    /// # Errors
    /// None in practice.
    pub fn sync() -> Result<Frame, WireError> {
        bare("Sync", b'S')
    }

    /// Flush, as sidegate itself sends it.
    ///
    /// # Errors
    /// None in practice.
    pub fn flush() -> Result<Frame, WireError> {
        bare("Flush", b'H')
    }

    /// Terminate, as sidegate itself sends it.
    ///
    /// # Errors
    /// None in practice.
    pub fn terminate() -> Result<Frame, WireError> {
        bare("Terminate", b'X')
    }
}

fn empty(message: &'static str, body: &[u8]) -> Result<(), WireError> {
    Reader::new(message, body).finish()
}

fn bare(message: &'static str, tag: u8) -> Result<Frame, WireError> {
    Frame::build(tag, &[]).ok_or(WireError::Encode { message, problem: "it is too long" })
}
