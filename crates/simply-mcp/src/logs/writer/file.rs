//! A file as a place for lines: appended to, opened again when it is no longer the one at its path,
//! and rotated.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use super::{
    options::{LogFile, LogFileError},
    place, rotation,
    whole::{end_of_last_line, end_torn_line, first_line, whole_lines, write_all},
    worker::{Sink, Written},
};

/// The longest wait for another process's lock; it holds it for one write.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// How often a lock is asked for within that time.
const LOCK_RETRY: Duration = Duration::from_millis(1);

/// After a wait in vain, so long nobody waits: a process that was stopped may hold the lock for hours.
const LOCK_PAUSE: Duration = Duration::from_secs(5);

/// When a rotation that failed is tried again; meanwhile the file grows.
const ROTATION_RETRY: Duration = Duration::from_secs(60);

/// How often a file that is renamed between opening and locking is opened again.
const MOST_OPENINGS: usize = 5;

/// The file of the moment.
pub(super) struct FileSink {
    options: LogFile,
    open: Option<Open>,
    lock_from: Instant,
    rotate_from: Instant,
}

struct Open {
    file: File,
    metadata: Metadata,
    begun: SystemTime,
    /// Its last line has no end.
    torn: bool,
}

/// Whether it could be written to as if by nobody else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Held,
    Elsewhere,
}

impl FileSink {
    pub(super) fn open(options: LogFile) -> Result<Self, LogFileError> {
        place::refuse(&options.path)?;
        let open = Open::new(&options).map_err(|error| place::why(&options.path, error))?;
        let now = Instant::now();
        Ok(Self {
            options,
            open: Some(open),
            lock_from: now,
            rotate_from: now,
        })
    }

    /// Writes as many lines as the file of the moment takes.
    fn write_some(&mut self, lines: &[u8]) -> Written {
        let (mut open, lock) = match self.locked() {
            Ok(locked) => locked,
            Err(error) => {
                return Written {
                    bytes: 0,
                    error: Some(error),
                };
            }
        };
        if lock == Lock::Held && self.is_full(&open, first_line(lines)) {
            if self.rotate().is_ok() {
                // The lock goes with the old file; the caller comes again.
                return Written {
                    bytes: 0,
                    error: None,
                };
            }
            self.rotate_from = Instant::now() + ROTATION_RETRY;
        }
        let part = &lines[..whole_lines(lines, self.room(&open))];
        let written = open.append(part, lock);
        if lock == Lock::Held {
            // Where it fails, the lock ends with the file.
            let _ = open.file.unlock();
        }
        self.open = Some(open);
        written
    }

    /// The file at the path, and whether its lock is ours.
    fn locked(&mut self) -> io::Result<(Open, Lock)> {
        let mut open = self.current()?;
        for _ in 0..MOST_OPENINGS {
            let lock = self.lock(&open.file);
            if lock == Lock::Elsewhere || open.is_at(&self.options.path) {
                return Ok((open, lock));
            }
            // Who had the lock before has renamed it.
            let _ = open.file.unlock();
            self.open = Some(open);
            open = self.current()?;
        }
        Ok((open, Lock::Elsewhere))
    }

    /// The file at the path: the one that is open, or a new one.
    fn current(&mut self) -> io::Result<Open> {
        match self.open.take() {
            Some(open) if open.is_at(&self.options.path) => Ok(open),
            old => self.successor(old),
        }
    }

    /// A new file; where none can be had, the old one, unless nobody could find it any more.
    fn successor(&self, old: Option<Open>) -> io::Result<Open> {
        Open::new(&self.options).or_else(|error| old.filter(Open::has_a_name).ok_or(error))
    }

