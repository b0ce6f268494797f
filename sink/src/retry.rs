//! Classification of ClickHouse's errors by their meaning for an insert.

use clickhouse::error::Error;

/// Outcome of an insert that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Unknown: it may have been applied. It is sent again, since rows replace themselves.
    Unknown,
    /// Not applied, because of its rows; a retry cannot succeed.
    Rows,
    /// Not applied: the server has to recover, or an operator has to act.
    Refused,
}

impl Verdict {
    /// Returns its name as a label.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Rows => "rows",
            Self::Refused => "refused",
        }
    }
}

/// Codes of `ErrorCodes.cpp` with another meaning than [`Verdict::Refused`]. Errors of types, names
/// and rights are not caused by rows: a migration of the tables fixes them.
const CODES: [(u32, Verdict); 19] = [
    (27, Verdict::Rows),     // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    (32, Verdict::Rows),     // ATTEMPT_TO_READ_AFTER_EOF
    (33, Verdict::Rows),     // CANNOT_READ_ALL_DATA
    (69, Verdict::Rows),     // ARGUMENT_OUT_OF_BOUND
    (117, Verdict::Rows),    // INCORRECT_DATA
    (128, Verdict::Rows),    // TOO_LARGE_ARRAY_SIZE
    (131, Verdict::Rows),    // TOO_LARGE_STRING_SIZE
    (246, Verdict::Rows),    // CORRUPTED_DATA
    (321, Verdict::Rows),    // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    (349, Verdict::Rows),    // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    (469, Verdict::Rows),    // VIOLATED_CONSTRAINT
    (691, Verdict::Rows),    // UNKNOWN_ELEMENT_OF_ENUM
    (159, Verdict::Unknown), // TIMEOUT_EXCEEDED
    (209, Verdict::Unknown), // SOCKET_TIMEOUT
    (210, Verdict::Unknown), // NETWORK_ERROR
    (236, Verdict::Unknown), // ABORTED
    (319, Verdict::Unknown), // UNKNOWN_STATUS_OF_INSERT
    (394, Verdict::Unknown), // QUERY_WAS_CANCELLED
    (735, Verdict::Unknown), // QUERY_WAS_CANCELLED_BY_CLIENT
];

/// Returns the outcome that `error` stands for.
pub(crate) fn verdict(error: &Error) -> Verdict {
    match error {
        Error::Network(_) | Error::TimedOut => Verdict::Unknown,
        Error::BadResponse(response) => code(response)
            .and_then(|code| CODES.iter().find(|(known, _)| *known == code))
            .map_or(Verdict::Refused, |(_, verdict)| *verdict),
        _ => Verdict::Refused,
    }
}

/// NOT_ENOUGH_SPACE: nothing was reserved, so nothing was written.
const NOT_ENOUGH_SPACE: u32 = 243;

/// Causes for which inserts wait, as labels.
pub(crate) const CAUSES: [&str; 3] = ["disk_full", "refused", "unreachable"];

/// Returns which of [`CAUSES`] `error` is. A disk that fills up during a write is reported with the
/// operating system's message, under several codes.
pub(crate) fn cause(error: &Error) -> &'static str {
    let full = |response: &str| {
        code(response) == Some(NOT_ENOUGH_SPACE) || response.contains("No space left on device")
    };
    match (error, verdict(error)) {
        (Error::BadResponse(response), _) if full(response) => CAUSES[0],
        (_, Verdict::Unknown) => CAUSES[2],
        _ => CAUSES[1],
    }
}

