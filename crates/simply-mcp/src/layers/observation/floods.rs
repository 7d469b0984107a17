//! Bounds the lines of what is refused: a client may send thousands of bad requests a second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::runtime::Handle;

use super::TARGET;
use crate::{
    logs::{Allowance, LINES_PER_SECOND},
    refusal::Code,
};

/// How often those are told that were not logged.
const PAUSE: Duration = Duration::from_secs(1);

/// Errors without a code of ours, and requests that nobody waited for.
const OTHERS: [&str; 2] = ["other", "client_closed"];

/// An allowance for each code. While there is a flood, and only then, a task tells each second how many lines were
/// left out, so that the last of them are told too.
pub(super) struct Floods {
    kinds: Vec<Kind>,
    is_telling: AtomicBool,
}

struct Kind {
    code: &'static str,
    lines: Allowance,
}

impl Floods {
    pub(super) fn new() -> Self {
        let codes = Code::ALL.iter().map(|code| code.as_str());
        let kinds = codes.chain(OTHERS).map(|code| Kind {
            code,
            lines: Allowance::new(LINES_PER_SECOND),
        });
        Self {
            kinds: kinds.collect(),
            is_telling: AtomicBool::new(false),
        }
    }

    /// Whether there may be a line for an answer. What went well always has one.
    pub(super) fn lets_pass(self: &Arc<Self>, status: StatusCode, code: Option<Code>) -> bool {
        if code.is_none() && !status.is_client_error() && !status.is_server_error() {
            return true;
        }
        let kind = &self.kinds[index(status, code)];
        if let Some(untold) = kind.lines.take() {
            kind.tell(untold);
            return true;
        }
        self.tell_later();
        false
    }

    fn tell_later(self: &Arc<Self>) {
        if self.is_telling.load(Ordering::Relaxed) || self.is_telling.swap(true, Ordering::AcqRel) {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(Arc::clone(self).keep_telling())),
            // The next line of its kind tells, or the end.
            Err(_) => self.is_telling.store(false, Ordering::Release),
        }
    }

    async fn keep_telling(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PAUSE).await;
            if self.has_untold() {
                self.tell();
                continue;
            }
            self.is_telling.store(false, Ordering::Release);
            // One may have come in between that found the task still there.
            if !self.has_untold() || self.is_telling.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    fn has_untold(&self) -> bool {
        self.kinds.iter().any(|kind| kind.lines.has_untold())
    }

    fn tell(&self) {
        for kind in &self.kinds {
            kind.tell(kind.lines.take_untold());
        }
    }
}

/// The last are told when the server ends.
impl Drop for Floods {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Kind {
    fn tell(&self, untold: u64) {
        if untold > 0 {
            tracing::warn!(
                target: TARGET,
                suppressed = untold,
                code = self.code,
                seconds = PAUSE.as_secs(),
                "{untold} further refusals like this were not logged"
            );
        }
    }
}

fn index(status: StatusCode, code: Option<Code>) -> usize {
    match code {
        Some(code) => code as usize,
        None if status.as_u16() == super::watch::CLIENT_CLOSED => Code::ALL.len() + 1,
        None => Code::ALL.len(),
    }
}
