//! The program `isobar-enrich`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<enrich::Enrich>(std::env::args_os())
}
