//! Reads SQL. Takes a statement's text and how the server would read it just now ([`Reading`]),
//! gives its [`Facts`](super::Facts); what two readers do not agree on, what is over budget and
//! what has no known meaning is `unparsed`, with a reason and the refusal it earns.

mod body;
mod brackets;
mod budget;
mod builtins;
mod cache;
mod guard;
mod joined;
mod lexer;
mod literal;
mod places;
mod plain;
mod pool;
mod read;
mod reader;
mod reading;
mod shape;
mod skeleton;
mod spelling;
mod tokens;
mod tree;
mod unread;
mod walk;

pub(in crate::parse) use literal::numeric;
pub use reader::{Reader, Stack};
pub use reading::{Encoding, Known, Names, NamesKey, Quoting, Reading, ReadingLimits, Remembered, Temporary, Trust};
pub use shape::literals;
pub use tokens::{Tokens, tokens};
pub(in crate::parse) use unread::function_call;
pub use walk::{quoted_name, relation_id};
