//! A child that is up: its link, who it is, and what it was told to tell us.
#![expect(
    deprecated,
    reason = "logging is deprecated in 2026-07-28, and still served to the clients that use it"
)]

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{LoggingLevel, RequestMetaObject, SubscriptionFilter};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::audience::{Audience, severity};
use super::error::CallError;
use super::handshake::{Identity, request_meta};
use super::link::{Call, CallStep, Link, Origin};

/// How long we wait for an answer that no client waits for.
const QUIET_TIMEOUT: Duration = Duration::from_secs(30);
/// How long before a subscription that the child ended is opened again.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// A child that is up.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) link: Arc<Link>,
    pub(super) identity: Identity,
    told: Mutex<Told>,
}

/// What the child knows of our clients' wishes.
#[derive(Debug, Default)]
struct Told {
    /// Only older versions: the resources that were subscribed to one by one.
    resources: HashSet<String>,
    /// Only older versions: the most verbose level asked for. It is only ever lowered to a more verbose one.
    level: Option<LoggingLevel>,
}

impl Live {
    pub(super) fn new(link: Arc<Link>, identity: Identity) -> Self {
        Self {
            link,
            identity,
            told: Mutex::default(),
        }
    }

    /// Keeps the child's subscriptions equal to what our clients watch, until `stop`.
    pub(super) async fn keep_subscribed(
        self: Arc<Self>,
        audience: Arc<Audience>,
        stop: CancellationToken,
    ) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_listening(&audience), if self.identity.is_modern() => {}
            () = self.keep_resources(&audience), if !self.identity.is_modern() => {}
        }
    }

    /// From 2026-07-28 on: one stream for all; another wish is another stream.
    async fn keep_listening(&self, audience: &Audience) {
        let mut stream: Option<Call> = None;
        let mut filter = SubscriptionFilter::default();
        let mut is_wanted = false;
        loop {
            let wanted = self.wanted_filter(audience);
            if wanted != filter || (is_wanted && stream.is_none()) {
                is_wanted = wanted != SubscriptionFilter::default();
                // The new stream is asked for before the old one ends, so nothing falls between them.
                stream = is_wanted.then(|| self.listen(&wanted).ok()).flatten();
                filter = wanted;
            }
            tokio::select! {
                () = audience.resources_changed.notified() => {}
                reply = ended(&mut stream) => {
                    stream = None;
                    // One that refuses is asked again only for something else.
                    is_wanted = !matches!(reply, Err(CallError::Child(_)));
                    tokio::time::sleep(LISTEN_AGAIN).await;
                }
                () = tokio::time::sleep(LISTEN_AGAIN), if is_wanted && stream.is_none() => {}
            }
        }
    }

    /// The older versions: each resource by itself.
    async fn keep_resources(&self, audience: &Audience) {
        loop {
            self.subscribe_one_by_one(audience);
            audience.resources_changed.notified().await;
        }
    }

    /// Sends a `resources/subscribe` of one client, in the one order that leaves no other client without.
    pub(super) fn subscribe(
        &self,
        uri: &str,
        watch: impl FnOnce() -> bool,
    ) -> Result<Option<Call>, CallError> {
        let mut told = self.told();
        if !watch() {
            return Err(CallError::Overloaded);
        }
        if self.identity.is_modern() {
            return Ok(None);
        }
        told.resources.insert(uri.to_owned());
        self.request("resources/subscribe", json!({"uri": uri}))
            .map(Some)
    }

    /// The child refused the subscription, so there is nothing to take back.
    pub(super) fn forget(&self, uri: &str) {
        self.told().resources.remove(uri);
    }

    /// Asks an older child to log from this level on, unless it already logs more.
    pub(super) fn lower_level(&self, level: LoggingLevel) -> Result<Option<Call>, CallError> {
        let mut told = self.told();
        let is_enough = told
            .level
            .is_some_and(|told| severity(told) <= severity(level));
        if is_enough
            || self.identity.is_modern()
            || self.identity.config.capabilities.logging.is_none()
        {
            return Ok(None);
        }
        told.level = Some(level);
        self.request("logging/setLevel", json!({"level": level}))
            .map(Some)
    }

    fn subscribe_one_by_one(&self, audience: &Audience) {
        let mut told = self.told();
        let wanted = audience.watched();
        for uri in wanted.difference(&told.resources) {
            self.quietly("resources/subscribe", json!({"uri": uri}));
        }
        for uri in told.resources.difference(&wanted) {
            self.quietly("resources/unsubscribe", json!({"uri": uri}));
        }
        told.resources = wanted;
    }

    fn wanted_filter(&self, audience: &Audience) -> SubscriptionFilter {
        let capabilities = &self.identity.config.capabilities;
        let mut filter = SubscriptionFilter::default();
        let changes = |declared: Option<bool>| (declared == Some(true)).then_some(true);
        filter.tools_list_changed = changes(
            capabilities
                .tools
                .as_ref()
                .and_then(|tools| tools.list_changed),
        );
        filter.prompts_list_changed = changes(
            capabilities
                .prompts
                .as_ref()
                .and_then(|prompts| prompts.list_changed),
        );
        filter.resources_list_changed = changes(
            capabilities
                .resources
                .as_ref()
                .and_then(|resources| resources.list_changed),
        );
        let mut watched: Vec<String> = audience.watched().into_iter().collect();
        if !watched.is_empty() {
            watched.sort_unstable();
            filter.resource_subscriptions = Some(watched);
        }
        filter
    }

    fn listen(&self, filter: &SubscriptionFilter) -> Result<Call, CallError> {
        self.request("subscriptions/listen", json!({"notifications": filter}))
    }

    /// A request of our own, of which only the log hears if it fails.
    pub(super) fn quietly(&self, method: &'static str, params: Value) {
        match self.request(method, params) {
            Ok(call) => watch_quietly(method, call),
            Err(error) => tracing::debug!(?error, "could not send {method} to the child"),
        }
    }

    fn request(&self, method: &str, mut params: Value) -> Result<Call, CallError> {
        if let Some(meta) = request_meta(&self.identity, &RequestMetaObject::default()) {
            params["_meta"] = meta;
        }
        self.link.request(method, params, Origin::Gateway)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer on a task of its own.
pub(super) fn watch_quietly(method: &'static str, call: Call) {
    tokio::spawn(async move {
        match tokio::time::timeout(QUIET_TIMEOUT, call.answer()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(?error, "the child refused {method}"),
            Err(_) => tracing::debug!("the child did not answer {method}"),
        }
    });
}

/// Waits for the last word of a subscription; for ever where there is none.
async fn ended(stream: &mut Option<Call>) -> Result<Box<RawValue>, CallError> {
    match stream {
        Some(call) => loop {
            if let CallStep::Answer(reply) = call.next().await {
                return reply;
            }
        },
        None => std::future::pending().await,
    }
}
