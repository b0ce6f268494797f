//! Faults of the files of look-up data. Their contents stay the same, because results depend on them.

use std::fs;
use std::path::PathBuf;

use deploy::failure::{Context, Failure};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::super::cluster::Cluster;
use super::super::fault::Fault;

enum Damage {
    Removed,
    /// Truncated to this percentage of its length.
    CutOff(u64),
    /// Replaced by this many random bytes.
    Overwritten(usize),
    None,
}

/// Damages one file and restores it.
pub(super) struct LookUp {
    damage: Damage,
    rng: ChaCha8Rng,
    /// The file, and a good copy of it.
    file: Option<(PathBuf, PathBuf)>,
}

impl LookUp {
    pub(super) fn removed(rng: ChaCha8Rng) -> Self {
        Self { damage: Damage::Removed, rng, file: None }
    }

    pub(super) fn corrupt(mut rng: ChaCha8Rng) -> Self {
        let damage = match rng.random() {
            true => Damage::CutOff(rng.random_range(0..95)),
            false => Damage::Overwritten(rng.random_range(1..1 << 20)),
        };
        Self { damage, rng, file: None }
    }

    pub(super) fn swapped(rng: ChaCha8Rng) -> Self {
        Self { damage: Damage::None, rng, file: None }
    }
}

impl Fault for LookUp {
    fn inject(&mut self, cluster: &mut Cluster) -> Result<String, Failure> {
        let good = cluster.stack.geo_files();
        let all = |files: &[PathBuf]| files.to_vec();
        let spoilt = [all(&cluster.geo.city), all(&cluster.geo.asn)].concat();
        let good = [all(&good.city), all(&good.asn)].concat();
        let pairs: Vec<_> = spoilt.into_iter().zip(good).collect();
        let Some((file, copy)) = pairs.choose(&mut self.rng).cloned() else {
            return Ok("nothing".to_owned());
        };
        let name = file.file_name().unwrap_or_default().display().to_string();
        match self.damage {
            Damage::Removed => fs::remove_file(&file).context(&name)?,
            // In place, like an interrupted copy.
            Damage::CutOff(hundredths) => {
                let open = fs::File::options().write(true).open(&file).context(&name)?;
                let length = open.metadata().context(&name)?.len();
                // Not between two lines, because such a list looks complete.
                let length = length / 100 * hundredths;
                let ends = fs::read(&copy).context(&name)?[..length as usize].ends_with(b"\n");
                open.set_len(length - u64::from(ends)).context(&name)?;
            }
            Damage::Overwritten(length) => {
                let mut nonsense = vec![0; length];
                self.rng.fill(&mut nonsense[..]);
                fs::write(&file, nonsense).context(&name)?;
            }
            Damage::None => {}
        }
        self.file = Some((file, copy));
        Ok(name)
    }

    fn heal(&mut self, _: &mut Cluster) -> Result<(), Failure> {
        let Some((file, copy)) = &self.file else { return Ok(()) };
        let beside = file.with_extension("new");
        fs::copy(copy, &beside).context(beside.display())?;
        fs::rename(&beside, file).context(file.display())
    }
}
