//! The corridor. Takes connections, leads each through the rooms in order to its end; refuses
//! whatever any room refuses, in the words of `enforce`.

mod atlas;
mod contain;
mod house;
mod listen;
mod postgres;
mod strangers;
mod workers;

pub use house::{Drain, House, Lane};
pub use listen::listen;
pub use workers::Workers;
