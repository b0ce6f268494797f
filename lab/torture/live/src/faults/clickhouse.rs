//! Faults of ClickHouse.

use std::time::{Duration, Instant};

use deploy::failure::Failure;
use nix::sys::signal::Signal;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::super::cluster::Cluster;
use super::super::fault::Fault;

/// Tables that sink fills.
const TABLES: [&str; 5] =
    ["samples", "cell_partials", "session_partials", "session_hour_partials", "blocks"];

fn kill(cluster: &mut Cluster) {
    if let Some(clickhouse) = cluster.stack.clickhouse() {
        clickhouse.process().iter().for_each(|process| process.signal(Signal::SIGKILL));
        clickhouse.stop();
    }
}

fn start(cluster: &mut Cluster) -> Result<(), Failure> {
    let guard = cluster.stack.guard().clone();
    cluster.stack.clickhouse().map_or(Ok(()), |clickhouse| clickhouse.resume(&guard))
}

fn answers(cluster: &mut Cluster) -> Result<bool, Failure> {
    cluster.stack.clickhouse().map_or(Ok(true), |clickhouse| clickhouse.answers())
}

/// Kills ClickHouse shortly after it responds again, while the backlog is inserted.
pub(super) struct Killed {
    rng: ChaCha8Rng,
    next: Option<Instant>,
}

impl Killed {
    pub(super) fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, next: None }
    }
}

impl Fault for Killed {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        kill(cluster);
        start(cluster)?;
        Ok("its process".to_owned())
    }

    fn go_on(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        match self.next {
            None if answers(cluster)? => {
                let pause = Duration::from_millis(self.rng.random_range(100..2_500));
                self.next = Some(Instant::now() + pause);
            }
            Some(next) if Instant::now() >= next => {
                self.next = None;
                kill(cluster);
                start(cluster)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }

    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        answers(cluster)
    }
}

/// Stops ClickHouse.
pub(super) struct Away;

impl Fault for Away {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        kill(cluster);
        Ok("its process".to_owned())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        start(cluster)
    }

    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        answers(cluster)
    }
}

/// Makes a table refuse every insert by a setting.
pub(super) struct Setting {
    name: &'static str,
    value: &'static str,
    /// Tables that have it just now.
    set: Vec<&'static str>,
}

impl Setting {
    pub(super) fn read_only() -> Self {
        Self { name: "table_readonly", value: "1", set: Vec::new() }
    }

    /// Requires more free space than any disk has: ClickHouse refuses as it does on a full disk.
    pub(super) fn full() -> Self {
        let (name, value) = ("min_free_disk_bytes_to_perform_insert", "1000000000000000");
        Self { name, value, set: Vec::new() }
    }
}

impl Fault for Setting {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        for table in TABLES {
            let (name, value) = (self.name, self.value);
            cluster.alter(&format!("ALTER TABLE {table} MODIFY SETTING {name} = {value}"))?;
            self.set.push(table);
        }
        Ok(self.name.to_owned())
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        Ok(())
    }

    fn is_over(&mut self, cluster: &mut Cluster) -> Result<bool, Failure> {
        while let Some(table) = self.set.last() {
            cluster.alter(&format!("ALTER TABLE {table} RESET SETTING {}", self.name))?;
            self.set.pop();
        }
        Ok(true)
    }
}

/// Stops ClickHouse most of the time.
pub(super) struct Slow {
    changed: Instant,
    still: bool,
}

const STILL: Duration = Duration::from_millis(900);
const GOES: Duration = Duration::from_millis(100);

impl Slow {
    pub(super) fn new() -> Self {
        Self { changed: Instant::now(), still: false }
    }

    fn set(&mut self, still: bool, cluster: &mut Cluster) {
        let signal = if still { Signal::SIGSTOP } else { Signal::SIGCONT };
        if let Some(process) = cluster.stack.clickhouse().and_then(|one| one.process()) {
            process.signal(signal);
        }
        (self.still, self.changed) = (still, Instant::now());
    }
}

impl Fault for Slow {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        self.set(true, cluster);
        Ok("its process".to_owned())
    }

    fn go_on(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        let span = if self.still { STILL } else { GOES };
        if self.changed.elapsed() >= span {
            self.set(!self.still, cluster);
        }
        Ok(())
    }

    fn heal(&mut self, cluster: &mut Cluster) -> Result<(), Failure> {
        self.set(false, cluster);
        Ok(())
    }
}
