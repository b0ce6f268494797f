//! The browsers of the world, and the statistics that each of them reports.

use schemas::Device;

/// Differences between the `getStats()` of browsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    /// `totalRoundTripTime` and `roundTripTimeMeasurements` of `remote-inbound-rtp`.
    pub(super) round_trip_totals: bool,
    /// `packetsReceived` of `remote-inbound-rtp`.
    pub(super) far_packets: bool,
    /// `totalRoundTripTime` and `responsesReceived` of `candidate-pair`.
    pub(super) ice_totals: bool,
    /// `freezeCount`, `totalFreezesDuration`, `pauseCount` and `totalPausesDuration`.
    pub(super) freezes: bool,
    /// `silentConcealedSamples`.
    pub(super) silence: bool,
    /// `framesDropped`.
    pub(super) dropped: bool,
    /// `retransmittedPacketsReceived`.
    pub(super) retransmitted: bool,
    /// `contentType` of a shared screen.
    pub(super) content_type: bool,
    /// `nackCount` of audio.
    pub(super) audio_nack: bool,
    /// `networkType` of the local candidate.
    pub(super) network_type: bool,
    /// `remote-outbound-rtp` with round trips.
    pub(super) remote_outbound: bool,
    /// `totalAudioEnergy` of an audio `media-source`.
    pub(super) audio_energy: bool,
    /// `mediaSourceId` of `outbound-rtp`.
    pub(super) source_id: bool,
    /// A `transport` that names the selected pair; otherwise the pair has `selected`.
    pub(super) transport: bool,
}

const CHROMIUM: Dialect = Dialect {
    round_trip_totals: true,
    far_packets: false,
    ice_totals: true,
    freezes: true,
    silence: true,
    dropped: true,
    retransmitted: true,
    content_type: true,
    audio_nack: true,
    network_type: true,
    remote_outbound: true,
    audio_energy: true,
    source_id: true,
    transport: true,
};

const SAFARI: Dialect = Dialect {
    freezes: false,
    silence: false,
    retransmitted: false,
    content_type: false,
    audio_nack: false,
    network_type: false,
    remote_outbound: false,
    ..CHROMIUM
};

const FIREFOX: Dialect = Dialect {
    far_packets: true,
    freezes: false,
    content_type: false,
    network_type: false,
    remote_outbound: false,
    audio_energy: false,
    source_id: false,
    transport: false,
    ..CHROMIUM
};

const FIREFOX_ESR: Dialect = Dialect {
    round_trip_totals: false,
    ice_totals: false,
    dropped: false,
    retransmitted: false,
    ..FIREFOX
};

/// A browser on a device.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Browser {
    pub(super) user_agent: &'static str,
    pub(super) class: &'static str,
    os: &'static str,
    family: &'static str,
    major: &'static str,
    pub(super) dialect: Dialect,
    weight: u32,
}

impl Browser {
    /// Result of uap-core for the user agent.
    pub(super) fn device(&self) -> Device {
        Device {
            class: self.class.to_owned(),
            os: self.os.to_owned(),
            browser: self.family.to_owned(),
            browser_version: self.major.to_owned(),
        }
    }

    /// Returns the browser at a position, 0 to 1000, in the list of all browsers by weight.
    pub(super) fn at(share: u32) -> &'static Self {
        let mut left = share % 1000;
        BROWSERS
            .iter()
            .find(|browser| {
                let here = left < browser.weight;
                left = left.saturating_sub(browser.weight);
                here
            })
            .unwrap_or(&BROWSERS[0])
    }
}

/// Weights add up to 1000.
#[rustfmt::skip]
static BROWSERS: [Browser; 13] = [
    Browser { user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        class: "desktop", os: "Windows", family: "Chrome", major: "139", dialect: CHROMIUM, weight: 250 },
    Browser { user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
        class: "desktop", os: "Mac OS X", family: "Chrome", major: "139", dialect: CHROMIUM, weight: 120 },
    Browser { user_agent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        class: "desktop", os: "Linux", family: "Chrome", major: "138", dialect: CHROMIUM, weight: 40 },
    Browser { user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
        class: "desktop", os: "Windows", family: "Edge", major: "139", dialect: CHROMIUM, weight: 110 },
    Browser { user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0",
        class: "desktop", os: "Windows", family: "Firefox", major: "142", dialect: FIREFOX, weight: 50 },
    Browser { user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
        class: "desktop", os: "Linux", family: "Firefox", major: "115", dialect: FIREFOX_ESR, weight: 30 },
    Browser { user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
        class: "desktop", os: "Mac OS X", family: "Safari", major: "17", dialect: SAFARI, weight: 80 },
    Browser { user_agent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
        class: "mobile", os: "Android", family: "Chrome Mobile", major: "139", dialect: CHROMIUM, weight: 150 },
    Browser { user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        class: "mobile", os: "iOS", family: "Mobile Safari", major: "17", dialect: SAFARI, weight: 110 },
    Browser { user_agent: "Mozilla/5.0 (iPad; CPU OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
        class: "tablet", os: "iOS", family: "Mobile Safari", major: "17", dialect: SAFARI, weight: 20 },
    Browser { user_agent: "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        class: "tablet", os: "Android", family: "Chrome", major: "138", dialect: CHROMIUM, weight: 20 },
    Browser { user_agent: "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/39.4.0.15.62 Chrome/136.0.7103.177 VR Safari/537.36",
        class: "headset", os: "Android", family: "Oculus Browser", major: "39", dialect: CHROMIUM, weight: 12 },
    Browser { user_agent: "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.270 Safari/537.36 WebAppManager",
        class: "tv", os: "webOS", family: "Chrome", major: "120", dialect: CHROMIUM, weight: 8 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_browser_appears_by_its_weight() {
        assert_eq!(BROWSERS.iter().map(|browser| browser.weight).sum::<u32>(), 1000);
        for browser in &BROWSERS {
            let times = (0..1000).filter(|share| Browser::at(*share) == browser).count();
            assert_eq!(times, browser.weight as usize, "{}", browser.user_agent);
        }
    }
}
