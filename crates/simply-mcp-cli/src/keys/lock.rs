//! One `keys` command at a time: two that change a file at once would lose what one of them wrote.

use std::{
    fs::{File, TryLockError},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// The longest wait for another command.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The pause between two tries: the operating system has no wait with an end.
const PAUSE: Duration = Duration::from_millis(20);

/// The exclusive right to replace files in a directory. It ends when it is dropped, or with the process.
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Waits for the right, 10 seconds at most.
    ///
    /// # Errors
    ///
    /// When another command keeps it, or the directory cannot be locked.
    pub(super) fn of(directory: &Path) -> anyhow::Result<Self> {
        Self::within(directory, LONGEST_WAIT)
    }

    fn within(directory: &Path, longest: Duration) -> anyhow::Result<Self> {
        let file = lockable(directory)
            .with_context(|| format!("the directory {} cannot be opened", directory.display()))?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if start.elapsed() < longest => pause(),
                Err(TryLockError::WouldBlock) => bail!(
                    "another `simply-mcp keys` has been busy in {} for {} seconds; wait until it has ended, or end it, and try again",
                    directory.display(),
                    longest.as_secs()
                ),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| {
                        format!(
                            "the file system of {} has no locks, without which two commands at once could lose a key; \
                             change the file on another one and copy it",
                            directory.display()
                        )
                    });
                }
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a lock cannot be awaited with an end, and this process has nothing else to do"
)]
fn pause() {
    thread::sleep(PAUSE);
}

// The directory itself is locked: the file is replaced, and a file beside it would stay behind.
#[cfg(unix)]
fn lockable(directory: &Path) -> std::io::Result<File> {
    File::open(directory)
}

#[cfg(not(unix))]
fn lockable(directory: &Path) -> std::io::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(directory.join(".simply-mcp-keys.lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_command_waits_for_the_first_and_not_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::of(directory.path()).unwrap();
        let Err(error) = Lock::within(directory.path(), Duration::ZERO) else {
            panic!("two at once");
        };
        assert!(error.to_string().contains("another `simply-mcp keys`"));
        drop(first);
        Lock::of(directory.path()).unwrap();
    }
}
