//! `bench --pages`: how long the dashboard's pages take over weeks of calls, and whether readers delay the pipeline.

mod figures;
mod reading;
mod requests;
mod seed;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use clickhouse::Client;
use deploy::failure::{Context, Failure};
use stack::options::World;
use stack::pipeline::Pipeline;
use stack::{Dashboard, Progress, Quantiles, Watch, rounded};

pub use figures::Pages;
use figures::{Readers, Timed};
use reading::open;
use requests::{Range, View};
use seed::Size;

use crate::report::Machine;
use crate::run::{LOOK, STREAMS, folder, plan};

/// Settings of the dashboard: roles by a header, and no answer is given twice.
const SETTINGS: &str = "role_header = \"x-role\"\nreuse_s = 0\n";
/// Time for the dashboard's start.
const READY: Duration = Duration::from_secs(60);
/// Readers, and the time after which each opens a page again.
const READERS: usize = 10;
const AGAIN: Duration = Duration::from_secs(10);

/// Options of `bench --pages`.
#[derive(Clone, Debug, Args)]
pub struct PagesOptions {
    /// Measures only the dashboard's pages, over seeded weeks.
    #[arg(long)]
    pub(super) pages: bool,
    /// Cells of a seeded minute.
    #[arg(long, default_value_t = 20_000, requires = "pages", value_parser = clap::value_parser!(u64).range(36..))]
    cells_per_minute: u64,
    /// Seeded days.
    #[arg(long, default_value_t = 30, requires = "pages", value_parser = clap::value_parser!(u64).range(1..=30))]
    days: u64,
    /// Hours up to now of which cells by minute are seeded. No page reads older ones.
    #[arg(long, default_value_t = 24, requires = "pages", value_parser = clap::value_parser!(u64).range(4..))]
    minute_hours: u64,
    /// Seeded sessions.
    #[arg(long, default_value_t = 5_000_000, requires = "pages", value_parser = clap::value_parser!(u64).range(1..))]
    page_sessions: u64,
    /// How often each page is opened in each range.
    #[arg(long, default_value_t = 5, requires = "pages", value_parser = clap::value_parser!(u32).range(1..))]
    page_runs: u32,
    /// Ranges in which each page is opened; all by default.
    #[arg(long, value_name = "RANGE", value_delimiter = ',', requires = "pages")]
    page_ranges: Vec<Range>,
    /// Leaves out the readers during a simulated world in real time.
    #[arg(long, requires = "pages")]
    no_readers: bool,
}

/// Seeds a new stack, and measures; `live` is played with and without readers.
///
/// # Errors
/// If something does not start, or the dashboard does not answer at all.
pub(super) async fn measure(
    options: &PagesOptions,
    live: &World,
    progress: Progress<'_>,
) -> Result<Pages, Failure> {
    let folder = folder()?;
    let pipeline = Pipeline::start(plan(folder.path())?, progress).await?;
    let admin = pipeline.stack.access().client("migrate");
    let asked = Size {
        cells_per_minute: options.cells_per_minute,
        days: options.days,
        minute_hours: options.minute_hours,
        sessions: options.page_sessions,
    };
    let free = admin.query_raw("SELECT filesystemAvailable()").fetch_one::<u64>();
    let seeded = Size::fitting(asked, free.await.context("free disk")?);
    let started = Instant::now();
    seed::fill(&admin, seeded, now_s(), progress).await?;
    let seed_seconds = rounded(started.elapsed().as_secs_f64());
    let (rows, bytes) = stored(&admin).await?;

    progress("starting the dashboard");
    let mut dashboard = Dashboard::start_with(&pipeline.stack, &pipeline.services, SETTINGS)?;
    dashboard.wait(READY)?;
    let url = dashboard.url();
    let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let views = views(&address, options, progress)?;
    let readers = match options.no_readers {
        true => None,
        false => Some(readers(&pipeline, live, &address, progress).await?),
    };
    Ok(Pages {
        machine: Machine::here(),
        asked,
        seeded,
        seed_seconds,
        disk_mb: rounded(bytes as f64 / f64::from(1 << 20)),
        rows,
        views,
        readers,
    })
}

