//! PostgreSQL's protocol, version 3. Takes bytes, gives whole frames and their bodies,
//! refuses lengths, shapes and tags that the protocol does not allow.

mod backend;
mod body;
mod error;
mod frame;
mod frontend;
mod message;
#[cfg(test)]
mod tests;

pub use backend::{BackendFramer, BackendPiece, Rows};
pub use error::WireError;
pub use frame::Frame;
pub use frontend::{FrontendFramer, FrontendLimits, FrontendPiece, Relay};
pub use message::{
    Authentication, BackendKey, BackendMessage, Bind, CancelRequest, Close, Column, CommandComplete, CopyFail,
    CopyResponse, DataRow, Describe, ErrorFields, Execute, FrontendMessage, FunctionCall, NegotiateProtocolVersion,
    Object, ParameterDescription, ParameterStatus, Parse, Password, Query, ReadyForQuery, RowDescription,
    SaslInitialResponse, SaslResponse, Severity, Startup, StartupPacket, TransactionStatus,
};
