//! Lines on their way to the thread that writes them.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::Losses;

/// Bytes that may wait: a few seconds of a busy server's lines, and little beside its memory. As
/// much again may be on its way to the file.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Lines that may wait: what `MAX_BYTES` holds of short ones, so that bookkeeping by line is bounded.
const MAX_LINES: usize = 32_768;

/// How long lines are gathered before they are written together. Without it, each line of a busy
/// server would wake the thread and cost the system calls of a whole batch.
const GATHERING: Duration = Duration::from_millis(1);

/// Joins those who write lines with the one who brings them to their place.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    done: Condvar,
    pub(super) losses: LossCounters,
}

#[derive(Default)]
struct State {
    /// Whole lines, one after the other.
    pending: Vec<u8>,
    lines: usize,
    /// Flushes that were asked for, are under way, and are done.
    flushes: [u64; 3],
    reopen: bool,
    closed: bool,
}

impl State {
    fn is_urgent(&self) -> bool {
        self.flushes[0] > self.flushes[1]
    }
}

/// What there is to do.
pub(super) struct Work {
    pub(super) lines: usize,
    pub(super) reopen: bool,
    /// Somebody waits for it.
    pub(super) urgent: bool,
    pub(super) closed: bool,
}

impl Queue {
    pub(super) fn push(&self, line: &[u8]) {
        let unended = !line.ends_with(b"\n");
        let length = line.len() + usize::from(unended);
        let mut state = self.state();
        let room = MAX_BYTES.saturating_sub(state.pending.len());
        if length > room || state.lines >= MAX_LINES || state.closed {
            drop(state);
            self.losses.no_room.fetch_add(1, Relaxed);
            return;
        }
        state.pending.extend_from_slice(line);
        if unended {
            state.pending.push(b'\n');
        }
        state.lines += 1;
        let is_first = state.lines == 1;
        drop(state);
        if is_first {
            self.work.notify_one();
        }
    }

    pub(super) fn reopen(&self) {
        self.state().reopen = true;
        self.work.notify_one();
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Swaps what waits for `buffer`, which is empty. Waits for work, at most so long.
    pub(super) fn take(&self, buffer: &mut Vec<u8>, patience: Duration) -> Work {
        let state = self.state();
        let idle = |state: &mut State| {
            state.lines == 0 && !state.reopen && !state.closed && !state.is_urgent()
        };
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, patience, idle)
            .unwrap_or_else(PoisonError::into_inner);
        if state.lines > 0 && !state.is_urgent() && !state.closed {
            drop(state);
            std::thread::park_timeout(GATHERING);
            state = self.state();
        }
        std::mem::swap(&mut state.pending, buffer);
        let urgent = state.is_urgent() || state.closed;
        state.flushes[1] = state.flushes[0];
        Work {
            urgent,
            lines: std::mem::take(&mut state.lines),
            reopen: std::mem::take(&mut state.reopen),
            closed: state.closed,
        }
    }

    /// What was taken is written or lost.
    pub(super) fn finished(&self) {
        let mut state = self.state();
        state.flushes[2] = state.flushes[1];
        drop(state);
        self.done.notify_all();
    }

    /// Nothing will be taken any more, so nobody needs to wait.
    pub(super) fn ended(&self) {
        self.state().flushes[2] = u64::MAX;
        self.done.notify_all();
    }

    pub(super) fn flush(&self, patience: Duration) -> bool {
        let mut state = self.state();
        state.flushes[0] += 1;
        let target = state.flushes[0];
        self.work.notify_one();
        let (state, _) = self
            .done
            .wait_timeout_while(state, patience, |state| state.flushes[2] < target)
            .unwrap_or_else(PoisonError::into_inner);
        state.flushes[2] >= target
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts [`Losses`].
#[derive(Default)]
pub(super) struct LossCounters {
    no_room: AtomicU64,
    unwritten: AtomicU64,
}

impl LossCounters {
    pub(super) fn unwritten(&self, lines: u64) {
        self.unwritten.fetch_add(lines, Relaxed);
    }

    pub(super) fn total(&self) -> u64 {
        let Losses { no_room, unwritten } = self.read();
        no_room + unwritten
    }

    pub(super) fn read(&self) -> Losses {
        Losses {
            no_room: self.no_room.load(Relaxed),
            unwritten: self.unwritten.load(Relaxed),
        }
    }
}
