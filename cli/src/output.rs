//! Standard output and standard error. `println!` would panic if the reader has closed the pipe, as
//! in `isobar … | head`.
//!
//! All output passes through [`harmless_lines`]. Text from outside that is part of a line, such as a
//! cell of a table, passes through [`service::harmless`] first.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write, stderr, stdout};

use deploy::failure::{Context, Failure};
use service::harmless_lines;

/// Writes `text` and a newline to standard output.
///
/// # Errors
/// If it cannot be written. A reader that has closed the pipe is no error.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    written(write_to(&mut stdout().lock(), format_args!("{text}\n")))
}

/// Writes `text`, which ends with a newline of its own, to standard output.
///
/// # Errors
/// Same as [`line()`].
pub(crate) fn lines(text: impl Display) -> Result<(), Failure> {
    written(write_to(&mut stdout().lock(), text))
}

fn write_to(out: &mut impl Write, text: impl Display) -> io::Result<()> {
    write!(out, "{}", harmless_lines(&text.to_string()))
}

/// Writes a line of progress to standard output, and ignores a failure to write it.
#[cfg(feature = "lab")]
pub(crate) fn progress(text: &str) {
    let _ = line(text);
}

/// Writes the step that begins now to standard output, and ignores a failure to write it.
#[cfg(feature = "lab")]
pub(crate) fn step(step: &str) {
    progress(&format!("{step} …"));
}

/// Writes a remark to standard error, and ignores a failure to write it.
pub(crate) fn note(text: &str) {
    let _ = write_to(&mut stderr().lock(), format_args!("{text}\n"));
}

/// Writes the step that begins now to standard error, for verbs whose standard output is a document.
#[cfg(feature = "lab")]
pub(crate) fn step_to_stderr(step: &str) {
    note(&format!("{step} …"));
}

/// Writes to standard error why a verb failed. Further lines are indented, so that a quoted answer
/// cannot be mistaken for a line of this program.
pub(crate) fn complain(failure: &Failure) {
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
    fn an_answer_quoted_in_an_error_is_escaped() {
        let answer = "Code: 6. DB::Exception: Cannot parse '\x1b[2J\u{202e}'\nisobar: all is well";
        let text = complaint(&Failure::Refused(format!("ClickHouse: {answer}")));
        let harmless = r"Cannot parse '\u001b[2J\u202e'";
        assert_eq!(
            text,
            format!(
                "isobar: ClickHouse: Code: 6. DB::Exception: {harmless}\n  isobar: all is well"
            )
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = Vec::new();
        write_to(&mut out, "a provider\x1b]0;title\x07\u{9b}2J\u{202e}\tof\r\nnext line\n")
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        let line = r"a provider\u001b]0;title\u0007\u009b2J\u202e\u0009of\u000d";
        assert_eq!(text, format!("{line}\nnext line\n"));
    }

    #[test]
    fn a_closed_pipe_is_no_error_but_a_full_disk_is() {
        assert!(written(Err(ErrorKind::BrokenPipe.into())).is_ok());
        assert!(written(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
