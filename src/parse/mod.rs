//! What a message would do. Takes a frame and what is known of the session, gives a
//! [`Request`] with its [`Facts`]; what cannot be read whole is `unparsed`, never guessed.

mod definitions;
mod facts;
mod request;
mod sql;
mod statement;
mod value;

pub use definitions::Definitions;
pub use facts::{
    Access, Aftermath, ColumnFacts, Effect, Facts, FunctionFacts, Inner, LimitKind, Literal, RelationFacts,
    SettingFacts, StatementFacts, Unparsed, UnparsedKind, Use, Volatility,
};
pub use request::{Parameter, Protocol, Request};
pub use sql::{
    Encoding, Known, Names, NamesKey, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Temporary, Trust,
    literals, quoted_name,
};
pub use statement::{Prepared, Values, bound, executed, function_call, prepared, simple, typed};
