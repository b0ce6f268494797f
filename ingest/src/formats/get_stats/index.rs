//! Index of the objects of a report, for references between objects.

use std::collections::HashMap;

use super::object::Object;
use super::object_type::Type;
use crate::counters::StatsType;

/// Number of objects up to which a linear search is faster than a map. For more it would be
/// quadratic.
const FEW: usize = 64;

/// Objects of a report. If a reference fits several, the first one counts.
pub(super) struct Index<'o, 'a> {
    pub(super) all: &'o [Object<'a>],
    maps: Option<Maps<'o>>,
}

/// Positions of objects by their type and reference.
#[derive(Default)]
struct Maps<'o> {
    ids: HashMap<(Type, &'o str), usize>,
    local_ids: HashMap<(Type, &'o str), usize>,
    ssrcs: HashMap<(Type, i64), usize>,
}

impl<'o, 'a> Index<'o, 'a> {
    pub(super) fn new(all: &'o [Object<'a>]) -> Self {
        if all.len() <= FEW {
            return Self { all, maps: None };
        }
        let mut maps = Maps::default();
        for (place, object) in all.iter().enumerate() {
            maps.ids.entry((object.of, &*object.id)).or_insert(place);
            maps.ssrcs.entry((object.of, object.ssrc)).or_insert(place);
            if let Some(local_id) = object.local_id.as_deref() {
                maps.local_ids.entry((object.of, local_id)).or_insert(place);
            }
        }
        Self { all, maps: Some(maps) }
    }

    /// Returns the object of this type and id.
    pub(super) fn find(&self, of: Type, id: Option<&str>) -> Option<&'o Object<'a>> {
        let id = id?;
        match &self.maps {
            None => self.all.iter().find(|object| object.is(of) && object.id == id),
            Some(maps) => maps.ids.get(&(of, id)).map(|place| &self.all[*place]),
        }
    }

    /// Returns the remote object of a stream, of type `reported`: by SSRC, or by an id in either of
    /// them.
    pub(super) fn far_end(
        &self,
        stream: &Object<'_>,
        reported: StatsType,
    ) -> Option<&'o Object<'a>> {
        let of = Type::Counting(reported);
        let Some(maps) = &self.maps else {
            return self.all.iter().find(|remote| remote.is(of) && is_far_end(stream, remote));
        };
        let by_ssrc = maps.ssrcs.get(&(of, stream.ssrc)).filter(|_| stream.ssrc != 0);
        let names_it = maps.local_ids.get(&(of, &*stream.id));
        let named = stream.remote_id.as_deref().and_then(|id| maps.ids.get(&(of, id)));
        let place = [by_ssrc, names_it, named].into_iter().flatten().min()?;
        Some(&self.all[*place])
    }
}

fn is_far_end(stream: &Object<'_>, remote: &Object<'_>) -> bool {
    (stream.ssrc != 0 && stream.ssrc == remote.ssrc)
        || remote.local_id.as_ref() == Some(&stream.id)
        || stream.remote_id.as_ref() == Some(&remote.id)
}
