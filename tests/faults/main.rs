//! Faults on every side of the real binary, each with the same check of what must hold all the same.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "../journeys/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "journeys use the rest")]
mod harness;

mod clients;
mod crowds;
mod defects;
mod disk;
mod drain;
mod hold;
mod kills;
mod proxy;
mod silence;
mod statements;
mod upstreams;
