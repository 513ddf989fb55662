//! SQL that walks around policies, sent through the real binary to real servers: one attack or control a line of
//! `data/sql/adversarial.jsonl`, on the database of `schema.sql`, under `masked.rego` and `unseen.rego`.
//!
//! What must hold: no byte that a client's socket takes holds a value that is hidden, no statement changes anything,
//! and nothing that an analyst may do is refused. `known.txt` lists where the last does not hold yet; it only shrinks.
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

mod answer;
mod case;
mod database;
mod fuzz;
mod generate;
mod more;
mod ordinary;
mod set;
mod wire;
