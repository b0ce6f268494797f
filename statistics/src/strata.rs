//! Sums over the sessions of a stratum: everything that a ratio and its variance need.

use std::collections::BTreeMap;
use std::ops::{AddAssign, SubAssign};

use super::ratio::Session;

/// One stratum of a mix of sessions. A dimension by which the groups themselves differ, such as the
/// browser in a breakdown by browser, is left empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stratum {
    /// Browser family.
    pub browser: String,
    /// Device class.
    pub device_class: String,
    /// Network type.
    pub network_type: String,
    /// `audio` or `video`.
    pub kind: String,
    /// `inbound` or `outbound`; empty if the sums are of sessions over both directions.
    pub direction: String,
}

impl Stratum {
    /// Returns the stratum of the same kind and direction without browser, device and network.
    #[must_use]
    pub(super) fn stream(&self) -> Self {
        Self { kind: self.kind.clone(), direction: self.direction.clone(), ..Self::default() }
    }

    /// Returns true if both are of the same browser, device class and network type, so that the same
    /// sessions can be in both.
    pub(super) fn shares_sessions_with(&self, other: &Self) -> bool {
        self.browser == other.browser
            && self.device_class == other.device_class
            && self.network_type == other.network_type
    }
}

/// Sums over the sessions of one stratum and group. w is the classified time of a session in the stratum and y
/// its poor time, in any unit, such as µs; 0 ≤ y ≤ w. A session without classified time is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Sessions with w > 0.
    pub sessions: u64,
    /// Σ w.
    pub w: i128,
    /// Σ y.
    pub y: i128,
    /// Σ w².
    pub ww: i128,
    /// Σ w·y.
    pub wy: i128,
    /// Σ y².
    pub yy: i128,
}

impl Sums {
    /// Sums sessions, whose `whole` is w and `part` y.
    #[must_use]
    pub fn of(sessions: &[Session]) -> Self {
        let mut sums = Self::default();
        for session in sessions.iter().filter(|session| session.whole > 0) {
            let (w, y) = (i128::from(session.whole), i128::from(session.part));
            sums += Self { sessions: 1, w, y, ww: w * w, wy: w * y, yy: y * y };
        }
        sums
    }

    /// Returns Σ y / Σ w; NaN without sessions.
    pub(super) fn share(&self) -> f64 {
        self.y as f64 / self.w as f64
    }

    /// Returns (Σ w)² / Σ w²; 0 without sessions.
    pub(super) fn effective_sessions(&self) -> f64 {
        if self.ww > 0 { (self.w as f64).powi(2) / self.ww as f64 } else { 0.0 }
    }

    /// Returns Σ (y − r · w)², never less than 0.
    pub(super) fn residuals(&self, r: f64) -> f64 {
        (self.yy as f64 - 2.0 * r * self.wy as f64 + r * r * self.ww as f64).max(0.0)
    }

    /// Returns Σ (w − y)², of the good time.
    pub(super) fn good_squared(&self) -> f64 {
        (self.ww - 2 * self.wy + self.yy) as f64
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.w += other.w;
        self.y += other.y;
        self.ww += other.ww;
        self.wy += other.wy;
        self.yy += other.yy;
    }
}

impl SubAssign for Sums {
    fn sub_assign(&mut self, other: Self) {
        self.sessions = self.sessions.saturating_sub(other.sessions);
        self.w -= other.w;
        self.y -= other.y;
        self.ww -= other.ww;
        self.wy -= other.wy;
        self.yy -= other.yy;
    }
}

/// A group of sessions, such as those of a provider, by stratum.
pub type Strata = BTreeMap<Stratum, Sums>;

/// Returns the sessions of all groups. No session may be in two of them.
#[must_use]
pub fn union<'a>(groups: impl IntoIterator<Item = &'a Strata>) -> Strata {
    let mut all = Strata::new();
    for (stratum, sums) in groups.into_iter().flatten() {
        *all.entry(stratum.clone()).or_default() += *sums;
    }
    all
}

/// Returns the sessions of `union` that are not in `group`, which is a part of it.
#[must_use]
pub fn rest(union: &Strata, group: &Strata) -> Strata {
    let mut rest = union.clone();
    for (stratum, sums) in group {
        if let Some(of_all) = rest.get_mut(stratum) {
            *of_all -= *sums;
        }
    }
    rest.retain(|_, sums| sums.sessions > 0);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(pairs: &[(i64, i64)]) -> Vec<Session> {
        pairs.iter().map(|&(part, whole)| Session { part, whole }).collect()
    }

    #[test]
    fn sums_have_what_a_variance_needs() {
        let sums = Sums::of(&sessions(&[(2, 6), (1, 8), (3, 10), (0, 0)]));
        let wanted = Sums { sessions: 3, w: 24, y: 6, ww: 200, wy: 50, yy: 14 };
        assert_eq!(sums, wanted);
        // Residuals 0.5, -1, 0.5; good time 4, 7, 7.
        assert!((sums.residuals(0.25) - 1.5).abs() < 1e-12);
        assert!((sums.good_squared() - 114.0).abs() < 1e-12);
        assert!((sums.effective_sessions() - 576.0 / 200.0).abs() < 1e-12);
        assert!(Sums::default().effective_sessions().abs() < 1e-12);
    }

    #[test]
    fn a_union_without_one_of_its_groups_is_the_others() {
        let stratum = |kind: &str| Stratum { kind: kind.to_owned(), ..Stratum::default() };
        let a = Strata::from([(stratum("audio"), Sums::of(&sessions(&[(2, 6), (1, 8)])))]);
        let b = Strata::from([
            (stratum("audio"), Sums::of(&sessions(&[(3, 10)]))),
            (stratum("video"), Sums::of(&sessions(&[(0, 5)]))),
        ]);
        let both = union([&a, &b]);
        assert_eq!(both[&stratum("audio")], Sums::of(&sessions(&[(2, 6), (1, 8), (3, 10)])));
        assert_eq!(rest(&both, &a), b);
        assert_eq!(rest(&both, &b), a);
        assert_eq!(rest(&both, &both), Strata::new());
    }
}
