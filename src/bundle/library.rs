//! The policy library that every bundle may import, shipped in the binary.

/// Path and source of every module.
pub(super) const MODULES: [(&str, &str); 1] = [("sidegate/sql.rego", include_str!("../../rego/sidegate/sql.rego"))];
