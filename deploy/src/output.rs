//! Standard output and error. `println!` panics when its reader has gone, as in `isobar … | head`.
//!
//! Whatever is written passes [`harmless_lines`]; text of others that stands in a line of ours, such
//! as a cell of a table, passes [`harmless`] before.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write, stderr, stdout};

pub use service::harmless;
use service::harmless_lines;

use crate::failure::{Context, Failure};

/// Writes `text` and the end of a line.
///
/// # Errors
/// If it cannot be written. A reader that has gone has heard enough, which is no failure.
pub fn line(text: impl Display) -> Result<(), Failure> {
    written(write_to(&mut stdout().lock(), format_args!("{text}\n")))
}

/// Writes `text`, whose lines have their ends.
///
/// # Errors
/// As [`line()`].
pub fn lines(text: impl Display) -> Result<(), Failure> {
    written(write_to(&mut stdout().lock(), text))
}

fn write_to(out: &mut impl Write, text: impl Display) -> io::Result<()> {
    write!(out, "{}", harmless_lines(&text.to_string()))
}

/// Says what is being done. That nobody can hear it is no reason not to do it.
pub fn step(step: &str) {
    let _ = line(format_args!("{step} …"));
}

/// Says on standard error why a verb failed. Further lines are indented: an answer that is quoted
/// cannot pass for a line of ours.
pub fn complain(failure: &Failure) {
    let _ = writeln!(stderr().lock(), "{}", complaint(failure));
}

fn complaint(failure: &Failure) -> String {
    format!("isobar: {}", harmless_lines(&failure.to_string()).replace('\n', "\n  "))
}

fn written(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_answer_that_is_quoted_in_an_error_is_harmless() {
        let answer = "Code: 6. DB::Exception: Cannot parse '\x1b[2J\u{202e}'\nisobar: all is well";
        let said = complaint(&Failure(format!("ClickHouse: {answer}")));
        let harmless = r"Cannot parse '\u001b[2J\u202e'";
        assert_eq!(
            said,
            format!(
                "isobar: ClickHouse: Code: 6. DB::Exception: {harmless}\n  isobar: all is well"
            )
        );
    }

    #[test]
    fn a_terminal_is_told_nothing_that_it_obeys() {
        let mut out = Vec::new();
        write_to(&mut out, "a provider\x1b]0;title\x07\u{9b}2J\u{202e}\tof\r\nnext line\n")
            .unwrap();
        let said = String::from_utf8(out).unwrap();
        let line = r"a provider\u001b]0;title\u0007\u009b2J\u202e\u0009of\u000d";
        assert_eq!(said, format!("{line}\nnext line\n"));
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_but_a_full_disk_is_one() {
        assert!(written(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(written(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
