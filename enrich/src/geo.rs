//! The files that addresses are looked up in.
//!
//! MMDB files are mapped, not read: city data is more than a hundred megabytes, of which only the
//! pages that clients' networks lie on need to be in memory, shared by all instances on a machine.

use std::fs::File;
use std::io::BufReader;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{MaxMindDbError, Mmap, Reader};
use schemas::{Place, Provider};
use serde::Deserialize;

use crate::place::{AsnRecord, CityRecord};
use crate::ranges::Ranges;

/// A mapped MMDB file.
pub(crate) struct Mmdb {
    reader: Reader<Mmap>,
}

impl Mmdb {
    /// Maps a file.
    ///
    /// # Errors
    /// Why it is no MMDB file that can be read.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        #[expect(unsafe_code, reason = "the settings ask to replace such files only by renaming")]
        // SAFETY: nobody writes into the file or shortens it while it is mapped.
        let reader = unsafe { Reader::open_mmap(path) };
        Ok(Self { reader: reader.map_err(|error| error.to_string())? })
    }

    fn find<'a, T: Deserialize<'a>>(
        &'a self,
        address: IpAddr,
    ) -> Result<Option<T>, MaxMindDbError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        self.reader.lookup(address)?.decode()
    }

    fn label(&self) -> String {
        let metadata = self.reader.metadata();
        format!("{}@{}", metadata.database_type, metadata.build_epoch)
    }
}

/// A file that knows providers: MMDB, or ranges in CSV, which are read into memory.
pub(crate) enum ProviderFile {
    Mmdb(Mmdb),
    Csv { name: String, ranges: Ranges },
}

impl ProviderFile {
    /// Opens a file, by its content.
    ///
    /// # Errors
    /// Why it is neither.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let not_mmdb = match Mmdb::open(path) {
            Ok(mmdb) => return Ok(Self::Mmdb(mmdb)),
            Err(error) => error,
        };
        let file = File::open(path).map_err(|error| error.to_string())?;
        let ranges = Ranges::read(BufReader::new(file)).map_err(|not_csv| {
            format!("neither MMDB ({not_mmdb}) nor ranges in CSV ({not_csv})")
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::Csv { name, ranges })
    }

    fn find(&self, address: IpAddr) -> Result<Option<Provider>, MaxMindDbError> {
        match self {
            Self::Mmdb(mmdb) => {
                let record = mmdb.find::<AsnRecord<'_>>(address)?;
                Ok(record.map(|record| record.provider()))
            }
            Self::Csv { ranges, .. } => Ok(ranges.provider(address).cloned()),
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Mmdb(mmdb) => mmdb.label(),
            Self::Csv { name, ranges } => format!("{name}@{:08x}", ranges.digest() >> 32),
        }
    }
}

/// All files; of several, the first that knows an address is believed.
pub(crate) struct Geo {
    pub(crate) city: Vec<Mmdb>,
    pub(crate) asn: Vec<ProviderFile>,
}

impl Geo {
    /// Where an address is; none if no file knows it.
    ///
    /// # Errors
    /// When a file is damaged where the address leads.
    pub(crate) fn place(&self, address: IpAddr) -> Result<Option<Place>, MaxMindDbError> {
        let mut records = self.city.iter().map(|file| file.find::<CityRecord<'_>>(address));
        Ok(records.find_map(Result::transpose).transpose()?.map(|record| record.place()))
    }

    /// Who carries an address's traffic; none if no file knows it.
    ///
    /// # Errors
    /// When a file is damaged where the address leads.
    pub(crate) fn provider(&self, address: IpAddr) -> Result<Option<Provider>, MaxMindDbError> {
        let mut found = self.asn.iter().map(|file| file.find(address));
        found.find_map(Result::transpose).transpose()
    }

    /// `name@version` of the city files.
    pub(crate) fn city_label(&self) -> String {
        self.city.iter().map(Mmdb::label).collect::<Vec<_>>().join("+")
    }

    /// `name@version` of the ASN files.
    pub(crate) fn asn_label(&self) -> String {
        self.asn.iter().map(ProviderFile::label).collect::<Vec<_>>().join("+")
    }
}

#[cfg(test)]
mod tests;