/// Returns the part of `error` that may be logged: of a response its code and name, since the text
/// between them can contain values.
pub(crate) fn summary(error: &Error) -> String {
    let Error::BadResponse(response) = error else {
        return chain(error);
    };
    match (code(response), name(response)) {
        (Some(code), Some(name)) => match missing_column(response) {
            Some(column) => format!("code {code}, {name}: {column}; see `isobar migrate status`"),
            None => format!("code {code}, {name}"),
        },
        (Some(code), None) => format!("code {code}"),
        (None, _) => "unrecognised response".to_owned(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).last().unwrap_or_default()
}

fn code(response: &str) -> Option<u32> {
    let (_, rest) = response.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the missing column if `response` reports one. Names of columns contain no user data.
fn missing_column(response: &str) -> Option<&str> {
    let (_, rest) = response.split_once("No such column ")?;
    let name = rest.split(' ').next()?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
}

/// Returns the last word in capitals and brackets: the error's name.
fn name(response: &str) -> Option<&str> {
    let named = response.rsplit('(').filter_map(|part| part.split(')').next());
    let mut names = named.filter(|name| {
        name.len() > 2
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    names.next()
}

#[cfg(test)]
mod tests {
    use std::io;

    use clickhouse::error::Error;

    use super::{CODES, Verdict, cause, summary, verdict};

    fn response(text: &str) -> Error {
        Error::BadResponse(text.to_owned())
    }

    #[test]
    fn a_lost_connection_leaves_the_outcome_unknown() {
        let lost = Error::Network(Box::new(io::Error::from(io::ErrorKind::ConnectionReset)));
        assert_eq!(verdict(&lost), Verdict::Unknown);
        assert_eq!(verdict(&Error::TimedOut), Verdict::Unknown);
        let unknown = "Code: 319. DB::Exception: … (UNKNOWN_STATUS_OF_INSERT) (version 26.7)";
        assert_eq!(verdict(&response(unknown)), Verdict::Unknown);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_an_error_of_the_rows() {
        let unread = "Code: 33. DB::Exception: Cannot read all data. (CANNOT_READ_ALL_DATA)";
        assert_eq!(verdict(&response(unread)), Verdict::Rows);
    }

    #[test]
    fn other_errors_can_be_fixed_on_the_server() {
        for refused in [
            "Code: 60. DB::Exception: Table isobar.samples does not exist. (UNKNOWN_TABLE)",
            "Code: 53. DB::Exception: Type mismatch. (TYPE_MISMATCH)",
            "Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)",
            "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)",
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
            "Code: 75. DB::Exception: Cannot write to file, errno: 28, strerror: No space left on \
             device. (CANNOT_WRITE_TO_FILE_DESCRIPTOR)",
            "Code: 1001. DB::Exception: std::exception. filesystem error: No space left on device",
            "Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)",
            "Code: 242. DB::Exception: Table is in readonly mode. (TABLE_IS_READ_ONLY)",
            "Code: 516. DB::Exception: sink: Authentication failed. (AUTHENTICATION_FAILED)",
            "502 Bad Gateway",
        ] {
            assert_eq!(verdict(&response(refused)), Verdict::Refused, "{refused}");
        }
    }

    #[test]
    fn a_full_disk_has_a_cause_of_its_own() {
        for full in [
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB. (NOT_ENOUGH_SPACE)",
            "Code: 75. DB::Exception: errno: 28, strerror: No space left on device. \
             (CANNOT_WRITE_TO_FILE_DESCRIPTOR)",
        ] {
            assert_eq!(cause(&response(full)), "disk_full");
        }
        let other = "Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)";
        assert_eq!(cause(&response(other)), "refused");
        assert_eq!(cause(&Error::TimedOut), "unreachable");
    }

    #[test]
    fn no_code_is_listed_twice() {
        for (at, (code, _)) in CODES.iter().enumerate() {
            assert!(!CODES[..at].iter().any(|(earlier, _)| earlier == code), "{code}");
        }
    }

    #[test]
    fn a_summary_has_the_code_and_no_value() {
        let text = "Code: 117. DB::Exception: Bad value 'alice@example.org' (x): (at row 1)\n. \
                    (INCORRECT_DATA) (version 26.7.2.1)";
        assert_eq!(summary(&response(text)), "code 117, INCORRECT_DATA");
        let text = "Code: 16. DB::Exception: No such column codec in table isobar.samples (1-2). \
                    (NO_SUCH_COLUMN_IN_TABLE) (version 26.7.2.1)";
        let expected = "code 16, NO_SUCH_COLUMN_IN_TABLE: codec; see `isobar migrate status`";
        assert_eq!(summary(&response(text)), expected);
        assert_eq!(summary(&response("<html>")), "unrecognised response");
    }
}
