//! The service as a program.

use std::time::Duration;

use prometheus::Registry;
use service::{Fatal, Handler, Problems, Service, Settings, Topic, Topics};

use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::settings::SinkSettings;
use crate::writer::Writer;

/// The service `isobar-sink`.
#[derive(Clone, Copy, Debug)]
pub struct Sink;

impl Service for Sink {
    const NAME: &'static str = "sink";
    const ABOUT: &'static str = "Inserts samples, partials and audits into ClickHouse.";
    const DEFAULT_PORT: u16 = 9604;
    type Settings = SinkSettings;
    type Resources = ();

    fn topics(settings: &Settings<SinkSettings>) -> Topics {
        let all = [Topic::Cells, Topic::Sessions, Topic::Hours, Topic::Blocks, Topic::Enriched];
        let inputs = if settings.service.samples { &all[..] } else { &all[..4] };
        Topics::of(&settings.topics, inputs, &[Topic::DeadLetters])
    }

    fn open(_: &Settings<SinkSettings>, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn handler(
        settings: &Settings<SinkSettings>,
        (): (),
        registry: &Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let topics = Self::topics(settings).inputs;
        let metrics = Metrics::new(registry)?;
        let writer = Writer::start(&settings.service, &topics, &metrics).map_err(Fatal::caused)?;
        Ok(Box::new(Pipeline::new(&settings.service, topics, writer, metrics)))
    }

    fn connect(settings: &Settings<SinkSettings>, timeout: Duration, problems: &mut Problems) {
        if let Err(reason) = crate::writer::try_connection(&settings.service, timeout) {
            problems.push("sink.url", reason);
        }
    }
}
