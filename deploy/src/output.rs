//! Standard output. `println!` panics when its reader has gone, as in `isobar … | head`.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write, stdout};

use crate::failure::{Context, Failure};

/// Writes `text` and the end of a line.
///
/// # Errors
/// If it cannot be written. A reader that has gone has heard enough, which is no failure.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    written(writeln!(stdout().lock(), "{text}"))
}

/// Writes `text`, whose lines have their ends.
///
/// # Errors
/// As [`line`].
pub(crate) fn lines(text: impl Display) -> Result<(), Failure> {
    written(write!(stdout().lock(), "{text}"))
}

/// Says what is being done. That nobody can hear it is no reason not to do it.
pub(crate) fn step(step: &str) {
    let _ = line(format_args!("{step} …"));
}

fn written(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_gone_is_no_failure_but_a_full_disk_is_one() {
        assert!(written(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(written(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
