//! Reading of recordings, packed or not.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use expand::budget::MB;
use flate2::read::MultiGzDecoder;

/// First bytes of a gzip member (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Returns the bytes of the file at `path`, unpacked if it is gzip, regardless of its name. More
/// than `most_mb` are an error; no more than that is unpacked.
pub(crate) fn read(path: &Path, most_mb: u64) -> io::Result<Vec<u8>> {
    let most = most_mb.saturating_mul(MB);
    let mut bytes = Vec::new();
    BufReader::new(File::open(path)?).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.starts_with(&GZIP) {
        let packed = std::mem::take(&mut bytes);
        let unpacked = MultiGzDecoder::new(&packed[..]);
        let unpacked = unpacked.take(most.saturating_add(1)).read_to_end(&mut bytes);
        unpacked
            .map_err(|error| io::Error::new(error.kind(), format!("not whole gzip: {error}")))?;
    }
    if bytes.len() as u64 > most {
        let detail = format!("more than {most_mb} MB unpacked; split it, or raise --limit-mb");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
    }
    Ok(bytes)
}

/// Returns the name of a recording: that of the file, without extensions of formats.
pub(crate) fn name(path: &Path) -> String {
    let unpacked = path.with_extension("");
    let path =
        if path.extension().is_some_and(|ending| ending == "gz") { &*unpacked } else { path };
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
