use super::{
    Authentication, BackendKey, CommandComplete, CopyResponse, DataRow, ErrorFields, ParameterDescription,
    ParameterStatus, ReadyForQuery, RowDescription,
};
use crate::wire::postgres::body::Reader;
use crate::wire::postgres::{Frame, WireError};

/// A server's message, read whole. Rows come here only while they are given whole; CopyData never does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendMessage<'a> {
    /// `R`.
    Authentication(Authentication<'a>),
    /// `K`.
    BackendKeyData(BackendKey),
    /// `S`.
    ParameterStatus(ParameterStatus<'a>),
    /// `v`: what it says is not read, since sidegate asks for 3.0.
    NegotiateProtocolVersion,
    /// `Z`.
    ReadyForQuery(ReadyForQuery),
    /// `E`.
    ErrorResponse(ErrorFields),
    /// `N`.
    NoticeResponse(ErrorFields),
    /// `A`: passed on as it is.
    NotificationResponse,
    /// `C`.
    CommandComplete(CommandComplete<'a>),
    /// `I`.
    EmptyQueryResponse,
    /// `1`.
    ParseComplete,
    /// `2`.
    BindComplete,
    /// `3`.
    CloseComplete,
    /// `t`.
    ParameterDescription(ParameterDescription),
    /// `T`.
    RowDescription(RowDescription<'a>),
    /// `n`.
    NoData,
    /// `D`.
    DataRow(DataRow<'a>),
    /// `s`.
    PortalSuspended,
    /// `G`.
    CopyInResponse(CopyResponse),
    /// `H`.
    CopyOutResponse(CopyResponse),
    /// `W`.
    CopyBothResponse(CopyResponse),
    /// `c`.
    CopyDone,
    /// `V`.
    FunctionCallResponse,
}

impl<'a> BackendMessage<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// A body that is not what its tag says, or a tag that no server may send.
    pub fn decode(frame: &'a Frame) -> Result<Self, WireError> {
        let body = frame.body();
        match frame.tag() {
            b'R' => Authentication::decode(body).map(Self::Authentication),
            b'K' => BackendKey::decode(body).map(Self::BackendKeyData),
            b'S' => ParameterStatus::decode(body).map(Self::ParameterStatus),
            b'v' => Ok(Self::NegotiateProtocolVersion),
            b'Z' => ReadyForQuery::decode(body).map(Self::ReadyForQuery),
            b'E' => ErrorFields::decode(body).map(Self::ErrorResponse),
            b'N' => ErrorFields::decode(body).map(Self::NoticeResponse),
            b'A' => Ok(Self::NotificationResponse),
            b'C' => CommandComplete::decode(body).map(Self::CommandComplete),
            b'I' => empty("EmptyQueryResponse", body).map(|()| Self::EmptyQueryResponse),
            b'1' => empty("ParseComplete", body).map(|()| Self::ParseComplete),
            b'2' => empty("BindComplete", body).map(|()| Self::BindComplete),
            b'3' => empty("CloseComplete", body).map(|()| Self::CloseComplete),
            b't' => ParameterDescription::decode(body).map(Self::ParameterDescription),
            b'T' => RowDescription::decode(body).map(Self::RowDescription),
            b'n' => empty("NoData", body).map(|()| Self::NoData),
            b'D' => DataRow::decode(body).map(Self::DataRow),
            b's' => empty("PortalSuspended", body).map(|()| Self::PortalSuspended),
            b'G' => CopyResponse::decode(body).map(Self::CopyInResponse),
            b'H' => CopyResponse::decode(body).map(Self::CopyOutResponse),
            b'W' => CopyResponse::decode(body).map(Self::CopyBothResponse),
            b'c' => empty("CopyDone", body).map(|()| Self::CopyDone),
            b'V' => Ok(Self::FunctionCallResponse),
            tag => Err(WireError::Tag { tag }),
        }
    }
}

fn empty(message: &'static str, body: &[u8]) -> Result<(), WireError> {
    Reader::new(message, body).finish()
}
