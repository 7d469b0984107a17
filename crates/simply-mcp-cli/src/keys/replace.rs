//! A file gets its new content in one step: whoever reads it meanwhile sees the old one or the new one, and a power cut
//! leaves one of them.

use std::{
    fs::{self, Metadata},
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context as _;

/// Replaces or creates the file at `path`, which is no link, in `directory`, where it stands.
///
/// The new file has the mode of the old one, and its owner where this user may give files away; without an old one
/// only its owner may read it. Returns what the operator should know.
///
/// # Errors
///
/// When the directory cannot be written to, or its disk is full. Then the old file stands as it was.
pub(super) fn replace(
    path: &Path,
    directory: &Path,
    text: &str,
) -> anyhow::Result<Option<&'static str>> {
    let old = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    write(path, directory, text, old.as_ref()).map_err(|error| {
        let advice = match error.kind() {
            // A file that is mounted by itself, as into a container, cannot be exchanged for another.
            io::ErrorKind::ResourceBusy => "it is a mount of its own; mount its directory instead",
            _ => "this user needs write access to its directory",
        };
        let place = path.display();
        anyhow::Error::new(error).context(format!(
            "{place} cannot be written, and nothing has changed; {advice}"
        ))
    })
}

fn write(
    path: &Path,
    directory: &Path,
    text: &str,
    old: Option<&Metadata>,
) -> io::Result<Option<&'static str>> {
    // It starts with the mode 0600.
    let mut new = tempfile::Builder::new()
        .prefix(".simply-mcp-keys-")
        .suffix(".tmp")
        .tempfile_in(directory)?;
    new.write_all(text.as_bytes())?;
    let mut advice = None;
    if let Some(old) = old {
        if !keep_owner(new.as_file(), old)? {
            advice = Some(
                "the file now belongs to this user, who may not give it back to its owner; see that the server can still read it",
            );
        }
        new.as_file().set_permissions(old.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    sync(directory)?;
    Ok(advice)
}

/// Whether the new file has the owner of the old one.
#[cfg(unix)]
fn keep_owner(new: &fs::File, old: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let now = new.metadata()?;
    if (now.uid(), now.gid()) == (old.uid(), old.gid()) {
        return Ok(true);
    }
    if fchown(new, Some(old.uid()), Some(old.gid())).is_ok() {
        return Ok(true);
    }
    // The group alone can often be kept, and it is what lets a server read the file.
    let group = fchown(new, None, Some(old.gid())).is_ok();
    Ok(group && now.uid() == old.uid())
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &Metadata) -> io::Result<bool> {
    Ok(true)
}

// Without it the new name may be lost with the power.
#[cfg(unix)]
fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
