//! Renaming: `FILE` becomes `FILE.1`, `FILE.1` becomes `FILE.2`, and the oldest goes.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// The highest number that a kept file may have: what the setting allows.
const HIGHEST: u16 = 1000;

/// Renames the file at `path` to `path.1`, and the older ones before it.
///
/// Only as many are moved as must be, so that trying again after a failure loses none of them.
pub(super) fn shift(path: &Path, keep: u16) -> io::Result<()> {
    let keep = keep.max(1);
    let gap = (1..=keep).find(|number| !exists(&numbered(path, *number)));
    // Without a gap the oldest is overwritten.
    for number in (1..gap.unwrap_or(keep)).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))?;
    // Fewer may be kept than at an earlier start.
    for number in keep.saturating_add(1)..=HIGHEST {
        if fs::remove_file(numbered(path, number)).is_err() {
            break;
        }
    }
    Ok(())
}

pub(super) fn numbered(path: &Path, number: u16) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
