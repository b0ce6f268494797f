//! Binding of a group to the ClickHouse that it writes to, by the id that `isobar migrate` has
//! written there.
//!
//! Members of a group share its partitions. A member with another ClickHouse would take some of
//! them, and their rows would be missing in the first one without any sign: the lag is 0 in both. So
//! every commit contains the id, and a member whose ClickHouse has another id refuses to start.

use service::{Committed, Refusal, RefusalReason};

/// Prefix of the metadata of a commit.
const KEY: &str = "target=";

/// Returns the metadata of a commit by a sink whose ClickHouse has this id.
pub(crate) fn metadata(id: &str) -> String {
    format!("{KEY}{id}")
}

/// Returns the id that a commit is bound to. None for commits of releases without ids and of other
/// tools (`kafka-consumer-groups.sh --reset-offsets` leaves no metadata).
fn bound_to(metadata: &str) -> Option<&str> {
    metadata.strip_prefix(KEY)?.split_whitespace().next()
}

/// The ClickHouse of a sink, and the one that it may replace.
pub(crate) struct Target<'a> {
    pub(crate) url: &'a str,
    pub(crate) id: &'a str,
    /// Id of the ClickHouse that this one replaces; empty if it replaces none.
    pub(crate) adopts: &'a str,
}

impl Target<'_> {
    /// Returns a refusal if the commit for partition `place` (`topic/number`) is bound to another
    /// ClickHouse.
    pub(crate) fn refuses(&self, place: &str, committed: &Committed) -> Option<Refusal> {
        let Self { url, id, adopts } = self;
        let bound = bound_to(&committed.metadata)?;
        if bound == *id || bound == *adopts {
            return None;
        }
        let text = format!(
            "the group is bound to the ClickHouse with the id {bound} ({place}), and the one at {url} \
             has the id {id}: rows would be split between them. For a ClickHouse of its own, give \
             this sink a kafka.group of its own; if this one has taken the place of the other for \
             good, see exit code 89 in docs/reference/exit-codes.md about sink.adopt_target = \
             \"{bound}\""
        );
        Some(Refusal::new(RefusalReason::Target, text))
    }
}

#[cfg(test)]
mod tests {
    use service::{Committed, Offset, RefusalReason};

    use super::{Target, metadata};

    fn committed(metadata: &str) -> Committed {
        Committed { offset: Offset(7), metadata: metadata.to_owned() }
    }

    #[test]
    fn a_commit_of_another_target_is_refused_unless_it_is_adopted() {
        let target = Target { url: "http://b", id: "b", adopts: "" };
        assert_eq!(target.refuses("cells/0", &committed(&metadata("b"))), None);
        let refusal = target.refuses("cells/0", &committed(&metadata("a")));
        assert!(refusal.is_some_and(|refusal| refusal.reason == RefusalReason::Target
            && refusal.text.contains("cells/0")
            && refusal.text.contains("adopt_target = \"a\"")));
        let adopts =
            |adopts| Target { adopts, ..target }.refuses("cells/0", &committed("target=a"));
        assert_eq!(adopts("a"), None);
        assert!(adopts("c").is_some(), "only the named one");
    }

    #[test]
    fn metadata_without_a_target_binds_to_none() {
        let target = Target { url: "http://b", id: "b", adopts: "" };
        for metadata in ["", "reset by hand", "{}", "target="] {
            assert_eq!(target.refuses("cells/0", &committed(metadata)), None, "{metadata:?}");
        }
        assert!(target.refuses("cells/0", &committed("target=a more=1")).is_some());
    }
}
