//! Classification of video as camera or shared screen if it is not reported.

use schemas::{Direction, Interval, Kind};

/// Returns true if a browser reports `contentType` for screens that it sends, so that sent video
/// without it is a camera's. Chromium does. Firefox and Safari never report it
/// (`RTCStatsReport.webidl`, `RTCStatsReport.h`), browsers on iOS use Safari's engine (`CriOS/`),
/// Edge before 79 had its own (`Edge/`), and a client without a user agent is unknown.
pub(crate) fn reports_screens(user_agent: Option<&str>) -> bool {
    user_agent.is_some_and(|name| name.contains("Chrome/") && !name.contains("Edge/"))
}

/// Marks sent video as a camera's if its browser would have reported a screen. For received video
/// the sender reports it by the RTP header extension `video-content-type`, whose default equals its
/// absence. A screen from Firefox or Safari, or through an SFU that does not negotiate the
/// extension (mediasoup), has none, so received video without it stays unknown.
pub(crate) fn settle(interval: &mut Interval, reports_screens: bool) {
    let is_sent = interval.direction == Direction::Outbound;
    if interval.kind == Kind::Video && is_sent && reports_screens {
        interval.video.get_or_insert_default().screen_share.get_or_insert(false);
    }
}

#[cfg(test)]
mod tests {
    use schemas::Video;

    use super::*;

    #[test]
    fn only_chromium_reports_screens() {
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/150.0.0.0 Safari/537.36",
                true,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0",
                true,
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/64.0.3282.140 Safari/537.36 Edge/18.17763",
                false,
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", false),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0.0.0 Mobile/15E148 Safari/604.1",
                false,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                false,
            ),
            ("libwebrtc", false),
        ] {
            assert_eq!(reports_screens(Some(user_agent)), expected, "{user_agent}");
        }
        assert!(!reports_screens(None));
    }

    #[test]
    fn a_reported_content_type_is_kept() {
        let of = |kind, screen_share| Interval {
            kind,
            direction: Direction::Outbound,
            video: Some(Video { screen_share, ..Video::default() }),
            ..Interval::default()
        };
        let settled = |mut interval: Interval, reports_screens| {
            settle(&mut interval, reports_screens);
            interval.video.and_then(|video| video.screen_share)
        };
        assert_eq!(settled(of(Kind::Video, None), true), Some(false));
        assert_eq!(settled(of(Kind::Video, None), false), None);
        assert_eq!(settled(of(Kind::Video, Some(true)), true), Some(true));
        assert_eq!(settled(of(Kind::Audio, None), true), None);
        let received =
            |content| Interval { direction: Direction::Inbound, ..of(Kind::Video, content) };
        assert_eq!(settled(received(None), true), None, "the sender may not report it");
        assert_eq!(settled(received(Some(true)), true), Some(true));
    }
}