    fn lock(&mut self, file: &File) -> Lock {
        let began = Instant::now();
        if began < self.lock_from {
            return Lock::Elsewhere;
        }
        loop {
            match file.try_lock() {
                Ok(()) => return Lock::Held,
                // Without locks on this file system nobody else can have it.
                Err(TryLockError::Error(_)) => return Lock::Held,
                Err(TryLockError::WouldBlock) if began.elapsed() > LOCK_PATIENCE => {
                    self.lock_from = Instant::now() + LOCK_PAUSE;
                    return Lock::Elsewhere;
                }
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_RETRY),
            }
        }
    }

    /// Whether a new file must be begun before `next` more bytes.
    fn is_full(&self, open: &Open, next: usize) -> bool {
        let length = open.length();
        if length == 0 || !open.metadata.is_file() || Instant::now() < self.rotate_from {
            return false;
        }
        let is_long = self
            .options
            .rotate_bytes
            .is_some_and(|limit| length + next as u64 > limit.get());
        is_long || self.is_old(open)
    }

    fn is_old(&self, open: &Open) -> bool {
        let age = SystemTime::now().duration_since(open.begun);
        let limit = self.options.rotate_after;
        limit.is_some_and(|limit| age.is_ok_and(|age| age >= limit))
    }

    fn room(&self, open: &Open) -> usize {
        match self.options.rotate_bytes {
            Some(limit) if open.metadata.is_file() && Instant::now() >= self.rotate_from => {
                let room = limit.get().saturating_sub(open.length());
                usize::try_from(room).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }

    // The name may be a link, and it is the file that is renamed.
    fn rotate(&self) -> io::Result<()> {
        let path = fs::canonicalize(&self.options.path)?;
        rotation::shift(&path, self.options.keep)
    }
}

impl Sink for FileSink {
    fn name(&self) -> String {
        self.options.path.display().to_string()
    }

    fn write(&mut self, lines: &[u8]) -> Written {
        let mut written = Written {
            bytes: 0,
            error: None,
        };
        while written.bytes < lines.len() && written.error.is_none() {
            let some = self.write_some(&lines[written.bytes..]);
            written.bytes += some.bytes;
            written.error = some.error;
        }
        written
    }

    fn reopen(&mut self) {
        let old = self.open.take();
        self.open = self.successor(old).ok();
    }

    fn look_after(&mut self) {
        let Ok((open, lock)) = self.locked() else {
            return;
        };
        if lock == Lock::Held && self.is_full(&open, 0) && self.rotate().is_err() {
            self.rotate_from = Instant::now() + ROTATION_RETRY;
        }
        if lock == Lock::Held {
            let _ = open.file.unlock();
        }
        self.open = Some(open);
        // After a rotation the new file is there at once.
        self.open = self.current().ok();
    }
}

impl Open {
    fn new(options: &LogFile) -> io::Result<Self> {
        let path = &options.path;
        // Opening a pipe that nobody reads would wait for ever.
        if let Some(what) = place::what_else(path) {
            return Err(io::Error::other(format!("there is {what} now")));
        }
        let mut how = OpenOptions::new();
        how.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut how, options.mode);
        let file = how.open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            begun: begun(path, &metadata),
            torn: is_torn(path, &metadata),
            file,
            metadata,
        })
    }

    fn append(&mut self, lines: &[u8], lock: Lock) -> Written {
        if self.length() == 0 {
            self.begun = SystemTime::now();
        }
        if let Err(error) = end_torn_line(&mut self.file, &mut self.torn) {
            return Written {
                bytes: 0,
                error: Some(error),
            };
        }
        let (bytes, error) = write_all(&mut self.file, lines);
        let whole = end_of_last_line(&lines[..bytes]);
        let rest = bytes - whole;
        self.torn = rest > 0 && !(lock == Lock::Held && self.takes_back(rest as u64));
        Written {
            bytes: whole,
            error,
        }
    }

    /// Takes back the beginning of a line that did not fit; nobody else writes meanwhile.
    fn takes_back(&mut self, bytes: u64) -> bool {
        let length = self.length();
        let is_at_the_end = self.metadata.is_file()
            && length >= bytes
            && self.file.stream_position().is_ok_and(|at| at == length);
        is_at_the_end && self.file.set_len(length - bytes).is_ok()
    }

    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    #[cfg(unix)]
    fn is_at(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt as _;

        let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
        fs::metadata(path).is_ok_and(|there| identity(&there) == identity(&self.metadata))
    }

    #[cfg(unix)]
    fn has_a_name(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;

        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.nlink() > 0)
    }

    // Where a file that is open cannot be renamed or deleted, it is at its path.
    #[cfg(not(unix))]
    fn is_at(&self, path: &Path) -> bool {
        path.exists()
    }

    #[cfg(not(unix))]
    fn has_a_name(&self) -> bool {
        true
    }
}

/// When the file was created, as far as that can be known.
fn begun(path: &Path, metadata: &Metadata) -> SystemTime {
    let before = || fs::metadata(rotation::numbered(path, 1))?.modified();
    metadata
        .created()
        .or_else(|_| before())
        .unwrap_or_else(|_| SystemTime::now())
}

/// Whether a program that was killed left half a line at the end.
fn is_torn(path: &Path, metadata: &Metadata) -> bool {
    let last = || -> io::Result<u8> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        let mut byte = [0];
        file.read_exact(&mut byte)?;
        Ok(byte[0])
    };
    metadata.is_file() && metadata.len() > 0 && last().is_ok_and(|byte| byte != b'\n')
}

#[cfg(test)]
impl FileSink {
    /// Makes the file look as if it were so old.
    pub(super) fn age(&mut self, age: Duration) {
        if let Some(open) = &mut self.open {
            open.begun = SystemTime::now() - age;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_line_that_did_not_fit_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut open = Open::new(&LogFile::at(&path)).unwrap();
        assert!(open.append(b"one\ntwo\nhal", Lock::Held).error.is_none());
        assert!(!open.torn);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn nothing_is_taken_back_where_somebody_else_may_have_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut open = Open::new(&LogFile::at(&path)).unwrap();
        open.append(b"one\nhal", Lock::Elsewhere);
        assert!(open.torn);
        open.append(b"two\n", Lock::Elsewhere);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nhal\ntwo\n");
    }

    #[test]
    fn a_lock_that_somebody_keeps_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut sink = FileSink::open(LogFile::at(&path)).unwrap();
        let other = File::open(&path).unwrap();
        other.lock().unwrap();
        assert_eq!(sink.write(b"one\n").bytes, 4);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        assert!(sink.lock_from > Instant::now());
    }
}
