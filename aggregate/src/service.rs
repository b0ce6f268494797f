//! The service as a program.

use service::{Fatal, Handler, Problems, Service, Settings, Topic, Topics};

use crate::pipeline::Pipeline;
use crate::settings::AggregateSettings;

/// The service `isobar-aggregate`.
#[derive(Debug)]
pub struct Aggregate;

impl Service for Aggregate {
    const NAME: &'static str = "aggregate";
    const ABOUT: &'static str = "Folds enriched reports into cells and sessions";
    const DEFAULT_PORT: u16 = 9603;
    type Settings = AggregateSettings;
    type Resources = ();

    fn topics(settings: &Settings<AggregateSettings>) -> Topics {
        let outputs =
            [Topic::Cells, Topic::Sessions, Topic::Hours, Topic::Blocks, Topic::DeadLetters];
        Topics::of(&settings.topics, &[Topic::Enriched], &outputs)
    }

    fn open(_: &Settings<AggregateSettings>, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn handler(
        settings: &Settings<AggregateSettings>,
        (): (),
        registry: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        Pipeline::new(settings.service.clone(), &settings.topics.enriched, registry)
            .map(|pipeline| Box::new(pipeline) as Box<dyn Handler>)
            .map_err(Fatal::caused)
    }
}