/// Returns the time, seconds since 1970.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the rows and bytes of all tables.
async fn stored(admin: &Client) -> Result<(u64, u64), Failure> {
    let sizes = "SELECT toUInt64(sum(ifNull(total_rows, 0))), toUInt64(sum(ifNull(total_bytes, 0))) \
                 FROM system.tables WHERE database = currentDatabase()";
    admin.query_raw(sizes).fetch_one().await.context("sizes of tables")
}

/// Opens every view in every range several times. Of more than one time, the first of each is
/// one more that is not counted: it reads from the disk.
fn views(
    address: &str,
    options: &PagesOptions,
    progress: Progress<'_>,
) -> Result<Vec<Timed>, Failure> {
    let ranges = match options.page_ranges.is_empty() {
        true => &Range::ALL[..],
        false => &options.page_ranges,
    };
    let runs = options.page_runs;
    let mut timed = Vec::new();
    for view in View::PAGES.into_iter().chain(View::OF_CUBE) {
        for &range in ranges {
            progress(&format!("opening {view}, {}", range.name()));
            if runs > 1 {
                open(address, view, range, 0)?;
            }
            let opened = (1..=runs as usize).map(|turn| open(address, view, range, turn));
            timed.push(Timed::of(view, range, opened.collect::<Result<_, _>>()?));
        }
    }
    Ok(timed)
}

/// Measures freshness without readers, and then with them.
async fn readers(
    pipeline: &Pipeline,
    live: &World,
    address: &str,
    progress: Progress<'_>,
) -> Result<Readers, Failure> {
    let rate = live.rate * STREAMS;
    progress(&format!("playing {rate} intervals a second without readers"));
    let without = freshness(pipeline, live).await?;
    progress(&format!("the same with {READERS} readers"));
    let ended = AtomicBool::new(false);
    let (with, opened) = thread::scope(|scope| {
        let reader = |number| {
            let ended = &ended;
            scope.spawn(move || read(address, number, ended))
        };
        let readers: Vec<_> = (0..READERS).map(reader).collect();
        let handle = tokio::runtime::Handle::current();
        let with = tokio::task::block_in_place(|| handle.block_on(freshness(pipeline, live)));
        ended.store(true, Ordering::Relaxed);
        let opened: Vec<_> =
            readers.into_iter().flat_map(|reader| reader.join().unwrap_or_default()).collect();
        (with, opened)
    });
    let mut readers = Readers {
        readers: READERS,
        intervals_per_second: rate,
        pages_opened: opened.len(),
        pages_failed: opened.iter().filter(|well| !**well).count(),
        freshness_seconds_without: without,
        freshness_seconds_with: with?,
        p99_ratio: None,
        target_met: None,
    };
    readers.compare();
    Ok(readers)
}

/// Opens a page every ten seconds, in the range that the pages begin with. Returns of each whether all went well.
fn read(address: &str, number: usize, ended: &AtomicBool) -> Vec<bool> {
    let mut opened = Vec::new();
    let mut next = Instant::now() + AGAIN * number as u32 / READERS as u32;
    while !ended.load(Ordering::Relaxed) {
        if Instant::now() < next {
            thread::sleep(Duration::from_millis(50));
            continue;
        }
        next += AGAIN;
        let view = View::PAGES[(number + opened.len()) % View::PAGES.len()];
        let page = open(address, view, Range::Day, number + opened.len());
        opened.push(page.is_ok_and(|page| page.failed.is_empty()));
    }
    opened
}

/// Plays a world in real time, and returns the time from sending to visibility.
async fn freshness(pipeline: &Pipeline, world: &World) -> Result<Quantiles, Failure> {
    // Seeded minutes are older. They are not read any more once intervals of their hour arrive.
    let from_s = now_s().saturating_sub(seed::QUIET_S / 2) as u32;
    let mut watch = Watch::start_from(&pipeline.stack, world, from_s).await?;
    while !watch.sender_ended()? {
        tokio::time::sleep(LOOK).await;
        watch.look().await?;
    }
    watch.drain().await?;
    Ok(Quantiles::of(&watch.freshness))
}
