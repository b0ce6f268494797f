//! The wanted settings of Kafka's topics, and their differences from existing ones. Does not use Kafka.

use std::collections::BTreeMap;
use std::fmt;

use service::{Topic, TopicNames};

use super::Options;
use crate::failure::Failure;
use crate::names::Names;

const HOUR_MS: i64 = 3_600_000;

/// A topic's settings, by their names in Kafka.
pub type Settings = BTreeMap<String, String>;

/// The setting that correctness depends on.
const TIMESTAMPS: &str = "message.timestamp.type";

/// Returns every topic that Isobar uses, with its settings; of a raw topic that belongs to the user only the
/// required ones.
#[must_use]
pub fn design(names: &Names, min_insync: i32) -> BTreeMap<String, Settings> {
    design_for(names, min_insync, 0)
}

/// Like [`design`], with topics that are kept for at least `least_hours`.
pub(super) fn design_for(
    names: &Names,
    min_insync: i32,
    least_hours: i64,
) -> BTreeMap<String, Settings> {
    let raw_is_theirs = names.raw_is_theirs();
    let names = &names.topics;
    let topic = |topic: Topic| {
        let name = names.of(topic);
        let settings = [
            ("cleanup.policy", "delete".to_owned()),
            ("max.message.bytes", topic.max_message_bytes().to_string()),
            (TIMESTAMPS, "LogAppendTime".to_owned()),
            ("min.insync.replicas", min_insync.to_string()),
            ("retention.ms", (topic.retention_hours().max(least_hours) * HOUR_MS).to_string()),
            // Kafka deletes whole segments only.
            ("segment.ms", HOUR_MS.to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ];
        let all = !raw_is_theirs || topic != Topic::Raw;
        let settings = settings.into_iter().filter(|(key, _)| all || *key == TIMESTAMPS);
        (name.clone(), settings.map(|(key, value)| (key.to_owned(), value)).collect())
    };
    Topic::ALL.into_iter().map(topic).collect()
}

/// An existing topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// Number of partitions.
    pub partitions: i32,
    /// Copies of each.
    pub copies: i32,
    /// All settings in effect.
    pub settings: Settings,
    /// Settings of the topic itself.
    pub own: Settings,
}

/// A difference between the design and Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic is missing.
    Create {
        /// Its name.
        topic: String,
        /// Its settings.
        settings: Settings,
    },
    /// Settings are different.
    Set {
        /// The topic's name.
        topic: String,
        /// From the first to the second value, by setting.
        different: BTreeMap<String, (String, String)>,
        /// All settings of the topic itself, after the change.
        own: Settings,
    },
    /// Partitions are missing and are to be added.
    Extend {
        /// The topic's name.
        topic: String,
        /// Its number of partitions.
        partitions: i32,
        /// The number it should have.
        wanted: i32,
    },
    /// A change that is refused because it would break the order or the positions of records.
    Refuse {
        /// The topic's name.
        topic: String,
        /// Its number of partitions.
        partitions: i32,
        /// The number it should have.
        wanted: i32,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { topic, settings } => {
                write!(f, "create {topic}")?;
                settings.iter().try_for_each(|(key, value)| write!(f, "\n    {key} = {value}"))
            }
            Self::Set { topic, different, .. } => {
                write!(f, "change {topic}")?;
                different
                    .iter()
                    .try_for_each(|(key, (from, to))| write!(f, "\n    {key}: {from} -> {to}"))
            }
            Self::Extend { topic, partitions, wanted } => {
                write!(f, "extend {topic} from {partitions} to {wanted} partitions")
            }
            Self::Refuse { topic, partitions, wanted } if partitions < wanted => write!(
                f,
                "refuse {topic}: it has {partitions} partitions instead of {wanted}, and more of \
                 them separate live sessions from their earlier records; --add-partitions adds them"
            ),
            Self::Refuse { topic, partitions, wanted } => write!(
                f,
                "refuse {topic}: it has {partitions} partitions instead of {wanted}, and Kafka \
                 takes none away"
            ),
        }
    }
}

