//! Sans-IO codecs. Takes bytes, gives whole messages, refuses what breaks the protocol.

pub mod postgres;
