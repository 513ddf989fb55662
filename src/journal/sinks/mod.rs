//! Where events go beside the journal. Takes events, gives nothing back, refuses nothing: a sink that does not
//! keep up loses lines, says how many, and never holds a statement up.

mod console;

pub(super) use console::Console;
