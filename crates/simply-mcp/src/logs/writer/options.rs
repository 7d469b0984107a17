//! Which file, with which rights, and when a new one is begun.

use std::{
    io,
    num::NonZeroU64,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::config::Logging;

use super::place;

/// Read and written by the user that the program runs as, and read by its group, as collectors of
/// logs are (`adm` on Debian).
const READABLE_BY_GROUP: u32 = 0o640;

/// A file for lines.
///
/// Its directory must exist. Several processes may append to one file: each batch of lines is
/// written in one piece, under an advisory lock (`flock`), and only who holds the lock begins a new
/// file or takes back the half of a line that a full disk left.
#[derive(Clone, Debug)]
#[must_use]
pub struct LogFile {
    pub(super) path: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has modes"))]
    pub(super) mode: u32,
    pub(super) rotate_bytes: Option<NonZeroU64>,
    pub(super) rotate_after: Option<Duration>,
    pub(super) keep: u16,
}

impl LogFile {
    /// The file at `path`, which is never rotated by this program, and is created with mode 0640.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            mode: READABLE_BY_GROUP,
            rotate_bytes: None,
            rotate_after: None,
            keep: 5,
        }
    }

    /// The file that the section `logging` names, rotated as it says.
    #[must_use]
    pub fn of(settings: &Logging) -> Option<Self> {
        let file = Self::at(settings.file.as_ref()?);
        Some(Self {
            rotate_bytes: settings.rotate_bytes,
            rotate_after: settings.rotate_seconds,
            keep: settings.keep_files,
            ..file
        })
    }

    /// The mode that the file is created with, less what the process's mask takes away. Existing
    /// files keep theirs.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The bytes after which the file is renamed to `FILE.1` and a new one begun. A line that alone
    /// is longer has a file of its own.
    pub fn rotate_bytes(mut self, bytes: NonZeroU64) -> Self {
        self.rotate_bytes = Some(bytes);
        self
    }

    /// The age after which the same is done. It counts from when the file was created, as the file
    /// system knows it, and so over restarts; where the file system does not, from when `FILE.1` was
    /// last written, and else from the start of the program.
    pub fn rotate_after(mut self, age: Duration) -> Self {
        self.rotate_after = Some(age);
        self
    }

    /// How many renamed files are kept, at least one; 5 where it is not said.
    pub fn keep(mut self, files: u16) -> Self {
        self.keep = files;
        self
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a writer could be opened: creates nothing.
    ///
    /// # Errors
    ///
    /// What stands against it.
    pub fn check(&self) -> Result<(), LogFileError> {
        place::check(self)
    }
}

/// Why a file cannot take lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogFileError {
    /// Its directory does not exist.
    #[error("{}: the directory {} does not exist; create it, and let the user that runs this program write to it", .path.display(), .directory.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// Where it was to be.
        directory: PathBuf,
    },
    /// Something else has that name.
    #[error("{}: expected a file, and found {what}; choose another path", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The system says no.
    #[error("{}: cannot be appended to ({source}); let the user that runs this program write to it, or choose another path", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that would write it cannot be started.
    #[error("{}: the thread that writes it cannot be started ({source}); allow this program more threads", .path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
