//! The `sidegate` program: arguments to command, nothing else.

fn main() {}
