//! The program `isobar-aggregate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::<aggregate::Aggregate>(std::env::args_os())
}
