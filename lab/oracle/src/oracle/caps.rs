//! Values that a block does not keep apart. The oracle cannot know where a block ends, so the
//! caller passes it.

use std::collections::{HashMap, HashSet};

use schemas::UNKNOWN;
use world::truth::{Event, Session};

use super::Located;

const OTHER: &str = "other";
const OTHER_ASN: i64 = -1;

/// The block that a record was folded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Partition.
    pub partition: i32,
    /// Its first offset in the enriched log.
    pub start: i64,
    /// Most values of a dimension of one session.
    pub session_values: usize,
    /// Most values of a dimension of one app.
    pub values: usize,
}

/// Partition and start.
type BlockKey = (i32, i64);

/// Values that have occurred so far, by block, owner, and name of their dimension.
#[derive(Debug, Default)]
pub(super) struct Seen {
    of_sessions: HashMap<(BlockKey, [String; 3], &'static str), HashSet<String>>,
    of_apps: HashMap<(BlockKey, String, &'static str), HashSet<String>>,
}

impl Seen {
    /// Replaces the values of a record's session that are not kept apart.
    pub(super) fn cap(
        &mut self,
        block: &Block,
        session: &mut Session,
        event: &mut Event,
        located: &mut Located,
    ) {
        let who = [session.app.clone(), session.call.clone(), session.participant.clone()];
        let mut unknown = UNKNOWN.to_owned();
        let (place, provider) = (&mut located.place, &mut located.provider);
        for (name, value) in [
            ("continent", &mut place.continent),
            ("country", &mut place.country),
            ("subdivision", &mut place.subdivision),
            ("organisation", &mut provider.organisation),
            ("network_type", event.network_type.as_mut().unwrap_or(&mut unknown)),
            ("edge", &mut session.edge),
            ("device_class", &mut session.device.class),
            ("os", &mut session.device.os),
            ("browser", &mut session.device.browser),
            ("browser_version", &mut session.device.browser_version),
            ("client_version", &mut session.client_version),
        ] {
            if !self.keeps(block, &who, name, value, block.values) {
                OTHER.clone_into(value);
            }
        }
        for (name, value) in [
            ("city", &mut place.city),
            ("network", &mut located.network),
            ("connection_type", &mut provider.connection_type),
        ] {
            if !self.keeps(block, &who, name, value, usize::MAX) {
                OTHER.clone_into(value);
            }
        }
        let asn = &mut provider.asn;
        if *asn > 0 && !self.keeps(block, &who, "asn", &asn.to_string(), block.values) {
            *asn = OTHER_ASN;
        }
    }

    fn keeps(
        &mut self,
        block: &Block,
        who: &[String; 3],
        name: &'static str,
        value: &str,
        most_of_app: usize,
    ) -> bool {
        if ["", UNKNOWN, OTHER].contains(&value) {
            return true;
        }
        let key = (block.partition, block.start);
        let of_session = self.of_sessions.entry((key, who.clone(), name)).or_default();
        if of_session.contains(value) {
            return true;
        }
        let of_app = self.of_apps.entry((key, who[0].clone(), name)).or_default();
        let has_room = of_session.len() < block.session_values
            && (of_app.contains(value) || of_app.len() < most_of_app);
        if has_room {
            of_session.insert(value.to_owned());
            of_app.insert(value.to_owned());
        }
        has_room
    }
}
