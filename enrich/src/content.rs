//! Content of a file that may be replaced, truncated or removed while it is in use.

#![cfg_attr(
    not(test),
    expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "the part that maps look-up files"
    )
)]

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use memmap2::Mmap;

/// Maximum bytes of a file of look-up data. A larger file is probably a wrong one.
pub(crate) const MAX_BYTES: u64 = 4 << 30;

/// Refuses anything but a regular file of at most `most` bytes. Opening a pipe, for example, would
/// block.
///
/// # Errors
/// The reason for the refusal.
pub(crate) fn regular(path: &Path, most: u64) -> io::Result<()> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    if about.len() > most {
        let most = most >> 20;
        return Err(io::Error::other(format!("is larger than the {most} MB that are read")));
    }
    Ok(())
}

/// A private copy of a file.
///
/// A mapping of the file itself would end the process (`SIGBUS`) if the file were truncated in
/// place. So it is copied to a temporary file without a name, which is mapped: only the pages with
/// clients' networks stay in memory.
pub(crate) enum Content {
    /// A mapped temporary file.
    Mapped(Mmap),
    /// The bytes, if there is no space for temporary files.
    Read(Vec<u8>),
}

impl Content {
    /// Copies a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        regular(path, MAX_BYTES)?;
        mapped(File::open(path)?).map(Self::Mapped).or_else(|error| {
            tracing::debug!(%error, "no temporary copy: look-up data is read into memory");
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
            Ok(Self::Read(bytes))
        })
    }
}

fn mapped(mut original: File) -> io::Result<Mmap> {
    let mut copy = tempfile::tempfile()?;
    // The kernel copies between files, on some file systems without moving data.
    io::copy(&mut original, &mut copy)?;
    #[expect(unsafe_code, reason = "a mapping is sound while nobody changes its file")]
    // SAFETY: the copy has no name and no other descriptor, so it cannot be changed.
    unsafe {
        Mmap::map(&copy)
    }
}

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Mapped(mapping) => mapping,
            Self::Read(bytes) => bytes,
        }
    }
}
