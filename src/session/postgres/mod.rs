//! One PostgreSQL session, start to end. Takes a connection, gives nothing but effects, refuses
//! with an ErrorResponse: the session goes on where it can.

mod alone;
mod answers;
mod between;
mod budget;
mod carried;
mod cells;
mod complete;
mod copying;
mod corridor;
mod discreet;
mod endings;
mod estimate;
mod fill;
mod foreseen;
mod given;
mod greet;
mod judge;
mod ledger;
mod masks;
mod names;
mod open;
mod owed;
mod pause;
mod recent;
mod requests;
mod search;
mod signals;
mod stages;
mod state;
mod statements;
#[cfg(test)]
pub(super) mod stub;
mod transaction;
mod tripwire;
mod turns;
mod views;
mod waits;
mod watch;

pub(super) use open::serve;
