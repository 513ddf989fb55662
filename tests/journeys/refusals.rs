//! Refusals in every state of the protocol; the server's own log is the witness.
