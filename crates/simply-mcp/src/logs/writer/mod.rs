//! Where lines go: a file or standard error, behind a queue that never makes its user wait.

mod console;
mod file;
mod options;
mod place;
mod queue;
mod rotation;
mod whole;
mod worker;

use std::{fmt, io, sync::Arc, time::Duration};

use tracing_subscriber::fmt::MakeWriter;

pub use self::options::{LogFile, LogFileError};
use self::{console::Console, file::FileSink, queue::Queue, worker::Worker};

/// The longest that the last owner of a writer waits for what is queued: a reader that has stopped
/// must not keep a program from ending.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// A place that lines are written to by a thread of its own.
///
/// [`write`](Self::write) puts a line into a queue of at most 4 MiB and 32,768 lines and returns at
/// once, whatever becomes of the line: what does not fit, because the place is slower than its
/// users, and what cannot be written, because a disk is full or a reader has gone, is counted, and
/// told in a line of the place itself as soon as it can be written to again. Lines are never torn
/// and never glued together.
///
/// Clones write to the same place. When the last one is dropped, what is queued is written, for at
/// most two seconds. A program that never drops it, because a subscriber holds it, calls
/// [`flush`](Self::flush) at its end. Nothing is forced onto the disk (`fsync`).
#[derive(Clone)]
pub struct LogWriter(Arc<Owner>);

/// Lines that were lost, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// The queue was full.
    pub no_room: u64,
    /// The file or the pipe did not take them.
    pub unwritten: u64,
}

impl LogWriter {
    /// A writer that appends to `file`, which is created where there is none. When lines were lost,
    /// `losses` says in a line how many.
    ///
    /// After the file was renamed or deleted, a new one is opened: before the next line, or within
    /// a second.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, with what to do about it.
    pub fn file(
        file: LogFile,
        losses: impl Fn(u64) -> String + Send + 'static,
    ) -> Result<Self, LogFileError> {
        let path = file.path().to_owned();
        let sink = FileSink::open(file)?;
        Self::start(sink, losses).map_err(|source| LogFileError::Thread { path, source })
    }

    /// A writer to standard error: a terminal that was stopped, a pipe that nobody reads and one
    /// whose reader is gone harm nobody.
    ///
    /// # Errors
    ///
    /// When standard error cannot be duplicated, or no thread be had.
    pub fn stderr(losses: impl Fn(u64) -> String + Send + 'static) -> io::Result<Self> {
        Self::start(Console::stderr()?, losses)
    }

    /// Queues one line. Where its end is missing, it is added; no other line end may be in it.
    pub fn write(&self, line: &[u8]) {
        self.0.0.push(line);
    }

    /// How many lines were lost since the start, whatever the reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.0.losses.total()
    }

    /// How many lines were lost since the start, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.0.0.losses.read()
    }

    /// Opens the file again, before the next line: for a rotation that wants to be sure.
    pub fn reopen(&self) {
        self.0.0.reopen();
    }

    /// Waits until every line so far was written or lost, but not longer than `patience`; returns
    /// whether it was so. It blocks the thread.
    pub fn flush(&self, patience: Duration) -> bool {
        self.0.0.flush(patience)
    }

    fn start(
        sink: impl worker::Sink,
        losses: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let worker = Worker::new(Arc::clone(&queue), sink, Box::new(losses));
        std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || worker.run())?;
        Ok(Self(Arc::new(Owner(queue))))
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LogWriter")
            .field("losses", &self.losses())
            .finish_non_exhaustive()
    }
}

impl<'writer> MakeWriter<'writer> for LogWriter {
    type Writer = LineWriter<'writer>;

    fn make_writer(&'writer self) -> Self::Writer {
        LineWriter(self)
    }
}

/// What a layer writes to: each call of `write` is one line, and succeeds.
#[derive(Debug)]
pub struct LineWriter<'writer>(&'writer LogWriter);

impl io::Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The last of its clones ends the thread.
struct Owner(Arc<Queue>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
        self.0.flush(LAST_WAIT);
    }
}

#[cfg(test)]
mod tests;
