//! Sources of look-up data: the files that the settings name, and their reloading.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_methods, reason = "the part that reads look-up files")
)]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use service::Problems;

use crate::error::LookUpError;
use crate::geo::{Geo, ProviderFile};
use crate::groups::Groups;
use crate::metrics::{ReloadMetrics, Table};
use crate::mmdb::{Depth, Mmdb};
use crate::place::{CityRecord, ConnectionRecord};
use crate::settings::EnrichSettings;

/// Number of checks after which an unchanged file that could not be used is tried again: the reason
/// may have been a full disk.
const RETRY: u32 = 30;

/// Divisor of the number of ranges that a new edition may lack. If it lacks more, it is probably
/// truncated.
const MOST_LOST: usize = 10;

/// All files, with the edition in use of each.
pub(crate) struct Sources {
    city: Vec<Source<Mmdb>>,
    asn: Vec<Source<ProviderFile>>,
    connection_type: Vec<Source<Mmdb>>,
    providers: Vec<Source<Groups>>,
}

impl Sources {
    /// Opens everything that the settings name. Adds a problem for each file that cannot be opened;
    /// then there are no sources.
    pub(crate) fn open(settings: &EnrichSettings, problems: &mut Problems) -> Option<Self> {
        let city = each(Table::City, &settings.city, city, problems);
        let asn = each(Table::Asn, &settings.asn, asn, problems);
        let connection = &settings.connection_type;
        let connection = each(Table::ConnectionType, connection, connection_type, problems);
        let providers = settings.providers.as_slice();
        let groups = |path: &Path, _, _: Option<&Groups>| Groups::open(path);
        let providers = each(Table::Providers, providers, groups, problems);
        Some(Self { city: city?, asn: asn?, connection_type: connection?, providers: providers? })
    }

    /// Returns the data in use.
    pub(crate) fn geo(&self) -> Geo {
        Geo {
            city: current(&self.city),
            asn: current(&self.asn),
            connection_type: current(&self.connection_type),
            providers: current(&self.providers).pop(),
        }
    }

    /// Checks every file. Returns true if one changed and can be used.
    pub(crate) fn refresh(&mut self, metrics: &ReloadMetrics) -> bool {
        let mut changed = false;
        for source in self.city.iter_mut().chain(&mut self.connection_type) {
            changed |= source.refresh(metrics);
        }
        for source in &mut self.asn {
            changed |= source.refresh(metrics);
        }
        for source in &mut self.providers {
            changed |= source.refresh(metrics);
        }
        changed
    }

    /// Updates the metrics of the build times of the files in use.
    pub(crate) fn show_builds(&self, metrics: &ReloadMetrics) {
        for source in self.city.iter().chain(&self.connection_type) {
            metrics.built(source.table, &source.path, Some(source.current.build_s()));
        }
        for source in &self.asn {
            metrics.built(source.table, &source.path, source.current.build_s());
        }
    }
}

fn city(path: &Path, depth: Depth, _: Option<&Mmdb>) -> Result<Mmdb, LookUpError> {
    let file = Mmdb::open(path)?;
    file.check::<CityRecord<'_>>(depth)?;
    Ok(file)
}

fn asn(
    path: &Path,
    depth: Depth,
    used: Option<&ProviderFile>,
) -> Result<ProviderFile, LookUpError> {
    let file = ProviderFile::open(path)?;
    file.check(depth)?;
    // A list of ranges that is cut off between two lines looks complete.
    match (file.ranges(), used.and_then(ProviderFile::ranges)) {
        (Some(now), Some(before)) if now < before - before / MOST_LOST => {
            Err(LookUpError::Shrunk { now, before })
        }
        _ => Ok(file),
    }
}

fn connection_type(path: &Path, depth: Depth, _: Option<&Mmdb>) -> Result<Mmdb, LookUpError> {
    let file = Mmdb::open(path)?;
    file.check::<ConnectionRecord<'_>>(depth)?;
    Ok(file)
}

fn each<T>(
    table: Table,
    paths: &[PathBuf],
    load: Load<T>,
    problems: &mut Problems,
) -> Option<Vec<Source<T>>> {
    let opened = paths.iter().map(|path| {
        Source::open(table, path, load).map_err(|error| {
            problems.push(table.name(), format!("{}: {error}", path.display()));
        })
    });
    let opened = opened.collect::<Vec<_>>();
    opened.into_iter().collect::<Result<_, _>>().ok()
}

fn current<T>(sources: &[Source<T>]) -> Vec<Arc<T>> {
    sources.iter().map(|source| Arc::clone(&source.current)).collect()
}

/// Function that opens and checks a file, given the edition in use.
type Load<T> = fn(&Path, Depth, Option<&T>) -> Result<T, LookUpError>;

/// A file with the edition in use.
struct Source<T> {
    table: Table,
    path: PathBuf,
    load: Load<T>,
    current: Arc<T>,
    /// Identifier of the edition in use.
    stamp: Option<Stamp>,
    failure: Option<Failure>,
}

/// Reason why the file's present edition is not in use.
struct Failure {
    /// None if the file does not exist.
    stamp: Option<Stamp>,
    looks: u32,
}

impl<T> Source<T> {
    fn open(table: Table, path: &Path, load: Load<T>) -> Result<Self, LookUpError> {
        let stamp = Stamp::of(path);
        let current = Arc::new(load(path, Depth::Sample, None)?);
        Ok(Self { table, path: path.to_owned(), load, current, stamp, failure: None })
    }

    /// Loads the file's present edition if it is new and valid; otherwise the one in use stays.
    fn refresh(&mut self, metrics: &ReloadMetrics) -> bool {
        let stamp = Stamp::of(&self.path);
        if stamp.is_some() && stamp == self.stamp {
            if self.failure.take().is_some() {
                metrics.settled(self.table, &self.path);
            }
            return false;
        }
        if let Some(failure) = self.failure.as_mut().filter(|failure| failure.stamp == stamp) {
            failure.looks += 1;
            if failure.looks % RETRY != 0 {
                return false;
            }
        }
        let loaded = (self.load)(&self.path, Depth::Whole, Some(&self.current));
        if Stamp::of(&self.path) != stamp {
            // The file is being written; it is checked again next time.
            return false;
        }
        match loaded {
            Ok(loaded) => {
                self.current = Arc::new(loaded);
                (self.stamp, self.failure) = (stamp, None);
                metrics.reloaded(self.table, &self.path);
                true
            }
            Err(error) => {
                if self.failure.as_ref().is_none_or(|failure| failure.stamp != stamp) {
                    self.failure = Some(Failure { stamp, looks: 0 });
                    tracing::warn!(
                        table = self.table.name(),
                        file = %self.path.display(),
                        "look-up data stays as it was, its file cannot be used: {error}; put a \
                         whole one in its place"
                    );
                }
                metrics.failed(self.table, &self.path);
                false
            }
        }
    }
}

/// Identifier of one edition of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: (i64, i64),
    /// Changes with every write, even if the modification time is set back.
    changed_ns: (i64, i64),
}

impl Stamp {
    /// None if the file does not exist.
    fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        Some(Self {
            device: about.dev(),
            inode: about.ino(),
            bytes: about.size(),
            modified_ns: (about.mtime(), about.mtime_nsec()),
            changed_ns: (about.ctime(), about.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests;
