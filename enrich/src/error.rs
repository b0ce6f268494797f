//! Reasons why a file cannot be used.

use std::io;

use maxminddb::MaxMindDbError;

/// Reason why a file of look-up data cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookUpError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not an MMDB file, or its metadata are damaged.
    #[error(transparent)]
    Mmdb(#[from] MaxMindDbError),
    /// The search tree of an MMDB file is damaged.
    #[error("the search tree: {0}")]
    Tree(#[source] MaxMindDbError),
    /// The search tree of an MMDB file has a cycle.
    #[error("the search tree goes round in circles")]
    Cycle,
    /// A record of an MMDB file is damaged or has another structure.
    #[error("a record is damaged: {0}")]
    Record(#[source] MaxMindDbError),
    /// No record has the data that the setting is for.
    #[error(
        "none of {read} records of this database of type {database_type:?} tells what is looked up \
         in it; give a file of the kind that the setting names"
    )]
    OtherData {
        /// Records that were read.
        read: usize,
        /// Type of the database, from its metadata.
        database_type: String,
    },
    /// It is neither of the two formats of provider data.
    #[error("neither MMDB ({mmdb}) nor ranges in CSV ({csv})")]
    Format {
        /// Reason why it is not an MMDB file.
        mmdb: Box<Self>,
        /// Reason why it is not a CSV of ranges.
        csv: Box<Self>,
    },
    /// A line is wrong.
    #[error("line {number}: {source}")]
    Line {
        /// Number of the line, from 1.
        number: usize,
        /// Description of the error.
        source: LineError,
    },
    /// A CSV file has no lines.
    #[error("no lines")]
    Empty,
    /// A new edition of a CSV file has far fewer ranges than the one in use.
    #[error(
        "{now} ranges where there were {before}, so it may be cut off; if it is whole, start the \
         service again"
    )]
    Shrunk {
        /// Ranges of the new edition.
        now: usize,
        /// Ranges of the edition in use.
        before: usize,
    },
}

impl LookUpError {
    /// Returns the error of line `number`.
    pub(crate) const fn line(number: usize, source: LineError) -> Self {
        Self::Line { number, source }
    }
}

/// Error of a line of a CSV or TOML file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not have the expected fields.
    #[error("not first address, last address, AS number, organisation")]
    Fields,
    /// The last line has no line break.
    #[error("no line break at its end, so the file may be cut off")]
    Unterminated,
    /// The range is empty.
    #[error("the last address is before the first")]
    Reversed,
    /// The range mixes families of addresses.
    #[error("from IPv4 to IPv6")]
    Families,
    /// It is not the expected TOML.
    #[error("{}", .0.message())]
    Toml(Box<toml::de::Error>),
    /// A group has no name or no members.
    #[error("a provider needs a name and AS numbers")]
    Group,
    /// A number is not an AS number.
    #[error("{0} is no AS number (1 to 4294967295)")]
    AsNumber(i64),
    /// An autonomous system is in two groups.
    #[error("AS{asn} belongs to {other:?} already; name it once")]
    Twice {
        /// Its number.
        asn: i64,
        /// The other group.
        other: String,
    },
}

/// Reason why a file of parameters or a threshold pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A value is not of the expected type, or missing.
    #[error("{path}: {source}")]
    Value {
        /// Path of the value.
        path: String,
        /// The reason.
        source: serde_json::Error,
    },
    /// The text is not JSON, or not an object of the expected members.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Values are out of range or do not fit each other: all of them.
    #[error("{}", .0.join("; "))]
    Unsound(Vec<String>),
}
