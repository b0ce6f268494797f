//! The services' own handlers, as their programs build them. What is dear to build (rules of user
//! agents, metrics) is built once; a handler whose process was killed is told that it has lost its
//! partitions, and so is as good as new.

use aggregate::{Aggregate, AggregateSettings};
use enrich::{Enrich, EnrichSettings};
use ingest::Ingest;
use prometheus::Registry;
use runtime::{Handler, Service as _, Settings};
use sink::seam::{Maker, Seam};
use sink::{Sink, SinkSettings};

use crate::Trouble;
use crate::cluster::Service;
use crate::world::LOOK_BACK_S;

/// Settings of aggregate that a run may change between: most records in a block, and seconds
/// after which what changed is written, live and behind.
pub(crate) const VARIANTS: [(i64, u32, u32); 3] = [(4, 1, 3), (9, 5, 60), (1000, 2, 2)];

/// Ms after which the sink inserts what came.
const FLUSH_MS: u32 = 50;

/// A process' logic.
pub(crate) enum Core {
    /// Enrich keeps nothing of a partition, so that all its processes can be one.
    Shared,
    /// Ingest, or aggregate.
    Own(Box<dyn Handler>),
    /// Sink, with the way to its tables.
    Sink(Box<dyn Handler>, Seam),
}

/// What makes them.
pub(crate) struct Cores {
    enrich: Box<dyn Handler>,
    ingest: Vec<Box<dyn Handler>>,
    /// By [`VARIANTS`].
    aggregate: [Vec<Box<dyn Handler>>; VARIANTS.len()],
    sink: Maker,
}

impl Cores {
    pub(crate) fn new() -> Result<Self, Trouble> {
        let service = EnrichSettings { reload_s: 0, ..EnrichSettings::default() };
        let settings = Settings { service, ..Settings::default() };
        let enrich = Enrich::handler(&settings, &Registry::new())?;
        let service =
            SinkSettings { samples: false, flush_ms: FLUSH_MS, ..SinkSettings::default() };
        let sink = Maker::new(Settings { service, ..Settings::default() })?;
        Ok(Self { enrich, ingest: Vec::new(), aggregate: Default::default(), sink })
    }

    /// The logic of a new process.
    pub(crate) fn take(&mut self, service: Service, variant: usize) -> Result<Core, Trouble> {
        Ok(match service {
            Service::Enrich => Core::Shared,
            Service::Sink => {
                let (handler, seam) = self.sink.make();
                Core::Sink(handler, seam)
            }
            Service::Ingest => Core::Own(match self.ingest.pop() {
                Some(handler) => handler,
                None => {
                    let service =
                        ingest::Settings { look_back_s: LOOK_BACK_S, ..Default::default() };
                    let settings = Settings { service, ..Settings::default() };
                    Ingest::handler(&settings, &Registry::new())?
                }
            }),
            Service::Aggregate => Core::Own(match self.aggregate[variant].pop() {
                Some(handler) => handler,
                None => {
                    let (block_records, flush_s, flush_behind_s) = VARIANTS[variant];
                    let service = AggregateSettings {
                        block_records,
                        flush_s,
                        flush_behind_s,
                        ..AggregateSettings::default()
                    };
                    let settings = Settings { service, ..Settings::default() };
                    Aggregate::handler(&settings, &Registry::new())?
                }
            }),
        })
    }

    /// Takes back the logic of a process that is gone; it has no partitions any more.
    pub(crate) fn give_back(&mut self, service: Service, variant: usize, core: Core) {
        if let Core::Own(handler) = core {
            match service {
                Service::Ingest => self.ingest.push(handler),
                _ => self.aggregate[variant].push(handler),
            }
        }
    }

    /// The handler of a process.
    pub(crate) fn handler<'a>(&'a mut self, core: &'a mut Core) -> &'a mut dyn Handler {
        match core {
            Core::Shared => &mut *self.enrich,
            Core::Own(handler) | Core::Sink(handler, _) => &mut **handler,
        }
    }
}

/// The name of a service.
pub(crate) const fn name(service: Service) -> &'static str {
    match service {
        Service::Ingest => Ingest::NAME,
        Service::Enrich => Enrich::NAME,
        Service::Aggregate => Aggregate::NAME,
        Service::Sink => Sink::NAME,
    }
}
