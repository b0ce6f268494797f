//! The places of the world: real networks with invented conditions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rand::Rng;

/// `network,country,provider,access,utc_hours,rtt_ms,jitter_ms,loss_percent`, a header first. The
/// networks were selected from data of RouteViews and DB-IP Lite (CC BY 4.0, db-ip.com); their
/// conditions are invented.
const PLACES: &str = include_str!("../../data/places.csv");

/// Load of networks by the local hour, in 1/1000 of their usual load.
const LOAD: [i64; 24] = [
    600, 500, 450, 420, 400, 420, 500, 650, 850, 950, 1000, 1000, 980, 1000, 1020, 1050, 1100,
    1200, 1350, 1500, 1650, 1700, 1400, 900,
];

const HOUR_US: i64 = 3_600_000_000;

/// Network conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conditions {
    /// Round trip to the edge, µs.
    pub(super) round_trip_us: i64,
    /// Interarrival jitter, µs.
    pub(super) jitter_us: i64,
    /// Share of packets lost, millionths.
    pub(super) loss_ppm: i64,
}

impl Conditions {
    /// Returns conditions that are `times` times as bad.
    pub(super) fn worse(self, times: i64) -> Self {
        Self {
            round_trip_us: self.round_trip_us + times * 15_000,
            jitter_us: self.jitter_us * (2 + times) / 3,
            loss_ppm: (self.loss_ppm * times + times * 2_000).min(600_000),
        }
    }
}

/// A provider's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    first: u128,
    host_bits: u32,
    v6: bool,
    pub(super) country: String,
    pub(super) provider: String,
    /// cellular, or a kind of fixed line.
    pub(super) access: String,
    pub(super) utc_hours: i64,
    usual: Conditions,
}

impl Place {
    /// Returns all places; none if the list is invalid.
    pub(super) fn all() -> Option<Vec<Self>> {
        PLACES.lines().skip(1).map(Self::parse).collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let (network, prefix) = fields.next()?.split_once('/')?;
        let (first, bits) = match network.parse().ok()? {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let mut text = || fields.next().map(str::to_owned);
        let (country, provider, access) = (text()?, text()?, text()?);
        let mut number = || text()?.parse::<f64>().ok();
        Some(Self {
            first,
            host_bits: bits - prefix.parse::<u32>().ok()?,
            v6: bits == 128,
            country,
            provider,
            access,
            utc_hours: number()? as i64,
            usual: Conditions {
                round_trip_us: (number()? * 1e3).round() as i64,
                jitter_us: (number()? * 1e3).round() as i64,
                loss_ppm: (number()? * 1e4).round() as i64,
            },
        })
    }

    /// Makes the network the same as another one, apart from its addresses.
    pub(super) fn behave_as(&mut self, other: &Self) {
        self.access.clone_from(&other.access);
        self.usual = other.usual;
    }

    /// An address of the network.
    pub(super) fn address(&self, rng: &mut impl Rng) -> IpAddr {
        let address = self.first + (rng.random::<u128>() >> (128 - self.host_bits));
        if self.v6 { Ipv6Addr::from(address).into() } else { Ipv4Addr::from(address as u32).into() }
    }

    /// Returns the conditions at `at_us`.
    pub(super) fn conditions(&self, at_us: i64) -> Conditions {
        let hour = (at_us.div_euclid(HOUR_US) + self.utc_hours).rem_euclid(24);
        let load = LOAD[hour as usize];
        Conditions {
            round_trip_us: self.usual.round_trip_us * (800 + load / 4) / 1000,
            jitter_us: self.usual.jitter_us * (600 + load * 2 / 5) / 1000,
            loss_ppm: self.usual.loss_ppm * load / 1000,
        }
    }

    /// Returns the edge that serves the country.
    pub(super) fn edge(&self) -> &'static str {
        match self.country.as_str() {
            "US" | "CA" => "iad1",
            "MX" | "CO" | "PE" => "dfw1",
            "BR" | "AR" | "CL" => "gru1",
            "IN" | "PK" | "BD" => "bom1",
            "CN" | "HK" | "TW" | "JP" | "KR" => "hnd1",
            "SG" | "ID" | "PH" | "VN" | "TH" | "MY" => "sin1",
            "AU" | "NZ" => "syd1",
            "ZA" | "KE" => "jnb1",
            "GB" | "NG" | "GH" | "PT" | "ES" | "MA" => "lhr1",
            _ => "fra1",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_places_are_many_and_their_addresses_lie_in_them() {
        let places = Place::all().unwrap();
        assert!(places.len() > 80);
        assert!(places.iter().filter(|place| place.v6).count() > 5);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for place in &places {
            let address = match place.address(&mut rng) {
                IpAddr::V4(v4) => u128::from(v4.to_bits()),
                IpAddr::V6(v6) => v6.to_bits(),
            };
            assert_eq!(address >> place.host_bits, place.first >> place.host_bits);
        }
    }

    #[test]
    fn evenings_are_worse_than_nights() {
        let place = &Place::all().unwrap()[0];
        let (night, evening) = (place.conditions(3 * HOUR_US), place.conditions(20 * HOUR_US));
        assert!(night.loss_ppm * 2 < evening.loss_ppm);
        assert!(night.round_trip_us < evening.round_trip_us);
    }
}
