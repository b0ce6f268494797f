//! Truth files of any kind: written down, or those of a history, which is played again.
//!
//! The truth of 30 days would take gigabytes. A history of the same settings is the same record by
//! record, so its truth file contains only these settings and the number of records that were sent.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};

use serde::{Deserialize, Serialize};

use crate::truth::{self, Header, Record, TruthError};
use crate::world::{Settings, World};

/// Last line of the truth file of a history.
#[derive(Debug, Serialize, Deserialize)]
struct Count {
    /// Records that were sent.
    records: u64,
}

/// Writes a truth file.
#[derive(Debug)]
pub enum Writer {
    /// Record by record.
    Written(truth::Writer<BufWriter<File>>),
    /// The count only.
    Replayed {
        /// The file.
        file: File,
        /// Records so far.
        records: u64,
    },
}

impl Writer {
    /// Begins with the header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn new(mut file: File, header: &Header) -> Result<Self, TruthError> {
        if header.history.is_none() {
            return Ok(Self::Written(truth::Writer::new(BufWriter::new(file), header)?));
        }
        line(&mut file, header)?;
        Ok(Self::Replayed { file, records: 0 })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, record: &Record) -> Result<(), TruthError> {
        match self {
            Self::Written(writer) => writer.write(record),
            Self::Replayed { records, .. } => {
                *records += 1;
                Ok(())
            }
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(&mut self) -> Result<(), TruthError> {
        match self {
            Self::Written(writer) => writer.flush(),
            Self::Replayed { file, records } => Ok(line(file, &Count { records: *records })?),
        }
    }
}

fn line(file: &mut File, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    file.write_all(&text)
}

/// Records of a truth file.
pub type Records = Box<dyn Iterator<Item = Result<Record, TruthError>> + Send>;

/// Opens a truth file: its header, and its records in the order in which they were sent.
///
/// # Errors
/// If the header or the count of a history cannot be read, or the header makes no world.
pub fn open(file: File) -> Result<(Header, Records), TruthError> {
    let mut reader = BufReader::new(file);
    let header = truth::header(&mut reader)?;
    if header.history.is_none() {
        return Ok((header, Box::new(truth::records(reader))));
    }
    let settings = Settings::of_header(&header);
    let settings = settings.ok_or_else(|| TruthError::Scenario(header.scenario.clone()))?;
    let mut last = String::new();
    reader.read_line(&mut last)?;
    if last.is_empty() {
        return Err(TruthError::Uncounted);
    }
    let Count { records } =
        serde_json::from_str(&last).map_err(|source| TruthError::Line { line: 2, source })?;
    let records = usize::try_from(records).unwrap_or(usize::MAX);
    let played = World::new(settings)?.take(records).map(|delivery| Ok(delivery.truth));
    Ok((header, Box::new(played)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;
    use crate::world::history::History;

    #[test]
    fn the_truth_of_a_history_is_what_was_sent_when_it_is_played_again() {
        let history = History { days: 3, hourly: 60 };
        let settings = Settings::of_history(history, 5, 1_756_000_000_000_000);
        let mut file = tempfile::tempfile().unwrap();
        let mut writer = Writer::new(file.try_clone().unwrap(), &settings.header()).unwrap();
        let sent: Vec<Record> =
            World::new(settings).unwrap().take(3_000).map(|delivery| delivery.truth).collect();
        sent.iter().for_each(|record| writer.write(record).unwrap());
        file.seek(SeekFrom::Start(0)).unwrap();
        let uncounted = open(file.try_clone().unwrap()).err().unwrap();
        assert!(matches!(uncounted, TruthError::Uncounted), "{uncounted}");
        file.seek(SeekFrom::End(0)).unwrap();
        writer.finish().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let (header, records) = open(file).unwrap();
        assert_eq!(header, settings.header());
        assert_eq!(records.map(Result::unwrap).collect::<Vec<_>>(), sent);
    }
}