/// Returns the changes that make `existing` as `wanted`.
#[must_use]
pub fn difference(
    wanted: BTreeMap<String, Settings>,
    partitions: i32,
    existing: &BTreeMap<String, Existing>,
) -> Vec<Change> {
    let change = |(topic, settings): (String, Settings)| {
        let Some(found) = existing.get(&topic) else {
            return Some(Change::Create { topic, settings });
        };
        if found.partitions != partitions {
            return Some(Change::Refuse {
                topic,
                partitions: found.partitions,
                wanted: partitions,
            });
        }
        let different: BTreeMap<_, _> = settings
            .iter()
            .map(|(key, to)| (key, found.settings.get(key).cloned().unwrap_or_default(), to))
            .filter(|(_, from, to)| from != *to)
            .map(|(key, from, to)| (key.clone(), (from, to.clone())))
            .collect();
        let own = found.own.clone().into_iter().chain(settings).collect();
        (!different.is_empty()).then_some(Change::Set { topic, different, own })
    };
    wanted.into_iter().filter_map(change).collect()
}

/// Returns the changes with missing partitions added. The raw topic comes last: records arrive in its new
/// partitions from then on, and the other topics must have them already.
#[must_use]
pub fn extended(changes: Vec<Change>, names: &TopicNames) -> Vec<Change> {
    let extend = |change| match change {
        Change::Refuse { topic, partitions, wanted } if partitions < wanted => {
            Change::Extend { topic, partitions, wanted }
        }
        other => other,
    };
    let mut changes: Vec<_> = changes.into_iter().map(extend).collect();
    changes.sort_by_key(
        |change| matches!(change, Change::Extend { topic, .. } if *topic == names.raw),
    );
    changes
}

