//! The thread that brings lines to their place, and says there what was lost.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::queue::Queue;

/// How often an idle thread looks after its place: whether the file was renamed or deleted, is old
/// enough for the next one, or takes lines again.
const LOOK: Duration = Duration::from_secs(1);

/// Bytes of the buffer that are kept after a burst.
const KEPT_BUFFER: usize = 256 * 1024;

/// How often the other places are told that this one does not work.
const COMPLAINT: Duration = Duration::from_secs(60);

/// A place for whole lines.
pub(super) trait Sink: Send + 'static {
    /// What a person calls it.
    fn name(&self) -> String;

    /// Writes whole lines; what is left after an error is lost.
    fn write(&mut self, lines: &[u8]) -> Written;

    /// Opens the place again.
    fn reopen(&mut self) {}

    /// Is called about once a second while there is nothing to write.
    fn look_after(&mut self) {}
}

/// What became of some lines.
pub(super) struct Written {
    /// Bytes of those that are there whole.
    pub(super) bytes: usize,
    /// Why that is not all of them.
    pub(super) error: Option<io::Error>,
}

/// Says in a line how many lines were lost.
type Notice = Box<dyn Fn(u64) -> String + Send>;

pub(super) struct Worker<S> {
    queue: Arc<Queue>,
    sink: S,
    notice: Notice,
    /// Losses that the place itself was told of.
    told: u64,
    /// When it may be told again: one line a second at most.
    tell_from: Instant,
    works: bool,
    complain_from: Instant,
}

impl<S: Sink> Worker<S> {
    pub(super) fn new(queue: Arc<Queue>, sink: S, notice: Notice) -> Self {
        let now = Instant::now();
        Self {
            queue,
            sink,
            notice,
            told: 0,
            tell_from: now,
            works: true,
            complain_from: now,
        }
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut lines = Vec::new();
        loop {
            let work = self.queue.take(&mut lines, LOOK);
            if work.reopen {
                self.sink.reopen();
            }
            self.tell_losses(work.urgent);
            if work.lines == 0 {
                self.sink.look_after();
            } else {
                self.write(&lines);
            }
            lines.clear();
            lines.shrink_to(KEPT_BUFFER);
            self.queue.finished();
            if work.closed && work.lines == 0 {
                return self.queue.ended();
            }
        }
    }

    fn write(&mut self, lines: &[u8]) {
        let written = self.sink.write(lines);
        let lost = lines[written.bytes..].iter().filter(|byte| **byte == b'\n');
        self.queue.losses.unwritten(lost.count() as u64);
        match written.error {
            None => self.works = true,
            Some(error) => self.complain(&error),
        }
    }

    /// Also what finds out whether a place that failed takes lines again.
    fn tell_losses(&mut self, urgent: bool) {
        let lost = self.queue.losses.total() - self.told;
        let now = Instant::now();
        if lost == 0 || (now < self.tell_from && !urgent) {
            return;
        }
        self.tell_from = now + LOOK;
        let mut line = (self.notice)(lost);
        if !line.ends_with('\n') {
            line.push('\n');
        }
        if self.sink.write(line.as_bytes()).bytes == line.len() {
            self.told += lost;
        }
    }

    /// Once for each time that it stops to work, for whoever reads another place.
    fn complain(&mut self, error: &io::Error) {
        let now = Instant::now();
        if std::mem::replace(&mut self.works, false) && now >= self.complain_from {
            self.complain_from = now + COMPLAINT;
            tracing::error!(
                target: "simply_mcp::logs",
                %error,
                "Lines cannot be written to {} and are lost; make room for them or mend it, and they are written again without a restart",
                self.sink.name()
            );
        }
    }
}
