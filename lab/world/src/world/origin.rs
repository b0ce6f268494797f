//! A client's reported location: its address, in all forms of addresses, and the claimed place.

use std::net::{IpAddr, Ipv6Addr};

use rand::Rng;
use schemas::Claim;

use super::environment::Environment;

/// Addresses that are not public: private, shared, loopback, link-local, documentation, and texts
/// of clients that hide their address.
const NOT_PUBLIC: [&str; 16] = [
    "10.20.30.40",
    "172.16.5.6",
    "192.168.1.23",
    "100.64.12.34",
    "127.0.0.1",
    "169.254.7.8",
    "192.0.2.33",
    "203.0.113.77",
    "2001:db8::17",
    "fe80::1c2b:3d4e:5f60:7182",
    "fd12:3456:789a::1",
    "::ffff:10.1.2.3",
    "0.0.0.0",
    "::",
    "redacted",
    "3c9e8f1a-52b7-4c11-9d0e-6f2a7b8c9d01.local",
];

#[derive(Debug)]
pub(super) struct Origin {
    /// Address as seen by the collector, if any.
    pub(super) address: Option<String>,
    /// Claimed place, which applies if the address is not public.
    pub(super) claim: Option<Claim>,
}

impl Origin {
    /// Creates the origin of a client at a place.
    pub(super) fn draw(around: &mut Environment, place: usize) -> Self {
        let address = around.places[place].address(&mut around.rng);
        if around.is_steady() {
            return Self { address: Some(address.to_string()), claim: None };
        }
        match around.rng.random_range(0..1000) {
            0..20 => Self { address: Some(carrying(address, around)), claim: None },
            // A claim beside a public address does not count.
            20..30 => {
                Self { address: Some(address.to_string()), claim: Some(claim(around, place)) }
            }
            30..50 => Self { address: Some(not_public(around)), claim: None },
            50..80 => Self { address: Some(not_public(around)), claim: Some(claim(around, place)) },
            80..85 => Self { address: None, claim: None },
            85..95 => Self { address: None, claim: Some(claim(around, place)) },
            _ => Self { address: Some(address.to_string()), claim: None },
        }
    }
}

fn not_public(around: &mut Environment) -> String {
    NOT_PUBLIC[around.rng.random_range(0..NOT_PUBLIC.len())].to_owned()
}

/// Returns an IPv6 address with the embedded IPv4 address: mapped, NAT64, 6to4 or Teredo.
fn carrying(address: IpAddr, around: &mut Environment) -> String {
    let IpAddr::V4(v4) = address else { return address.to_string() };
    let bits = u128::from(v4.to_bits());
    let carrier = match around.rng.random_range(0..4) {
        0 => return format!("::ffff:{v4}"),
        1 => 0x64_ff9b << 96 | bits,
        2 => 0x2002 << 112 | bits << 80 | 9,
        _ => 0x2001 << 112 | u128::from(!v4.to_bits()),
    };
    Ipv6Addr::from_bits(carrier).to_string()
}

/// Returns a claim as written by clients and collectors: codes in either case, names, missing and
/// invalid values.
fn claim(around: &mut Environment, place: usize) -> Claim {
    let (country, provider) = {
        let place = &around.places[place];
        (place.country.clone(), place.provider.clone())
    };
    let text = |text: &str| Some(text.to_owned());
    match around.rng.random_range(0..6) {
        0 => Claim { country: text(&country), ..Claim::default() },
        1 => Claim {
            country: text(&country.to_lowercase()),
            city: text("Springfield"),
            asn: Some(64_500),
            organisation: Some(provider),
            ..Claim::default()
        },
        2 => Claim {
            country: text("de"),
            subdivision: text(["BE", "de-be", "DE-BE", "Land Berlin"][place % 4]),
            ..Claim::default()
        },
        3 => Claim { continent: text("oc"), asn: Some(64_501), ..Claim::default() },
        4 => Claim { organisation: Some(provider), ..Claim::default() },
        _ => Claim { country: text("Atlantis"), continent: text("World"), ..Claim::default() },
    }
}
