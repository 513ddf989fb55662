//! PostgreSQL's protocol, version 3. Takes bytes, gives whole frames and their bodies,
//! refuses lengths, shapes and tags that the protocol does not allow.

mod frame;

pub use frame::Frame;
