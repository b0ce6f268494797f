//! The program around a service: `isobar-NAME [check [--connect]] [--config FILE]`.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::service::Service;

/// The whole program.
pub fn main<S: Service>(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let _ = args.into_iter().count();
    let _ = crate::load::load::<S>("", std::iter::empty());
    ExitCode::SUCCESS
}
