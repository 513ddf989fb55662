//! What a message would do. Takes a frame and what is known of the session, gives a
//! [`Request`] with its [`Facts`]; what cannot be read whole is `unparsed`, never guessed.

mod definitions;
mod estimate;
mod facts;
mod reference;
mod request;
mod sql;
mod statement;
mod value;

pub use definitions::Definitions;
pub use estimate::{Estimate, Planning};
pub use facts::{
    Access, Aftermath, Answer, BaseColumn, CalledBy, ColumnFacts, Effect, Facts, FunctionFacts, Inner, LimitKind,
    Literal, OutputLineage, RelationFacts, SettingFacts, StatementFacts, Unparsed, UnparsedKind, Use, Volatility,
};
pub use reference::{Place, Reference, Role};
pub use request::{Parameter, Protocol, Request};
pub use sql::{
    Encoding, Known, Names, NamesKey, Quoting, Reader, Reading, ReadingLimits, Remembered, Stack, Temporary, Tokens,
    Trust, literals, quoted_name, relation_id, tokens,
};
pub use statement::{Prepared, Values, bound, executed, function_call, prepared, simple, typed};
