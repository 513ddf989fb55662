//! One PostgreSQL session, start to end. Takes a connection, gives nothing but effects, refuses
//! with an ErrorResponse: the session goes on where it can.

mod answers;
mod budget;
mod corridor;
mod fill;
mod greet;
mod judge;
mod ledger;
mod masks;
mod names;
mod open;
mod recent;
mod requests;
mod search;
mod state;
mod statements;

pub(super) use open::serve;
