//! Masks. Takes what policy said of a column, gives statements and cells in which its values are masked,
//! refuses what cannot be masked as policy said.

pub mod cells;
