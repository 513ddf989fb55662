//! Rego placeholder: replaced by branch b1.
