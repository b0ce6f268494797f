//! The program `isobar-dashboard`.

use std::process::ExitCode;

fn main() -> ExitCode {
    dashboard::main(std::env::args_os())
}
