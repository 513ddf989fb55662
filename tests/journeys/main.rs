//! The real binary between real clients and a real PostgreSQL.

mod adversary;
mod clients;
mod harness;
mod policy;
mod refusals;
