//! Client addresses: parsing, classification, and truncation to the network that may leave this
//! service.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Class of an address. Only [`Kind::Public`] indicates a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A public address of a host or router, which look-up data may contain.
    Public,
    /// No address was reported.
    Missing,
    /// Made unreadable on purpose: unspecified, `redacted`, or an mDNS name
    /// (draft-ietf-mmusic-mdns-ice-candidates).
    Anonymised,
    /// Not an address.
    Unreadable,
    /// In one of the operator's relay networks: it has the place of the relay, not of the client.
    Relay,
    /// RFC 1918, and the local prefixes of RFC 8215 and RFC 3879.
    Private,
    /// Between a provider and its customers' routers (carrier-grade NAT, RFC 6598).
    Shared,
    /// RFC 1122, RFC 4291.
    Loopback,
    /// RFC 3927, RFC 4291.
    LinkLocal,
    /// RFC 4193.
    UniqueLocal,
    /// RFC 5771, RFC 4291.
    Multicast,
    /// RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// Benchmarking (RFC 2544, RFC 5180), and ranges that IANA reserves.
    Reserved,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 13] = [
        Self::Public,
        Self::Missing,
        Self::Anonymised,
        Self::Unreadable,
        Self::Relay,
        Self::Private,
        Self::Shared,
        Self::Loopback,
        Self::LinkLocal,
        Self::UniqueLocal,
        Self::Multicast,
        Self::Documentation,
        Self::Reserved,
    ];

    /// Returns its name in metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Missing => "missing",
            Self::Anonymised => "anonymised",
            Self::Unreadable => "unreadable",
            Self::Relay => "relay",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::UniqueLocal => "unique_local",
            Self::Multicast => "multicast",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        }
    }
}

/// Reads a client address as seen or received by an edge: an address with or without a port or
/// zone, or a list of addresses as in `X-Forwarded-For` and `Forwarded` (RFC 7239), of which the
/// first public one is the client's. An IPv6 address with an embedded IPv4 address is read as the
/// latter.
///
/// # Errors
/// The class of the text if it has no usable address.
pub(crate) fn parse(text: &str) -> Result<IpAddr, Kind> {
    // Nearly all are plain addresses.
    text.parse().or_else(|_| parse_loosely(text)).map(|address| match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => embedded(v6).map_or(address, IpAddr::V4),
    })
}

/// Returns the first public address of a list: a proxy in the client's own network writes a private
/// one before it. Without a public one, the first that can be read.
fn parse_loosely(text: &str) -> Result<IpAddr, Kind> {
    let read: Vec<_> = text.split(',').map(parse_one).collect();
    let is_public = |read: &&Result<IpAddr, Kind>| match **read {
        Ok(IpAddr::V6(v6)) => kind(embedded(v6).map_or(v6.into(), IpAddr::V4)) == Kind::Public,
        Ok(v4) => kind(v4) == Kind::Public,
        Err(_) => false,
    };
    let chosen = read.iter().find(is_public).or_else(|| read.iter().find(|read| read.is_ok()));
    chosen.or(read.first()).copied().unwrap_or(Err(Kind::Missing))
}

/// Reads one address: `a`, `a:port`, `[a]`, `[a]:port`, `/a:port` as Java writes it, or `for=a`.
fn parse_one(text: &str) -> Result<IpAddr, Kind> {
    let text = forwarded_for(text.trim());
    let text = text.strip_prefix('/').unwrap_or(text);
    let bare = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, "")) => address,
        Some((address, port)) if port.strip_prefix(':').is_some_and(is_port) => address,
        _ => text,
    };
    // A zone index (RFC 4007) names an interface of the host that wrote it.
    let unzoned = bare.split_once('%').map_or(bare, |(address, _)| address);
    let with_port = || {
        let (address, _) = unzoned.rsplit_once(':').filter(|(_, port)| is_port(port))?;
        address.parse().ok()
    };
    unzoned.parse().ok().or_else(with_port).ok_or(match text {
        "" => Kind::Missing,
        // RFC 7239, section 6: an identifier that deliberately hides the address.
        _ if text.eq_ignore_ascii_case("unknown") || text.starts_with('_') => Kind::Anonymised,
        _ if text.eq_ignore_ascii_case("redacted") => Kind::Anonymised,
        _ if is_mdns(text.as_bytes()) => Kind::Anonymised,
        _ => Kind::Unreadable,
    })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Returns the value of `for` in an element of `Forwarded`, `for="[a]:port";proto=https`; anything
/// else unchanged.
fn forwarded_for(text: &str) -> &str {
    let mut pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    let node = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    node.map_or(text, |(_, node)| node.trim().trim_matches('"'))
}

fn is_mdns(name: &[u8]) -> bool {
    let (host, suffix) = name.split_at(name.len().saturating_sub(b".local".len()));
    !host.is_empty() && suffix.eq_ignore_ascii_case(b".local")
}

/// Returns the IPv4 address in an IPv6 address of an IPv4 host: mapped (RFC 4291, 2.5.5.2),
/// translated (RFC 6052, well-known prefix), 6to4 (RFC 3056) or Teredo (RFC 4380, inverted).
/// Truncation to /48 would not hide the IPv4 address: for 6to4 it contains all of it.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(joined(g, h)),
        [0x2002, ..] => Some(joined(b, c)),
        [0x2001, 0, ..] => Some(joined(!g, !h)),
        _ => None,
    }
}

/// Returns the class of an address, by IANA's registries of special-purpose addresses.
pub(crate) const fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

const fn kind_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [0, 0, 0, 0] => Kind::Anonymised,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::Shared,
        [127, ..] => Kind::Loopback,
        [169, 254, ..] => Kind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        [224..=239, ..] => Kind::Multicast,
        [0 | 240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => {
            Kind::Reserved
        }
        _ => Kind::Public,
    }
}

const fn kind_v6(address: Ipv6Addr) -> Kind {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Anonymised,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Documentation,
        [0xfc00..=0xfdff, ..] => Kind::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, 1, ..] => Kind::Private,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        // 2001::/23 is for protocols; its global parts (anycast, AS 112) do not belong to clients.
        [0x2001, 0..=0x1ff, ..] => Kind::Reserved,
        [0x2000..=0x3fff, ..] => Kind::Public,
        _ => Kind::Reserved,
    }
}

/// The part of an address that may leave this service: its /24 (IPv4) or /48 (IPv6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) const fn of(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}/24"),
            IpAddr::V6(address) => write!(f, "{address}/48"),
        }
    }
}

#[cfg(test)]
mod tests;
