//! Carrying a decision out. Takes a request and its open journal entry, gives a [`Permit`]
//! that owns both, or a [`Refusal`] with the error the client will see.

pub mod mask;
mod permit;
mod poison;
mod refuse;

pub use mask::{
    By, Copied, Earlier, Guard, Later, Rows, Views, Woven, calls, guard, guarded, views_of, weave, weave_with,
};
pub use permit::{Permit, Refused, Wording, carry_out, resume};
pub use poison::{Poison, poison};
pub use refuse::{Refusal, Severity, UNFORESEEN, sqlstate};
