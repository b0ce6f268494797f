//! Loading of settings, with all errors reported at once.

use std::path::Path;

use host::{Sections, environment, set, text_of, variable};
use serde_json::{Map, Value};
use service::{Kafka, Problems, Service, Settings, TopicNames};

use crate::client::check_options;

/// Returns the defaults that depend on the service.
pub(crate) fn defaults<S: Service>() -> Map<String, Value> {
    let listen = format!("127.0.0.1:{}", S::DEFAULT_PORT);
    let mut sections = Map::new();
    set(&mut sections, &["server", "listen"], Value::String(listen));
    set(&mut sections, &["kafka", "group"], Value::String(format!("isobar-{}", S::NAME)));
    sections
}

/// Reads the settings of `S`: defaults, under the TOML `file`, under the environment's `variables`.
/// Opens the resources that they name.
///
/// # Errors
/// All that is wrong: syntax, types, unknown keys, what the sections' own checks find, and what cannot
/// be opened.
pub(crate) fn load<S: Service>(
    file: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Settings<S::Settings>, S::Resources), Problems> {
    let mut problems = Problems::default();
    let mut sections = Sections::read(defaults::<S>(), file, variables, &mut problems);
    let settings = Settings {
        kafka: sections.take("kafka"),
        topics: sections.take("topics"),
        server: sections.take("server"),
        log: sections.take("log"),
        limits: sections.take("limits"),
        service: sections.take::<S::Settings>(S::NAME),
    };
    sections.refuse_rest();
    check_kafka(&settings.kafka, &mut problems);
    problems.check("topics", &settings.topics);
    problems.check("limits", &settings.limits);
    problems.check(S::NAME, &settings.service);
    let resources = problems.within(S::NAME, |problems| S::open(&settings, problems));
    match resources {
        Some(resources) if problems.is_empty() => Ok((settings, resources)),
        _ => Err(problems),
    }
}

/// Reads the sections `[kafka]` and `[topics]` of the settings file (TOML) of any service, with the
/// environment over them, for programs that connect to the services' Kafka.
///
/// # Errors
/// All that is wrong with them: syntax, types, unknown keys and options.
pub fn kafka_settings(path: &Path) -> Result<(Kafka, TopicNames), Problems> {
    load_kafka(&text_of(path)?, environment())
}

/// Reads the secret in the environment (`ISOBAR_KAFKA__REPLAY_KEY`), for a cluster without a settings file;
/// empty if there is none.
///
/// # Errors
/// If it is too short.
pub fn replay_secret() -> Result<String, Problems> {
    let name = variable(&["kafka".to_owned(), "replay_key".to_owned()]);
    Ok(load_kafka("", environment().filter(|(found, _)| *found == name))?.0.replay_key)
}

