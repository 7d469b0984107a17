//! Whether a path can be that of a log, found out before anything is opened or created.

use std::{
    fs::{self, Metadata, OpenOptions},
    io,
    path::Path,
};

use super::options::{LogFile, LogFileError};

pub(super) fn check(options: &LogFile) -> Result<(), LogFileError> {
    let path = &options.path;
    refuse(path)?;
    if path.exists() {
        let open = OpenOptions::new().append(true).open(path);
        open.map_err(|error| why(path, error))?;
    }
    Ok(())
}

/// Refuses what could not be a log, or would wait for a reader.
pub(super) fn refuse(path: &Path) -> Result<(), LogFileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !directory.is_dir() {
        return Err(LogFileError::NoDirectory {
            path: path.to_owned(),
            directory: directory.to_owned(),
        });
    }
    what_else(path).map_or(Ok(()), |what| {
        Err(LogFileError::NotAFile {
            path: path.to_owned(),
            what,
        })
    })
}

/// What there is at `path` that is no file and could not be a log.
pub(super) fn what_else(path: &Path) -> Option<&'static str> {
    oddity(&fs::metadata(path).ok()?)
}

fn oddity(found: &Metadata) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;

        let kind = found.file_type();
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_block_device() {
            return Some("a disk");
        }
    }
    found.is_dir().then_some("a directory")
}

pub(super) fn why(path: &Path, source: io::Error) -> LogFileError {
    LogFileError::Open {
        path: path.to_owned(),
        source,
    }
}