/// Returns the changes that are permitted in the user's own Kafka: new topics. A shorter retention would
/// delete records, and fewer replicas could lose them.
///
/// # Errors
/// If an existing topic would have to change; names all differences, and what to do.
pub fn additions(changes: Vec<Change>, options: &Options) -> Result<Vec<Change>, Failure> {
    let others = changes.iter().filter(|change| !matches!(change, Change::Create { .. }));
    let others: Vec<_> = others.map(ToString::to_string).collect();
    if others.is_empty() {
        return Ok(changes);
    }
    let (others, arguments) = (others.join("\n"), options.arguments());
    Err(Failure::Refused(format!(
        "the topics of your own Kafka are not as they should be, and nothing was changed:\n\
         {others}\n\
         run `isobar topics plan {arguments}`, then `isobar topics apply` with the same arguments"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use service::TopicNames;

    use super::*;
    use crate::connect::{Cluster, KafkaArgs};

    fn as_designed() -> BTreeMap<String, Existing> {
        let topics = design(&Names::default(), 1).into_iter();
        let existing = |settings: Settings| Existing {
            partitions: 4,
            copies: 3,
            own: settings.clone(),
            settings,
        };
        topics.map(|(topic, settings)| (topic, existing(settings))).collect()
    }

    #[test]
    fn topics_as_designed_need_no_change() {
        let changes = difference(design(&Names::default(), 1), 4, &as_designed());
        assert_eq!(changes, []);
    }

    #[test]
    fn a_missing_topic_is_created_and_a_different_setting_is_set() {
        let names = TopicNames::default();
        let mut existing = as_designed();
        existing.remove(&names.blocks);
        if let Some(raw) = existing.get_mut(&names.raw) {
            raw.settings.insert("retention.ms".into(), "5".into());
            raw.own = [("retention.bytes".to_owned(), "9".to_owned())].into();
        }
        let changes = difference(design(&Names::default(), 1), 4, &existing);
        let [Change::Create { topic: created, .. }, Change::Set { topic, different, own }] =
            changes.as_slice()
        else {
            unreachable!("{changes:?}")
        };
        assert_eq!((created, topic), (&names.blocks, &names.raw));
        let to = design(&Names::default(), 1)[&names.raw]["retention.ms"].clone();
        assert_eq!(*different, [("retention.ms".to_owned(), ("5".to_owned(), to))].into());
        assert_eq!(own["retention.bytes"], "9", "a setting of the operator is kept");
    }

    #[test]
    fn another_number_of_partitions_is_refused() {
        let changes = difference(design(&Names::default(), 1), 8, &as_designed());
        assert_eq!(changes.len(), Topic::ALL.len());
        assert!(changes.iter().all(|change| matches!(change, Change::Refuse { .. })));
    }

    #[test]
    fn partitions_are_added_on_request_raw_topic_last_and_never_removed() {
        let names = TopicNames::default();
        let wanted = |partitions| {
            extended(difference(design(&Names::default(), 1), partitions, &as_designed()), &names)
        };
        let changes = wanted(6);
        let is_extended =
            |change: &&Change| matches!(change, Change::Extend { partitions: 4, wanted: 6, .. });
        assert_eq!(changes.iter().filter(is_extended).count(), Topic::ALL.len(), "{changes:?}");
        assert!(
            matches!(changes.last(), Some(Change::Extend { topic, .. }) if *topic == names.raw)
        );
        assert!(wanted(3).iter().all(|change| matches!(change, Change::Refuse { .. })));
    }

    #[test]
    fn topics_are_added_with_the_options_of_existing_ones() {
        let names = TopicNames::default();
        assert_eq!(Options::like(&BTreeMap::new()).arguments(), Options::default().arguments());
        let mut existing = as_designed();
        existing.remove(&names.cells);
        for topic in existing.values_mut() {
            topic.partitions = 12;
            topic.settings.insert("min.insync.replicas".into(), "2".into());
        }
        let options = Options::like(&existing);
        assert_eq!(options.arguments(), "--partitions 12 --replication 3 --min-insync 2");
        let changes = difference(
            design(&Names::default(), options.min_insync),
            options.partitions,
            &existing,
        );
        let [Change::Create { topic, settings }] = &*additions(changes, &options).unwrap() else {
            unreachable!("one topic is missing")
        };
        assert_eq!((topic, &*settings["min.insync.replicas"]), (&names.cells, "2"));
    }

    #[test]
    fn topics_of_the_users_kafka_are_not_changed_but_differences_are_named() {
        let names = TopicNames::default();
        let mut existing = as_designed();
        existing.remove(&names.blocks);
        existing.entry(names.cells.clone()).or_default().partitions = 8;
        let raw = existing.entry(names.raw.clone()).or_default();
        raw.settings.insert("retention.ms".into(), "5".into());
        let options =
            Options { own: KafkaArgs::from(&Cluster::at("host:9092")), ..Options::default() };
        let changes = difference(design(&Names::default(), 1), 4, &existing);
        assert_eq!(changes.len(), 3);
        let words = additions(changes, &options).unwrap_err().to_string();
        for expected in [
            "refuse rtc-cells-v1: it has 8 partitions instead of 4",
            "change rtc-stats-raw-v1\n    retention.ms: 5 -> 86400000",
            "`isobar topics plan --kafka host:9092 --partitions 4",
            "`isobar topics apply`",
        ] {
            assert!(words.contains(expected), "{expected} is not in\n{words}");
        }
        assert!(!words.contains(&names.blocks), "a missing topic is no obstacle:\n{words}");
    }

    #[test]
    fn dead_letters_take_whatever_raw_takes() {
        let names = TopicNames::default();
        let topics = design(&Names::default(), 1);
        let most = |topic: &str| topics[topic]["max.message.bytes"].parse::<u64>().unwrap_or(0);
        assert!(most(&names.dead_letters) > most(&names.raw));
    }

    #[test]
    fn a_raw_topic_of_the_user_only_needs_append_times() {
        let mut names = Names::with_prefix("ours-");
        names.topics.raw = "rtc-stats-raw-v1".to_owned();
        let topics = design(&names, 1);
        let raw = topics["rtc-stats-raw-v1"].iter().collect::<Vec<_>>();
        assert_eq!(raw, [(&TIMESTAMPS.to_owned(), &"LogAppendTime".to_owned())]);
        assert!(topics["ours-rtc-reports-v1"].contains_key("retention.ms"));
    }
}
