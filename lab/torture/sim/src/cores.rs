//! The services' own handlers, as their programs build them. Expensive parts (rules of user agents,
//! metrics) are built once; a handler of a killed process is reset by revoking its partitions.

use aggregate::{Aggregate, AggregateSettings};
use enrich::{Enrich, EnrichSettings};
use ingest::Ingest;
use prometheus::Registry;
use service::{Handler, Service as _, Settings};
use sink::seam::{Maker, Seam};
use sink::{Sink, SinkSettings};

use crate::Trouble;
use crate::cluster::Service;
use crate::world::LOOK_BACK_S;

/// Settings of aggregate that a run may change between.
pub(crate) struct Variant {
    /// Maximum numbers of records, cells and sessions in a block.
    pub(crate) most: (i64, u32, u32),
    /// Maximum number of intervals in a block, which also determines its memory limit.
    intervals: i64,
    /// Maximum numbers of values of a dimension, per session and per app.
    values: (u32, u32),
    /// Seconds after which changed rows are written, live and during a backlog.
    flush_s: (u32, u32),
}

pub(crate) const VARIANTS: [Variant; 5] = [
    Variant { most: (4, 1000, 1000), intervals: 1000, values: (4, 1000), flush_s: (1, 3) },
    Variant { most: (9, 1000, 2), intervals: 1000, values: (1, 1000), flush_s: (5, 60) },
    Variant { most: (1000, 1000, 1000), intervals: 1000, values: (2, 3), flush_s: (2, 2) },
    Variant { most: (1000, 7, 1000), intervals: 1000, values: (4, 2), flush_s: (1, 1) },
    // These blocks end by their memory limit.
    Variant { most: (1000, 9, 6), intervals: 60, values: (3, 1000), flush_s: (1, 2) },
];

/// `flush_ms` of the sink.
const FLUSH_MS: u32 = 50;

/// The handler of a process.
pub(crate) enum Core {
    /// Enrich has no state per partition, so all its processes share one handler.
    Shared,
    /// Ingest, or aggregate.
    Own(Box<dyn Handler>),
    /// Sink, with its connection to the tables.
    Sink(Box<dyn Handler>, Seam),
}

/// Factory of handlers.
pub(crate) struct Cores {
    enrich: Box<dyn Handler>,
    ingest: Vec<Box<dyn Handler>>,
    /// Index into [`VARIANTS`].
    aggregate: [Vec<Box<dyn Handler>>; VARIANTS.len()],
    sink: Maker,
}

impl Cores {
    pub(crate) fn new() -> Result<Self, Trouble> {
        let service = EnrichSettings { reload_s: 0, ..EnrichSettings::default() };
        let settings = Settings { service, ..Settings::default() };
        let enrich = Enrich::start(&settings, &Registry::new())?;
        let service =
            SinkSettings { samples: false, flush_ms: FLUSH_MS, ..SinkSettings::default() };
        let sink = Maker::new(Settings { service, ..Settings::default() })?;
        Ok(Self { enrich, ingest: Vec::new(), aggregate: Default::default(), sink })
    }

    /// Returns the handler of a new process.
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
                    Ingest::start(&settings, &Registry::new())?
                }
            }),
            Service::Aggregate => Core::Own(match self.aggregate[variant].pop() {
                Some(handler) => handler,
                None => {
                    let Variant { most, intervals, values, flush_s } = &VARIANTS[variant];
                    let service = AggregateSettings {
                        block_records: most.0,
                        block_cells: most.1,
                        block_sessions: most.2,
                        block_intervals: *intervals,
                        session_values: values.0,
                        block_values: values.1,
                        flush_s: flush_s.0,
                        flush_behind_s: flush_s.1,
                        ..AggregateSettings::default()
                    };
                    let settings = Settings { service, ..Settings::default() };
                    Aggregate::start(&settings, &Registry::new())?
                }
            }),
        })
    }

    /// Takes back the handler of an ended process, which has no partitions any more.
    pub(crate) fn give_back(&mut self, service: Service, variant: usize, core: Core) {
        if let Core::Own(handler) = core {
            match service {
                Service::Ingest => self.ingest.push(handler),
                _ => self.aggregate[variant].push(handler),
            }
        }
    }

    /// Returns the handler of a process.
    pub(crate) fn handler<'a>(&'a mut self, core: &'a mut Core) -> &'a mut dyn Handler {
        match core {
            Core::Shared => &mut *self.enrich,
            Core::Own(handler) | Core::Sink(handler, _) => &mut **handler,
        }
    }
}

/// Returns the name of a service.
pub(crate) const fn name(service: Service) -> &'static str {
    match service {
        Service::Ingest => Ingest::NAME,
        Service::Enrich => Enrich::NAME,
        Service::Aggregate => Aggregate::NAME,
        Service::Sink => Sink::NAME,
    }
}
