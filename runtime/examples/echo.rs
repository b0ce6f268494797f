//! The smallest service: it copies the raw topic to the topic of reports, record by record.
//!
//! `cargo run -p runtime --example echo -- --config FILE`

use std::collections::BTreeMap;
use std::process::ExitCode;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service::{
    Check, Committed, Fatal, Handler, Offset, Output, Pace, Problems, Record, Service, Settings,
    Source, Start, Topic, Topics,
};

/// Section `[echo]`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct EchoSettings {
    /// Length of the look-back after a restart, ms; 0 for none.
    look_back_ms: i64,
}

impl Check for EchoSettings {
    fn check(&self, problems: &mut Problems) {
        if self.look_back_ms < 0 {
            problems.push("look_back_ms", "must not be negative");
        }
    }
}

struct Echo {
    look_back_ms: i64,
    next: BTreeMap<Source, Offset>,
    looked_back: u64,
}

impl Handler for Echo {
    fn start(&self, _: Source, _: Option<&Committed>) -> Result<Start, Fatal> {
        Ok(match self.look_back_ms {
            0 => Start::Committed,
            ms => Start::LookBack { ms },
        })
    }

    fn assigned(&mut self, source: Source, committed: Option<&Committed>) -> Result<(), Fatal> {
        tracing::info!(?source, ?committed, "reading");
        Ok(())
    }

    fn revoked(&mut self, source: Source) {
        self.next.remove(&source);
    }

    fn record(&mut self, record: &Record<'_>, out: &mut dyn Output) -> Result<(), Fatal> {
        if record.look_back {
            self.looked_back += 1;
            return Ok(());
        }
        out.send(record.source, Topic::Reports, record.key, record.payload);
        self.next.insert(record.source, record.offset.next());
        Ok(())
    }

    fn tick(&mut self, _: u64, _: Pace, out: &mut dyn Output) -> Result<(), Fatal> {
        for (source, offset) in std::mem::take(&mut self.next) {
            out.checkpoint(source, offset, "");
        }
        Ok(())
    }

    fn drain(&mut self, out: &mut dyn Output) -> Result<(), Fatal> {
        tracing::info!(self.looked_back, "records looked back at");
        self.tick(0, Pace::Live, out)
    }
}

struct EchoService;

impl Service for EchoService {
    const NAME: &'static str = "echo";
    const ABOUT: &'static str = "Copies the raw topic to the topic of reports";
    const DEFAULT_PORT: u16 = 9109;
    type Settings = EchoSettings;
    type Resources = ();

    fn topics(settings: &Settings<EchoSettings>) -> Topics {
        let names = &settings.topics;
        Topics::of(names, &[Topic::Raw], &[Topic::Reports])
    }

    fn open(_: &Settings<EchoSettings>, _: &mut Problems) -> Option<()> {
        Some(())
    }

    fn handler(
        settings: &Settings<EchoSettings>,
        (): (),
        _: &prometheus::Registry,
    ) -> Result<Box<dyn Handler>, Fatal> {
        let look_back_ms = settings.service.look_back_ms;
        Ok(Box::new(Echo { look_back_ms, next: BTreeMap::new(), looked_back: 0 }))
    }
}

fn main() -> ExitCode {
    runtime::main::<EchoService>(std::env::args_os())
}
