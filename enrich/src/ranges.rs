//! ASN data as a list of address ranges in CSV: `first,last,asn,organisation`, without a header.

mod disjoint;

use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hashbrown::HashMap;
use schemas::Provider;
use xxhash_rust::xxh3::Xxh3Default;

use self::disjoint::disjoint;
use crate::error::{LineError, LookUpError};
use crate::place::known;

/// Disjoint ranges with their providers, for binary search.
#[derive(Debug)]
pub(crate) struct Ranges {
    v4: Vec<Range<Ipv4Addr>>,
    v6: Vec<Range<Ipv6Addr>>,
    /// Number of lines of the file.
    lines: usize,
    providers: Vec<Provider>,
    digest: u64,
}

/// First and last address, and the position of the provider.
type Range<A> = (A, A, u32);

impl Ranges {
    /// Reads the ranges, in any order. If they overlap, the smallest counts, because it is more
    /// specific.
    ///
    /// # Errors
    /// The first invalid line, by its number, or the last line if it has no line break: a file that
    /// was cut off usually ends within a name, which would otherwise look valid.
    pub(crate) fn read(mut lines: impl BufRead) -> Result<Self, LookUpError> {
        let mut digest = Xxh3Default::new();
        let mut positions = HashMap::<String, u32>::new();
        let (v4, v6) = (Vec::new(), Vec::new());
        let mut ranges = Self { v4, v6, lines: 0, providers: Vec::new(), digest: 0 };
        let mut buffer = String::new();
        for number in 1.. {
            buffer.clear();
            let read = lines.read_line(&mut buffer);
            let wrong = |source| LookUpError::line(number, source);
            if read.map_err(|error| wrong(error.into()))? == 0 {
                break;
            }
            let line = buffer.strip_suffix('\n');
            let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
            let (first, last, provider) =
                parse(line.unwrap_or(&buffer)).ok_or_else(|| wrong(LineError::Fields))?;
            let line = line.ok_or_else(|| wrong(LineError::Unterminated))?;
            if first > last {
                return Err(wrong(LineError::Reversed));
            }
            digest.update(line.as_bytes());
            ranges.lines += 1;
            // The key is the text, which is copied only for the first of a provider's many lines.
            let position = match positions.get(provider.text) {
                Some(position) => *position,
                None => {
                    let position = ranges.providers.len() as u32;
                    ranges.providers.push(provider.read());
                    positions.insert(provider.text.to_owned(), position);
                    position
                }
            };
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => ranges.v4.push((first, last, position)),
                (IpAddr::V6(first), IpAddr::V6(last)) => ranges.v6.push((first, last, position)),
                _ => return Err(wrong(LineError::Families)),
            }
        }
        if ranges.providers.is_empty() {
            return Err(LookUpError::Empty);
        }
        Ok(Self {
            v4: disjoint(ranges.v4),
            v6: disjoint(ranges.v6),
            digest: digest.digest(),
            ..ranges
        })
    }

    /// Returns the position ([`Ranges::at`]) of the provider of an address.
    pub(crate) fn position(&self, address: IpAddr) -> Option<usize> {
        let position = match address {
            IpAddr::V4(address) => find(&self.v4, address),
            IpAddr::V6(address) => find(&self.v6, address),
        };
        position.map(|position| position as usize)
    }

    /// Returns the provider at a position.
    pub(crate) fn at(&self, position: usize) -> &Provider {
        &self.providers[position]
    }

    /// Returns the number of ranges in the file.
    pub(crate) const fn len(&self) -> usize {
        self.lines
    }

    /// Returns an identifier of the edition, because the file itself has none.
    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}

/// The provider of a range.
struct Written<'a> {
    /// Its unparsed fields.
    text: &'a str,
    asn: u32,
    organisation: &'a str,
}

impl Written<'_> {
    fn read(&self) -> Provider {
        let organisation = known(Some(&unquote(self.organisation)));
        Provider { asn: self.asn.into(), organisation, connection_type: known(None) }
    }
}

fn parse(line: &str) -> Option<(IpAddr, IpAddr, Written<'_>)> {
    let mut fields = line.splitn(3, ',');
    let mut field = || fields.next();
    let (first, last, text) = (field()?.parse().ok()?, field()?.parse().ok()?, field()?);
    let (asn, organisation) = text.split_once(',')?;
    Some((first, last, Written { text, asn: asn.parse().ok()?, organisation }))
}

/// Returns a CSV field without its quotes.
fn unquote(field: &str) -> String {
    match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => field.to_owned(),
    }
}

fn find<A: Ord + Copy>(ranges: &[Range<A>], address: A) -> Option<u32> {
    let after = ranges.partition_point(|(first, _, _)| *first <= address);
    let (_, last, position) = ranges[..after].last()?;
    (address <= *last).then_some(*position)
}

#[cfg(test)]
mod tests;
