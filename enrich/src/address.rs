//! Client addresses: read, and cut down to the network that may leave this service.

use std::net::{IpAddr, Ipv6Addr};

/// Reads an address; an IPv4-mapped IPv6 address is the IPv4 address it carries.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The address's /24 (IPv4) or /48 (IPv6).
pub(crate) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_network(text: &str, expected: Option<&str>) {
        assert_eq!(parse(text).map(network).as_deref(), expected, "{text}");
    }

    #[test]
    fn an_address_leaves_as_its_24_or_48_at_most() {
        assert_network("203.0.113.77", Some("203.0.113.0/24"));
        assert_network("2001:db8:1:2:3:4:5:6", Some("2001:db8:1::/48"));
        assert_network(" 198.51.100.1 ", Some("198.51.100.0/24"));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_carries() {
        assert_network("::ffff:203.0.113.77", Some("203.0.113.0/24"));
        assert_eq!(parse("::ffff:203.0.113.77"), parse("203.0.113.77"));
    }

    #[test]
    fn what_is_no_address_has_no_network() {
        for text in ["", "host.example", "203.0.113", "203.0.113.7:443", "fe80::1%eth0"] {
            assert_network(text, None);
        }
    }
}
