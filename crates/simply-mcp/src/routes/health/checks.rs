//! Questions that must be answered with yes before requests are sent here.
//!
//! A program's own question may wait for something, never return, or panic, and whoever probes must have an answer
//! all the same. So it is asked on a thread of its own, one at a time: probes that come meanwhile wait for the same
//! answer, none of them longer than [`ANSWER_WITHIN`]. A question that never returns costs that one thread.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// How long a probe waits for the answer. Those of Kubernetes and Docker give up after a second and more.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// How long a question that panicked is not asked again: each time costs a thread, and a line of the panic hook.
const REST: Duration = Duration::from_secs(1);

/// How often what is wrong with one question is logged, at most: probes come every second, for ever.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The most of what a panic said that is logged, in characters.
const LONGEST_TEXT: usize = 200;

/// A named question that must be answered with yes before requests are sent here.
#[derive(Clone)]
pub(crate) struct ReadyCheck {
    name: Arc<str>,
    question: Arc<Question>,
}

struct Question {
    is_ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether it is known to answer at once, so that it needs no thread.
    is_quick: bool,
    state: Mutex<State>,
}

/// What becomes of the question.
#[derive(Default)]
struct State {
    running: Option<Running>,
    panicked: Option<Instant>,
    told: Option<Instant>,
}

/// A thread that looks for the answer.
#[derive(Clone)]
struct Running {
    since: Instant,
    answer: watch::Receiver<Option<bool>>,
}

impl ReadyCheck {
    /// A question that may take its time: it is asked on a thread of its own.
    pub(crate) fn asked(
        name: impl Into<Arc<str>>,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::of(name.into(), Box::new(is_ready), false)
    }

    /// A question that is answered by a look at what is known already.
    pub(crate) fn quick(
        name: impl Into<Arc<str>>,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::of(name.into(), Box::new(is_ready), true)
    }

    fn of(name: Arc<str>, is_ready: Box<dyn Fn() -> bool + Send + Sync>, is_quick: bool) -> Self {
        let question = Question {
            is_ready,
            is_quick,
            state: Mutex::default(),
        };
        Self {
            name,
            question: Arc::new(question),
        }
    }

    /// What it is called in the report.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The answer: no where it is not to be had in time, or where the question panics.
    pub(super) async fn is_ready(&self) -> bool {
        if self.question.is_quick {
            return self.look();
        }
        let Some(mut running) = self.ask() else {
            return false;
        };
        let left = ANSWER_WITHIN.saturating_sub(running.since.elapsed());
        match tokio::time::timeout(left, running.answer.wait_for(Option::is_some)).await {
            Ok(answer) => answer.is_ok_and(|answer| *answer == Some(true)),
            Err(_) => {
                self.tell("it did not answer in time");
                false
            }
        }
    }

    /// The answer that somebody waits for already, or the one to a question of our own.
    fn ask(&self) -> Option<Running> {
        let mut state = self.state();
        if let Some(running) = &state.running {
            return Some(running.clone());
        }
        if state.panicked.is_some_and(|at| at.elapsed() < REST) {
            return None;
        }
        let (sender, answer) = watch::channel(None);
        let running = Running {
            since: Instant::now(),
            answer,
        };
        let check = self.clone();
        let thread = thread::Builder::new().name("ready-check".to_owned());
        let spawned = thread.spawn(move || {
            let is_ready = check.look();
            check.state().running = None;
            // Nobody may wait any more.
            let _ = sender.send(Some(is_ready));
        });
        if let Err(error) = spawned {
            drop(state);
            self.tell(&format!("there is no thread to ask it on: {error}"));
            return None;
        }
        state.running = Some(running.clone());
        Some(running)
    }

    fn look(&self) -> bool {
        // What a panicking question leaves half-done is the program's own.
        match catch_unwind(AssertUnwindSafe(|| (self.question.is_ready)())) {
            Ok(is_ready) => is_ready,
            Err(panic) => {
                self.state().panicked = Some(Instant::now());
                let text = panic
                    .downcast_ref::<&str>()
                    .copied()
                    .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                    .unwrap_or("without a text");
                let text: String = text.chars().take(LONGEST_TEXT).collect();
                self.tell(&format!("it panicked: {text}"));
                false
            }
        }
    }

    fn tell(&self, reason: &str) {
        let is_due = {
            let mut state = self.state();
            let is_due = state.told.is_none_or(|at| at.elapsed() >= TELL_EVERY);
            if is_due {
                state.told = Some(Instant::now());
            }
            is_due
        };
        if is_due {
            tracing::error!(
                check = &*self.name,
                reason,
                "a readiness check fails, so this server is not ready; what else is wrong with it within a minute is not logged"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.question
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReadyCheck")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    #[tokio::test]
    async fn a_question_is_asked_anew_for_each_probe() {
        let up = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&up);
        let check = ReadyCheck::asked("disk", move || seen.load(Ordering::SeqCst));
        for expected in [false, true, false] {
            up.store(expected, Ordering::SeqCst);
            assert_eq!(check.is_ready().await, expected);
        }
    }

    #[tokio::test]
    async fn a_question_that_never_returns_is_no_and_costs_one_thread() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let check = ReadyCheck::asked("stuck", move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = held.lock().map(|held| held.recv());
            true
        });
        let probes = futures::future::join_all((0..50).map(|_| check.is_ready())).await;
        assert!(probes.iter().all(|is_ready| !is_ready));
        // Those who come later do not even wait.
        assert!(!check.is_ready().await);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        drop(release);
        while check.state().running.is_some() {
            tokio::task::yield_now().await;
        }
        assert!(check.is_ready().await, "it is asked again once it returned");
    }

    #[tokio::test]
    async fn a_question_that_panics_is_no_and_is_left_alone_for_a_moment() {
        let asked = Arc::new(AtomicUsize::new(0));
        let ways: [fn(&'static str, _) -> ReadyCheck; 2] = [ReadyCheck::asked, ReadyCheck::quick];
        for check in ways {
            asked.store(0, Ordering::SeqCst);
            let counted = Arc::clone(&asked);
            let check = check("broken", move || {
                counted.fetch_add(1, Ordering::SeqCst);
                panic!("on purpose");
            });
            assert!(!check.is_ready().await);
            assert!(!check.is_ready().await);
            assert!(check.state().told.is_some());
            let expected = if check.question.is_quick { 2 } else { 1 };
            assert_eq!(asked.load(Ordering::SeqCst), expected);
        }
    }
}
