//! The real binary between real clients and a real PostgreSQL.
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

mod adversary;
mod altered;
mod begun;
mod between;
mod cascades;
mod catalog;
mod causes;
mod clients;
mod copies;
mod cursors;
mod defined;
mod demo;
mod disk;
mod doors;
mod drivers;
mod durability;
mod estimates;
mod floods;
mod foreseen;
mod forms;
#[allow(dead_code, reason = "faults use the rest")]
mod harness;
mod hostile;
mod identities;
mod interleavings;
mod limits;
mod lineage;
mod lying;
mod made;
mod mappers;
mod masks;
mod meanings;
mod metrics;
mod moved;
mod overloads;
mod pipelines;
mod policy;
mod portals;
mod powers;
mod promises;
mod refusals;
mod replanned;
mod revoked;
mod sessions;
mod sqlsmith;
mod stages;
mod suites;
mod swapped;
mod tls;
mod tools;
mod unseen;
mod upstream_tls;
mod upstreams;
mod versions;
mod views;
mod withdrawals;
