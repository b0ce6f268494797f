//! Look-ups of addresses in files.

#![cfg_attr(
    not(test),
    expect(clippy::disallowed_types, reason = "the part that reads look-up files")
)]

use std::fs::File;
use std::io::BufReader;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::MaxMindDbError;
use schemas::{Place, Provider};

use crate::content;
use crate::error::LookUpError;
use crate::groups::Groups;
use crate::mmdb::{Depth, Leaf, Mmdb};
use crate::place::{self, CityRecord, ConnectionRecord, ProviderRecord};
use crate::ranges::Ranges;

/// A file with providers: MMDB, or ranges in CSV, which are read into memory.
pub(crate) enum ProviderFile {
    Mmdb(Mmdb),
    Csv { name: String, ranges: Ranges },
}

impl ProviderFile {
    /// Opens a file, whose type is determined by its content.
    ///
    /// # Errors
    /// The reasons why it is neither type.
    pub(crate) fn open(path: &Path) -> Result<Self, LookUpError> {
        content::regular(path, content::MAX_BYTES)?;
        let not_mmdb = match Mmdb::open(path) {
            Ok(mmdb) => return Ok(Self::Mmdb(mmdb)),
            Err(error) => error,
        };
        let file = File::open(path)?;
        let ranges = Ranges::read(BufReader::new(file)).map_err(|not_csv| LookUpError::Format {
            mmdb: Box::new(not_mmdb),
            csv: Box::new(not_csv),
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::Csv { name, ranges })
    }

    /// Checks the file's records. Ranges are checked already.
    ///
    /// # Errors
    /// If a file is damaged, or none contains providers.
    pub(crate) fn check(&self, depth: Depth) -> Result<(), LookUpError> {
        match self {
            Self::Mmdb(mmdb) => mmdb.check::<ProviderRecord<'_>>(depth),
            Self::Csv { .. } => Ok(()),
        }
    }

    /// Returns the time at which it was built, s since the Unix epoch, if the file contains it.
    pub(crate) fn build_s(&self) -> Option<u64> {
        match self {
            Self::Mmdb(mmdb) => Some(mmdb.build_s()),
            Self::Csv { .. } => None,
        }
    }

    /// Returns the number of ranges, if it is a list of ranges.
    pub(crate) const fn ranges(&self) -> Option<usize> {
        match self {
            Self::Mmdb(_) => None,
            Self::Csv { ranges, .. } => Some(ranges.len()),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Mmdb(mmdb) => mmdb.label(),
            Self::Csv { name, ranges } => format!("{name}@{:08x}", ranges.digest() >> 32),
        }
    }
}

/// File and position of a record, which many addresses may share.
pub(crate) type Key = (usize, usize);

/// A record with the place of addresses.
pub(crate) struct PlaceEntry<'a> {
    pub(crate) key: Key,
    leaf: Leaf<'a>,
}

impl PlaceEntry<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn read(&self) -> Result<Place, MaxMindDbError> {
        let record = self.leaf.read::<CityRecord<'_>>()?;
        Ok(record.map_or_else(place::unknown_place, |record| record.place()))
    }
}

/// A record with the provider of addresses.
pub(crate) struct ProviderEntry<'a> {
    pub(crate) key: Key,
    row: ProviderRow<'a>,
}

enum ProviderRow<'a> {
    Leaf(Leaf<'a>),
    Range(&'a Provider),
}

impl ProviderEntry<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// When it is damaged.
    pub(crate) fn read(&self) -> Result<Provider, MaxMindDbError> {
        Ok(match &self.row {
            ProviderRow::Leaf(leaf) => leaf
                .read::<ProviderRecord<'_>>()?
                .map_or_else(place::unknown_provider, |ProviderRecord(record)| record.provider()),
            ProviderRow::Range(provider) => Provider::clone(provider),
        })
    }
}

/// All files. Of several files of one kind, the first that contains an address is used.
#[derive(Clone, Default)]
pub(crate) struct Geo {
    pub(crate) city: Vec<Arc<Mmdb>>,
    pub(crate) asn: Vec<Arc<ProviderFile>>,
    pub(crate) connection_type: Vec<Arc<Mmdb>>,
    pub(crate) providers: Option<Arc<Groups>>,
}

impl Geo {
    /// Returns the record with the place of an address; none if no file contains it.
    ///
    /// # Errors
    /// When a file is damaged at that record.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Option<PlaceEntry<'_>>, MaxMindDbError> {
        for (file, mmdb) in self.city.iter().enumerate() {
            if let Some(leaf) = mmdb.leaf(address)? {
                return Ok(Some(PlaceEntry { key: (file, leaf.offset), leaf }));
            }
        }
        Ok(None)
    }

    /// Returns the record with the provider of an address; none if no file contains it.
    ///
    /// # Errors
    /// When a file is damaged at that record.
    pub(crate) fn provider(
        &self,
        address: IpAddr,
    ) -> Result<Option<ProviderEntry<'_>>, MaxMindDbError> {
        for (file, source) in self.asn.iter().enumerate() {
            let found = match source.as_ref() {
                ProviderFile::Mmdb(mmdb) => {
                    mmdb.leaf(address)?.map(|leaf| (leaf.offset, ProviderRow::Leaf(leaf)))
                }
                ProviderFile::Csv { ranges, .. } => ranges
                    .position(address)
                    .map(|position| (position, ProviderRow::Range(ranges.at(position)))),
            };
            if let Some((position, row)) = found {
                return Ok(Some(ProviderEntry { key: (file, position), row }));
            }
        }
        Ok(None)
    }

    /// Returns the connection type of an address; none if no file contains it.
    ///
    /// # Errors
    /// When a file is damaged at that record.
    pub(crate) fn connection_type(
        &self,
        address: IpAddr,
    ) -> Result<Option<String>, MaxMindDbError> {
        let mut found = self.connection_type.iter().map(|file| {
            let record = file.find::<ConnectionRecord<'_>>(address)?;
            Ok(record
                .and_then(|ConnectionRecord(record)| Some(record.connection_type()?.to_owned())))
        });
        found.find_map(Result::transpose).transpose()
    }

    /// Replaces the provider's organisation by the name of its group.
    pub(crate) fn group(&self, provider: &mut Provider) {
        if let Some(name) = self.providers.as_ref().and_then(|groups| groups.provider(provider.asn))
        {
            name.clone_into(&mut provider.organisation);
        }
    }

    /// Returns `name@version` of the city files.
    pub(crate) fn city_label(&self) -> String {
        self.city.iter().map(|file| file.label()).collect::<Vec<_>>().join("+")
    }

    /// Returns `name@version` of all files with providers.
    pub(crate) fn asn_label(&self) -> String {
        let asn = self.asn.iter().map(|file| file.label());
        let connection_type = self.connection_type.iter().map(|file| file.label());
        let groups = self.providers.iter().map(|groups| groups.label().to_owned());
        asn.chain(connection_type).chain(groups).collect::<Vec<_>>().join("+")
    }
}

#[cfg(test)]
pub(crate) mod tests;
