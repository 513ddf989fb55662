//! One file per message. Takes the exact body of one frame, gives its fields,
//! refuses what PostgreSQL refuses: bytes missing, bytes left over, strings without an end.

mod authentication;
mod backend;
mod backend_key_data;
mod bind;
mod close;
mod command_complete;
mod copy_fail;
mod copy_response;
mod data_row;
mod describe;
mod error_response;
mod execute;
mod frontend;
mod function_call;
mod negotiate_protocol_version;
mod parameter_description;
mod parameter_status;
mod parse;
mod password;
mod query;
mod ready_for_query;
mod row_description;
mod startup;
#[cfg(test)]
mod tests;

pub use authentication::Authentication;
pub use backend::BackendMessage;
pub use backend_key_data::BackendKey;
pub use bind::Bind;
pub use close::Close;
pub use command_complete::CommandComplete;
pub use copy_fail::CopyFail;
pub use copy_response::CopyResponse;
pub use data_row::DataRow;
pub use describe::{Describe, Object};
pub use error_response::{ErrorFields, Severity};
pub use execute::Execute;
pub use frontend::FrontendMessage;
pub use function_call::FunctionCall;
pub use negotiate_protocol_version::NegotiateProtocolVersion;
pub use parameter_description::ParameterDescription;
pub use parameter_status::ParameterStatus;
pub use parse::Parse;
pub use password::{Password, SaslInitialResponse, SaslResponse};
pub use query::Query;
pub use ready_for_query::{ReadyForQuery, TransactionStatus};
pub use row_description::{Column, RowDescription};
pub use startup::{CancelRequest, Startup, StartupPacket};
