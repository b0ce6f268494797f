//! The content of a file that others may replace, shorten or take away while it is in use.

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

/// Bytes of a file of look-up data; a larger one is not what its setting means.
pub(crate) const MAX_BYTES: u64 = 4 << 30;

/// Refuses what is no regular file of at most `most` bytes: opening a pipe would wait for ever.
///
/// # Errors
/// Why it is refused.
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

/// A private copy.
///
/// A mapping of the file itself would end the process (`SIGBUS`) as soon as somebody shortened the
/// file in place. So it is copied to a file without a name and that is mapped: only pages that
/// clients' networks lie on stay in memory.
pub(crate) enum Content {
    /// A mapped temporary file.
    Mapped(Mmap),
    /// The bytes, where there is no room for temporary files.
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
    // From file to file the kernel copies, on some file systems without moving a byte.
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
