//! The policy input. Takes a caller, a request and what is known of the session, gives the
//! [`Document`] that policy reads (`rego/schema/input.json`). Pure; refuses nothing: what is
//! not known is `null` and named in `unknown`.

mod document;

pub use document::Document;
