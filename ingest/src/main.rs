//! The program `isobar-ingest`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<ingest::Ingest>(std::env::args_os())
}
