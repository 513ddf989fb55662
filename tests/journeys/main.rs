//! The real binary between real clients and a real PostgreSQL.

mod clients;
mod harness;
mod policy;
mod refusals;
