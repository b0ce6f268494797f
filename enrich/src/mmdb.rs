//! MMDB files: a private copy of each, checked before it is used.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use maxminddb::{LookupResult, MaxMindDbError, Reader, Within, WithinOptions};
use serde::Deserialize;

use crate::content::Content;
use crate::error::LookUpError;
use crate::place::HasData;

/// Number of networks and addresses that are checked before a file is used.
const SAMPLE: usize = 1_000;

/// Share of a file that is checked before it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    /// Some records: at the start, which should be quick.
    Sample,
    /// The whole tree and every record: before a good file is replaced by another.
    Whole,
}

/// An MMDB file.
pub(crate) struct Mmdb {
    reader: Reader<Content>,
}

impl Mmdb {
    /// Opens a file.
    ///
    /// # Errors
    /// The reason why it is not an MMDB file.
    pub(crate) fn open(path: &Path) -> Result<Self, LookUpError> {
        Self::of(Content::of(path)?)
    }

    /// Returns the file with this content.
    ///
    /// # Errors
    /// The reason why it is not an MMDB file.
    pub(crate) fn of(content: Content) -> Result<Self, LookUpError> {
        Ok(Self { reader: Reader::from_source(content)? })
    }

    /// Returns the unread record of an address; none if the file does not contain the address.
    ///
    /// # Errors
    /// When the file is damaged at that record.
    pub(crate) fn leaf(&self, address: IpAddr) -> Result<Option<Leaf<'_>>, MaxMindDbError> {
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let found = self.reader.lookup(address)?;
        Ok(found.offset().map(|offset| Leaf { offset, found }))
    }

    /// Returns the record of an address; none if the file has none.
    ///
    /// # Errors
    /// When the file is damaged at that record.
    pub(crate) fn find<'a, T: Deserialize<'a>>(
        &'a self,
        address: IpAddr,
    ) -> Result<Option<T>, MaxMindDbError> {
        self.leaf(address)?.map_or(Ok(None), |leaf| leaf.read())
    }

    /// Returns `type@build`, which identifies the data and their edition.
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.reader.metadata().database_type, self.build_s())
    }

    /// Returns the time at which it was built, s since the Unix epoch.
    pub(crate) fn build_s(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// Checks that records can be read as `T`.
    ///
    /// # Errors
    /// If the tree or a record is damaged, or no record has data.
    pub(crate) fn check<'a, T: Deserialize<'a> + HasData>(
        &'a self,
        depth: Depth,
    ) -> Result<(), LookUpError> {
        let mut tally = Tally::default();
        match depth {
            Depth::Sample => self.sample::<T>(&mut tally)?,
            Depth::Whole => self.whole::<T>(&mut tally)?,
        }
        tally.verdict(&self.reader.metadata().database_type)
    }

    /// Checks the first networks, and addresses in all ranges.
    fn sample<'a, T: Deserialize<'a> + HasData>(
        &'a self,
        tally: &mut Tally,
    ) -> Result<(), LookUpError> {
        for network in self.networks()?.take(SAMPLE) {
            tally.add::<T>(network.and_then(|network| network.decode()))?;
        }
        spread().try_for_each(|address| tally.add::<T>(self.find(address)))
    }

    fn whole<'a, T: Deserialize<'a> + HasData>(
        &'a self,
        tally: &mut Tally,
    ) -> Result<(), LookUpError> {
        let mut seen = HashSet::new();
        // A tree of n nodes has at most n + 1 leaves; a damaged one may have cycles.
        let limit = self.reader.metadata().node_count as usize + 1;
        for (count, network) in self.networks()?.enumerate() {
            if count > limit {
                return Err(LookUpError::Cycle);
            }
            let network = network.map_err(LookUpError::Tree)?;
            if network.offset().is_some_and(|offset| seen.insert(offset)) {
                tally.add::<T>(network.decode())?;
            }
        }
        Ok(())
    }

    fn networks(&self) -> Result<Within<'_, Content>, MaxMindDbError> {
        self.reader.networks(WithinOptions::default())
    }
}

/// A record of a file; many networks may share it.
pub(crate) struct Leaf<'a> {
    /// Position of the record in the file.
    pub(crate) offset: usize,
    found: LookupResult<'a, Content>,
}

impl<'a> Leaf<'a> {
    /// Reads the record.
    ///
    /// # Errors
    /// When it is damaged or has another structure.
    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<Option<T>, MaxMindDbError> {
        self.found.decode()
    }
}

/// Result of checking records.
#[derive(Default)]
struct Tally {
    read: usize,
    with_data: usize,
}

impl Tally {
    fn add<T: HasData>(
        &mut self,
        found: Result<Option<T>, MaxMindDbError>,
    ) -> Result<(), LookUpError> {
        if let Some(record) = found.map_err(LookUpError::Record)? {
            self.read += 1;
            self.with_data += usize::from(record.has_data());
        }
        Ok(())
    }

    fn verdict(&self, database_type: &str) -> Result<(), LookUpError> {
        if self.with_data > 0 {
            return Ok(());
        }
        Err(LookUpError::OtherData { read: self.read, database_type: database_type.to_owned() })
    }
}

/// Returns evenly spaced addresses over all of IPv4 and the global part of IPv6.
fn spread() -> impl Iterator<Item = IpAddr> {
    let v4 = (0..SAMPLE as u32).map(|n| Ipv4Addr::from_bits(n * (u32::MAX / SAMPLE as u32)).into());
    let step = (u128::MAX >> 3) / SAMPLE as u128;
    let v6 = (0..SAMPLE as u128).map(move |n| Ipv6Addr::from_bits((1 << 125) + n * step).into());
    v4.chain(v6)
}
