//! The real binary between real clients and a real PostgreSQL.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod clients;
mod harness;
mod policy;
mod refusals;