fn load_kafka(
    file: &str,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(Kafka, TopicNames), Problems> {
    let mut problems = Problems::default();
    let mut sections = Sections::read(Map::new(), file, variables, &mut problems);
    let (kafka, topics) = (sections.take("kafka"), sections.take("topics"));
    check_kafka(&kafka, &mut problems);
    problems.check("topics", &topics);
    if problems.is_empty() { Ok((kafka, topics)) } else { Err(problems) }
}

fn check_kafka(kafka: &Kafka, problems: &mut Problems) {
    problems.check("kafka", kafka);
    problems.within("kafka", |problems| check_options(kafka, problems));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use service::Check;
    use service::{Fatal, Handler, Topics};

    use super::*;
    use crate::settings_reference;

    #[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Own {
        /// Seconds of a window.
        window_s: u32,
        /// Lists of names.
        groups: Vec<String>,
        nested: Nested,
    }

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Nested {
        /// Share of all.
        share: f64,
        on: bool,
    }

    impl Default for Nested {
        fn default() -> Self {
            Self { share: 0.5, on: true }
        }
    }

    impl Check for Own {
        fn check(&self, problems: &mut Problems) {
            if self.window_s > 3600 {
                problems.push("window_s", "must be at most 3600");
            }
        }
    }

    struct Tried;

    impl Service for Tried {
        const NAME: &'static str = "tried";
        const ABOUT: &'static str = "For tests";
        const DEFAULT_PORT: u16 = 9199;
        type Settings = Own;
        type Resources = u32;

        fn topics(_: &Settings<Own>) -> Topics {
            Topics::default()
        }

        fn open(settings: &Settings<Own>, problems: &mut Problems) -> Option<u32> {
            let groups = &settings.service.groups;
            let missing = groups.iter().filter(|group| group.as_str() == "missing").count();
            for _ in 0..missing {
                problems.push("groups", "cannot be opened");
            }
            (missing == 0).then_some(settings.service.window_s)
        }

        fn handler(
            _: &Settings<Own>,
            _: u32,
            _: &prometheus::Registry,
        ) -> Result<Box<dyn Handler>, Fatal> {
            Err(Fatal::State("not built in tests".to_owned()))
        }
    }

    fn read(file: &str, variables: &[(&str, &str)]) -> Result<Settings<Own>, Vec<String>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        load::<Tried>(file, variables.iter().map(owned))
            .map(|(settings, resources)| {
                assert_eq!(resources, settings.service.window_s, "opened by these settings");
                settings
            })
            .map_err(|problems| problems.lines().to_vec())
    }

    #[test]
    fn kafka_settings_are_read_from_any_services_file_with_all_errors_at_once() {
        let read = |file: &str, variables: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            load_kafka(file, variables.iter().map(owned))
        };
        let file = "[kafka]\nbrokers = 'a:1'\ngroup = 'g'\n[kafka.options]\n'linger.ms' = '7'\n\
                    [topics]\nraw = 'mine'\n[ingest]\nmax_depth = 16\n[nonsense]\n";
        let variables = [("ISOBAR_KAFKA__OPTIONS", r#"{"client.id":"me"}"#)];
        let (kafka, topics) = read(file, &variables).unwrap();
        assert_eq!((&*kafka.brokers, &*kafka.options["client.id"]), ("a:1", "me"));
        assert_eq!((&*topics.raw, &*topics.reports), ("mine", "rtc-reports-v1"));
        assert_eq!(read("", &[]).unwrap(), <(Kafka, TopicNames)>::default());
        let wrong =
            "[kafka]\nbroker = 'a:1'\n[kafka.options]\n'linger.msec' = 'secret'\nacks = '1'\n";
        let problems = read(wrong, &[]).unwrap_err();
        let [key, acks, option] = problems.lines() else { panic!("{problems:?}") };
        assert!(key.starts_with("kafka.broker: unknown key"), "{key}");
        assert!(acks.starts_with("kafka.options.acks: is set by the service"), "{acks}");
        assert!(option.starts_with("kafka.options.linger.msec: No such"), "{option}");
    }

    #[test]
    fn without_a_file_all_defaults_hold_and_group_and_port_are_the_services_own() {
        let settings = read("", &[]).unwrap();
        assert_eq!(settings.kafka.group, "isobar-tried");
        assert_eq!(settings.server.listen.port(), 9199);
        assert_eq!(settings.topics.raw, "rtc-stats-raw-v1");
    }

    #[test]
    fn the_environment_is_over_the_file_and_the_file_over_the_defaults() {
        let file = "[kafka]\nbrokers = 'a:1'\ngroup = 'g'\n[tried]\nwindow_s = 30\n";
        let variables = [
            ("ISOBAR_KAFKA__BROKERS", "b:2"),
            ("ISOBAR_TRIED__NESTED__SHARE", "0.25"),
            ("ISOBAR_TRIED__GROUPS", r#"["x","y"]"#),
            ("ISOBAR_KAFKA__OPTIONS", r#"{"linger.ms":"5"}"#),
            ("ISOBAR_HOME", "no setting: it names no section"),
        ];
        let settings = read(file, &variables).unwrap();
        assert_eq!((settings.kafka.brokers.as_str(), settings.kafka.group.as_str()), ("b:2", "g"));
        assert_eq!(settings.service.window_s, 30);
        assert!((settings.service.nested.share - 0.25).abs() < f64::EPSILON);
        assert_eq!(settings.service.groups, ["x", "y"]);
        assert_eq!(settings.kafka.options["linger.ms"], "5");
    }

    #[test]
    fn a_number_in_the_environment_stays_text_where_text_is_wanted() {
        let settings = read("", &[("ISOBAR_KAFKA__GROUP", "7")]).unwrap();
        assert_eq!(settings.kafka.group, "7");
    }

    #[test]
    fn reserved_kafka_options_are_refused_under_every_alias() {
        for option in ["acks", "request.required.acks", "delivery.timeout.ms", "group.protocol"] {
            let file = format!("[kafka.options]\n'{option}' = '1'\n'linger.ms' = '5'\n");
            let wanted = format!("kafka.options.{option}: is set by the service; remove it");
            assert_eq!(read(&file, &[]).unwrap_err(), [wanted]);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_reported_at_once_with_its_path() {
        let file = "typo = 1\n[kafka]\nbrokers = 5\ngruop = 'x'\noptions = { acks = '0' }\n\
                    [limits]\nin_flight_mb = 0\nshutdown_deadline_s = 'soon'\n\
                    [tried]\nwindow_s = 9999\ngroups = ['a', 3]\n[tried.nested]\nshare = 'x'\n\
                    colour = 1\n[trid]\n";
        let problems = read(file, &[("ISOBAR_TRIED__NESTED__ON", "maybe")]).unwrap_err();
        let expected = [
            "kafka.brokers: invalid type",
            "kafka.gruop: unknown key",
            "kafka.options.acks: is set by the service",
            "limits.in_flight_mb: must be",
            "limits.shutdown_deadline_s: invalid type",
            "tried.window_s: must be at most 3600",
            "tried.groups: invalid type",
            "tried.nested.share: invalid type",
            "tried.nested.colour: unknown key",
            "tried.nested.on: invalid type: string \"maybe\", expected a boolean (from \
             ISOBAR_TRIED__NESTED__ON)",
            "typo: unknown section",
            "trid: unknown section",
        ];
        for start in expected {
            let found = problems.iter().filter(|problem| problem.starts_with(start)).count();
            assert_eq!(found, 1, "{start} in {problems:#?}");
        }
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    }

    #[test]
    fn files_that_cannot_be_opened_are_reported_with_all_other_errors() {
        let problems = read("[tried]\nwindow_s = 9999\ngroups = ['missing']\n", &[]).unwrap_err();
        let wanted = ["tried.window_s: must be at most 3600", "tried.groups: cannot be opened"];
        assert_eq!(problems, wanted);
    }

    fn refused(options: &str) -> Vec<String> {
        read(&format!("[kafka.options]\n{options}"), &[]).unwrap_err()
    }

    #[test]
    fn every_option_that_the_client_refuses_is_named_with_its_reason() {
        let problems = refused("'linger.msec' = '5'\n'fetch.min.bytes' = 'few'\nretries = '3'\n");
        let [few, unknown] = &problems[..] else { panic!("{problems:#?}") };
        assert!(few.starts_with("kafka.options.fetch.min.bytes: Invalid value"), "{few}");
        let wanted = "kafka.options.linger.msec: No such configuration property";
        assert!(unknown.starts_with(wanted), "{unknown}");
    }

    #[test]
    fn options_that_do_not_go_together_are_a_problem() {
        let problems = refused("'max.poll.interval.ms' = '1000'\n");
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].starts_with("kafka.options: `max.poll.interval.ms`"), "{problems:#?}");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn options_of_tls_and_scram_say_which_build_they_take() {
        let remedy = "; build Isobar with --features tls";
        let problems = refused("'security.protocol' = 'ssl'\n'ssl.key.password' = 'secret'\n");
        assert_eq!(problems.len(), 2, "{problems:#?}");
        assert!(problems.iter().all(|one| one.ends_with(remedy)), "{problems:#?}");
        assert!(problems.iter().all(|one| !one.contains("secret")), "{problems:#?}");
        let scram = "'security.protocol' = 'sasl_plaintext'\n'sasl.mechanisms' = 'SCRAM-SHA-512'\n";
        let problems = refused(scram);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].ends_with(remedy), "{problems:#?}");
    }

    #[test]
    fn an_error_in_toml_names_its_line() {
        let problems = read("[kafka\n", &[]).unwrap_err();
        assert!(problems[0].contains("line 1"), "{problems:?}");
    }

    #[test]
    fn the_reference_has_a_row_for_every_setting() {
        let table = settings_reference::<Tried>();
        for row in [
            "| `kafka.group` | string | `\"isobar-tried\"` | `ISOBAR_KAFKA__GROUP` | Consumer",
            "| `kafka.options` | table of string | `{}` | `ISOBAR_KAFKA__OPTIONS` | Further",
            "| `log.format` | `\"human\"` or `\"json\"` | `\"human\"` | `ISOBAR_LOG__FORMAT` |",
            "| `server.listen` | string | `\"127.0.0.1:9199\"` | `ISOBAR_SERVER__LISTEN` |",
            "| `tried.groups` | list of string | `[]` | `ISOBAR_TRIED__GROUPS` | Lists of names.",
            "| `tried.nested.share` | number | `0.5` | `ISOBAR_TRIED__NESTED__SHARE` | Share",
        ] {
            assert!(table.contains(row), "{row}\n{table}");
        }
    }
}
