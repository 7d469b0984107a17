//! One running child as a JSON-RPC peer: requests by id, each with its own answer, progress and cancellation.
//!
//! Every id, and with it every progress token, is ours and used once, so nothing that the child sends late, twice or
//! under a wrong id can reach a client it is not meant for. Nothing here waits for the child: a message for it goes
//! into a bounded outbox, or is refused.
#![expect(
    deprecated,
    reason = "logging is deprecated in 2026-07-28, and still served to the clients that use it"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{LoggingMessageNotificationParam, ProgressNotificationParam};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::error::CallError;

/// Messages that may wait for the child to read them. More than the requests in flight, so that cancellations and
/// refusals still fit.
const OUTBOX_MESSAGES: usize = 1024;
/// Bytes that may wait: a child that stopped reading must not cost more than this.
const OUTBOX_BYTES: usize = 64 * 1024 * 1024;
/// Progress and log messages that may wait for one client; more are dropped, as the protocol allows.
const CALL_EVENTS: usize = 64;

/// What the child sends about a request before its answer.
#[derive(Debug)]
pub(super) enum CallEvent {
    Progress(ProgressNotificationParam),
    Log(LoggingMessageNotificationParam),
}

/// For whom a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// For one of our clients, which may have asked for progress.
    Client { wants_progress: bool },
    /// For ourselves.
    Gateway,
}

/// A message for the child.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The request it carries, if it is one.
    pub(super) request: Option<i64>,
    pub(super) bytes: Vec<u8>,
}

type Reply = Result<Box<RawValue>, CallError>;

#[derive(Debug)]
struct Pending {
    reply: oneshot::Sender<Reply>,
    events: mpsc::Sender<CallEvent>,
    origin: Origin,
    is_written: bool,
}

#[derive(Debug)]
struct Calls {
    next_id: i64,
    pending: HashMap<i64, Pending>,
    /// Why no further call is possible.
    end: Option<CallError>,
}

/// The sending half of a running child.
#[derive(Debug)]
pub(super) struct Link {
    calls: Mutex<Calls>,
    outbox: mpsc::Sender<Outgoing>,
    waiting_bytes: AtomicUsize,
    max_waiting_bytes: usize,
    max_in_flight: usize,
    broken: CancellationToken,
}

