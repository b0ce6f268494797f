//! Files and folders that only their owner can open, whatever the umask is.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::failure::{Context, Failure};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Creates `folder` and missing parents. Removes the access of others from an existing folder.
///
/// # Errors
/// If it cannot be created, or belongs to another user.
pub fn create_folder(folder: &Path) -> Result<(), Failure> {
    let created = DirBuilder::new().recursive(true).mode(FOLDER).create(folder);
    created
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(FOLDER)))
        .context(folder.display())
}

/// Writes `contents` to `file`. Removes the access of others from an existing file first.
///
/// # Errors
/// If it cannot be written.
pub fn write(file: &Path, contents: impl AsRef<[u8]>) -> Result<(), Failure> {
    write_all(file, contents.as_ref()).context(file.display())
}

fn write_all(file: &Path, contents: &[u8]) -> io::Result<()> {
    let mut opened =
        File::options().write(true).create(true).truncate(true).mode(FILE).open(file)?;
    opened.set_permissions(Permissions::from_mode(FILE))?;
    opened.write_all(contents)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_opens_what_is_created_and_what_was_open_before() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("a/new"), folder.path().join("old"));
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o755)).unwrap();
        for folder in [&new, &old] {
            create_folder(folder).unwrap();
            assert_eq!(mode(folder), FOLDER, "{}", folder.display());
            let (new, old) = (folder.join("new"), folder.join("old"));
            fs::write(&old, "what was there before").unwrap();
            fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
            for file in [&new, &old] {
                write(file, "a secret").unwrap();
                assert_eq!(mode(file), FILE, "{}", file.display());
                assert_eq!(fs::read_to_string(file).unwrap(), "a secret");
            }
        }
        assert_eq!(mode(new.parent().unwrap()), FOLDER);
    }
}
