//! Windows of event time.

/// Returns the start, in s since the Unix epoch, of the window of `window_s` seconds that contains
/// `event_us` (µs since the Unix epoch).
#[must_use]
pub(crate) const fn window_start(event_us: i64, window_s: i32) -> i64 {
    let seconds = window_s as i64;
    event_us.div_euclid(seconds * 1_000_000) * seconds
}

#[cfg(test)]
mod tests {
    use super::window_start;

    #[test]
    fn a_window_starts_at_a_multiple_of_its_length() {
        assert_eq!(window_start(1_756_000_019_999_999, 60), 1_755_999_960);
        assert_eq!(window_start(1_756_000_020_000_000, 60), 1_756_000_020);
        assert_eq!(window_start(1_756_000_020_000_001, 60), 1_756_000_020);
        assert_eq!(window_start(-1, 60), -60);
        assert_eq!(window_start(25_000_000, 10), 20);
    }
}
