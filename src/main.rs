//! The `sidegate` program: arguments to command, nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sidegate::bundle::gate;

/// A session's memory comes from its thread and goes back to it: glibc's asks the kernel for more a page at a time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // A bundle is looked into by another process of this program.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == gate::ARGUMENT) {
        return gate::main();
    }
    sidegate::cli::main()
}
