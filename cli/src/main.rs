//! The `isobar` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    deploy::cli::main(std::env::args_os().collect())
}
