//! What is woven, on a real PostgreSQL: no raw value of a masked column comes back, in whatever row, error or notice.
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

mod cases;
mod cells;
#[allow(dead_code, unused_imports, reason = "journeys use the rest")]
#[path = "../journeys/harness/mod.rs"]
mod harness;
mod kinds;
mod shop;
mod texts;
mod views;
