//! The program `isobar-sink`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<sink::Sink>(std::env::args_os())
}