impl Link {
    /// A link, and the outbox that [`super::wire`] writes to the child.
    pub(super) fn new(max_in_flight: usize) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        Self::bounded(max_in_flight, OUTBOX_BYTES)
    }

    fn bounded(
        max_in_flight: usize,
        max_waiting_bytes: usize,
    ) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (outbox, messages) = mpsc::channel(OUTBOX_MESSAGES);
        let link = Self {
            calls: Mutex::new(Calls {
                next_id: 1,
                pending: HashMap::new(),
                end: None,
            }),
            outbox,
            waiting_bytes: AtomicUsize::new(0),
            max_waiting_bytes,
            max_in_flight,
            broken: CancellationToken::new(),
        };
        (Arc::new(link), messages)
    }

    /// The requests that the child has not answered.
    pub(super) fn in_flight(&self) -> usize {
        self.calls().pending.len()
    }

    /// Sends a request. Dropping the answer takes the request back.
    ///
    /// # Errors
    ///
    /// The child is gone, or has too much in hand.
    pub(super) fn request(
        self: &Arc<Self>,
        method: &str,
        mut params: Value,
        origin: Origin,
    ) -> Result<Call, CallError> {
        let (reply, answer) = oneshot::channel();
        let (events, incoming) = mpsc::channel(CALL_EVENTS);
        let id = {
            let mut calls = self.calls();
            if let Some(end) = &calls.end {
                return Err(end.clone());
            }
            if calls.pending.len() >= self.max_in_flight {
                return Err(CallError::Overloaded);
            }
            let id = calls.next_id;
            calls.next_id += 1;
            calls.pending.insert(
                id,
                Pending {
                    reply,
                    events,
                    origin,
                    is_written: false,
                },
            );
            id
        };
        // From here on dropping the call takes it out of the table again.
        let call = Call {
            link: Arc::clone(self),
            id,
            answer,
            events: incoming,
        };
        if origin
            == (Origin::Client {
                wants_progress: true,
            })
            && let Some(params) = params.as_object_mut()
        {
            let meta = params.entry("_meta").or_insert_with(|| json!({}));
            meta["progressToken"] = json!(id);
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.post(Some(id), &message)?;
        Ok(call)
    }

    /// Sends a notification, or an answer to the child's own request. Where the outbox is full it is dropped.
    pub(super) fn send(&self, message: &Value) {
        if self.post(None, message).is_err() {
            tracing::debug!("the child does not read its input; a message for it was dropped");
        }
    }

    /// Resolves once the link is broken.
    pub(super) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Says that the child can no longer be talked to; [`Self::end`] follows with the reason for the clients.
    pub(super) fn break_off(&self) {
        self.broken.cancel();
    }

    /// Answers all that waits, and all that will come, with `error`.
    pub(super) fn end(&self, error: &CallError) {
        let pending = {
            let mut calls = self.calls();
            calls.end.get_or_insert_with(|| error.clone());
            std::mem::take(&mut calls.pending)
        };
        for call in pending.into_values() {
            let _ = call.reply.send(Err(error.clone()));
        }
        self.broken.cancel();
    }

    /// Whether the request still waits for its answer; marks it as sent. One that was taken back need not be written.
    pub(super) fn is_worth_writing(&self, message: &Outgoing) -> bool {
        self.waiting_bytes
            .fetch_sub(message.bytes.len(), Ordering::Relaxed);
        let Some(id) = message.request else {
            return true;
        };
        match self.calls().pending.get_mut(&id) {
            Some(pending) => {
                pending.is_written = true;
                true
            }
            None => false,
        }
    }

    /// Hands an answer to its request. False where no request waits for it.
    pub(super) fn answer(&self, id: i64, reply: Reply) -> bool {
        match self.calls().pending.remove(&id) {
            Some(pending) => {
                let _ = pending.reply.send(reply);
                true
            }
            None => false,
        }
    }

    /// Hands progress to its request; its token is the request's id.
    pub(super) fn progress(&self, id: i64, progress: ProgressNotificationParam) {
        if let Some(pending) = self.calls().pending.get(&id) {
            let _ = pending.events.try_send(CallEvent::Progress(progress));
        }
    }

    /// Hands a log message to the one client whose request is in flight. Where there are none or several, it cannot be attributed
    /// and is given back.
    pub(super) fn log(
        &self,
        message: LoggingMessageNotificationParam,
    ) -> Option<LoggingMessageNotificationParam> {
        let calls = self.calls();
        let mut pending = calls
            .pending
            .values()
            .filter(|pending| pending.origin != Origin::Gateway);
        match (pending.next(), pending.next()) {
            (Some(only), None) => {
                let _ = only.events.try_send(CallEvent::Log(message));
                None
            }
            _ => Some(message),
        }
    }

    fn post(&self, request: Option<i64>, message: &Value) -> Result<(), CallError> {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(b'\n');
        let length = bytes.len();
        let waiting = self.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        if waiting + length > self.max_waiting_bytes
            || self.outbox.try_send(Outgoing { request, bytes }).is_err()
        {
            self.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(CallError::Overloaded);
        }
        Ok(())
    }

    fn take_back(&self, id: i64) {
        let Some(pending) = self.calls().pending.remove(&id) else {
            return;
        };
        if pending.is_written {
            self.send(&json!({
                "jsonrpc": "2.0",
                "method": "notifications/cancelled",
                "params": {"requestId": id, "reason": "the client no longer waits for the answer"},
            }));
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits for its answer. Dropping it cancels it at the child.
#[derive(Debug)]
pub(super) struct Call {
    link: Arc<Link>,
    id: i64,
    answer: oneshot::Receiver<Reply>,
    events: mpsc::Receiver<CallEvent>,
}

impl Call {
    /// What comes next. All that arrived before the answer comes before it.
    pub(super) async fn next(&mut self) -> CallStep {
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => CallStep::Event(event),
            reply = &mut self.answer => CallStep::Answer(
                reply.unwrap_or_else(|_| Err(CallError::Down("stopped".into()))),
            ),
        }
    }

    /// The answer alone.
    pub(super) async fn answer(mut self) -> Reply {
        loop {
            if let CallStep::Answer(reply) = self.next().await {
                return reply;
            }
        }
    }

    #[cfg(test)]
    fn id(&self) -> i64 {
        self.id
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.link.take_back(self.id);
    }
}

/// What a request that waits gets next.
#[derive(Debug)]
pub(super) enum CallStep {
    Event(CallEvent),
    Answer(Reply),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Reply {
        Ok(RawValue::from_string(text.to_owned()).unwrap())
    }

    #[tokio::test]
    async fn gw_12_an_answer_reaches_its_own_request_once() {
        let (link, _outbox) = Link::new(8);
        let first = link.request("a", json!({}), Origin::Gateway).unwrap();
        let second = link.request("b", json!({}), Origin::Gateway).unwrap();
        assert!(link.answer(second.id(), raw("2")));
        assert!(
            !link.answer(second.id(), raw("3")),
            "a second answer is for nobody"
        );
        assert!(!link.answer(99, raw("4")), "an unknown id is for nobody");
        assert!(link.answer(first.id(), raw("1")));
        assert_eq!(first.answer().await.unwrap().get(), "1");
        assert_eq!(second.answer().await.unwrap().get(), "2");
    }

    #[tokio::test]
    async fn gw_04_a_child_with_too_much_in_hand_is_refused_more_at_once() {
        let (link, _outbox) = Link::new(1);
        let call = link.request("a", json!({}), Origin::Gateway).unwrap();
        assert!(matches!(
            link.request("b", json!({}), Origin::Gateway),
            Err(CallError::Overloaded)
        ));
        drop(call);
        assert!(link.request("b", json!({}), Origin::Gateway).is_ok());
    }

    #[tokio::test]
    async fn gw_04_what_waits_for_a_child_that_does_not_read_is_bounded() {
        let (link, _outbox) = Link::bounded(usize::MAX, 6500);
        let big = "x".repeat(900);
        let accepted = (0..20)
            .filter(|_| {
                link.request("a", json!({"text": big}), Origin::Gateway)
                    .is_ok()
            })
            .count();
        assert_eq!(accepted, 6);
    }

    #[tokio::test]
    async fn can_01_a_dropped_request_is_cancelled_at_the_child_only_if_it_was_sent() {
        let (link, mut outbox) = Link::new(8);
        let unsent = link.request("a", json!({}), Origin::Gateway).unwrap();
        drop(unsent);
        assert!(!link.is_worth_writing(&outbox.recv().await.unwrap()));
        let sent = link.request("b", json!({}), Origin::Gateway).unwrap();
        assert!(link.is_worth_writing(&outbox.recv().await.unwrap()));
        let id = sent.id();
        drop(sent);
        let cancelled: Value = serde_json::from_slice(&outbox.recv().await.unwrap().bytes).unwrap();
        assert_eq!(cancelled["method"], "notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], id);
    }
}
