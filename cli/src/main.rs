//! The `isobar` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::cli::main(std::env::args_os().collect())
}
