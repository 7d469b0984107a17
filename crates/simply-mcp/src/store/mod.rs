//! What replicas share: one Redis or Valkey, asked with a bound on every wait.
//!
//! A [`Store`] is made without connecting, so that a store which is down never stops a start. A task in the
//! background connects, and looks every second whether the store still takes writes. Whoever asks waits at most
//! [`ANSWER_WITHIN`]; the first question that fails for a reason that concerns every other one ends the connection,
//! and from then on questions fail at once, until the background task has written to the store again. What to do
//! without an answer is for whoever asked to decide.
//!
//! Supported is one primary (Redis 6.2 or later, or Valkey), alone, or behind whatever address follows its failovers.
//! Every script touches exactly one key, so that a proxy which spreads keys over a cluster works as well. A node of a
//! cluster that is asked directly answers `MOVED` for the keys of others, and these count as not answered.
//! What the store promises is what one primary promises: a failover that loses writes, or a flush, forgets.

mod failure;
mod keeper;
mod link;
mod script;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{FromRedisValue, RedisResult, ToRedisArgs, aio::MultiplexedConnection};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::DropGuard;

use self::{failure::Failure, keeper::Keeper, link::Link};
use crate::{Error, config::StoreUrl, metrics::Metrics};

pub(crate) use self::script::Script;

/// The longest that anybody waits for an answer of the store.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_millis(50);

/// The shared store. Cheap to clone; the connection ends with the last clone.
#[derive(Clone)]
pub(crate) struct Store(Arc<Kept>);

struct Kept {
    link: Arc<Link>,
    client: redis::Client,
    kept: AtomicBool,
    answer_within: Duration,
    /// Ends the background task.
    ended: DropGuard,
}

/// The store did not answer, in time or at all, or answered that it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared store does not answer")]
pub(crate) struct Unavailable;

impl Store {
    /// A store at `url`. Connects in the background: at once within a runtime, else as soon as it is used in one.
    ///
    /// # Errors
    ///
    /// When the URL asks for something that does not exist, as a database beyond all numbers.
    pub(crate) fn new(url: &StoreUrl, metrics: &Metrics) -> Result<Self, Error> {
        Self::that_waits(url, metrics, ANSWER_WITHIN)
    }

    fn that_waits(
        url: &StoreUrl,
        metrics: &Metrics,
        answer_within: Duration,
    ) -> Result<Self, Error> {
        if url.is_tls() {
            choose_cryptography();
        }
        // The library's own words could repeat a part of the URL.
        let client = redis::Client::open(url.expose()).map_err(|_| {
            Error::Server(format!(
                "rate_limit.store: {url} is no address of a Redis; redis://host:6379/0 is one"
            ))
        })?;
        let store = Self(Arc::new(Kept {
            link: Arc::new(Link::new(url.to_string(), metrics)),
            client,
            kept: AtomicBool::new(false),
            answer_within,
            ended: tokio_util::sync::CancellationToken::new().drop_guard(),
        }));
        store.keep();
        Ok(store)
    }

    /// Whether the store answered when it was last asked, at most about a second ago.
    pub(crate) fn is_up(&self) -> bool {
        self.keep();
        self.0.link.is_up()
    }

    /// What `/health` says of it.
    pub(crate) fn component(&self) -> serde_json::Value {
        let status = if self.is_up() { "up" } else { "down" };
        serde_json::json!({ "status": status })
    }

    /// Sends one command and waits at most [`ANSWER_WITHIN`] for its answer. Without an answer the store may have
    /// carried it out all the same.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when there is no answer, or one that is an error or not a `T`.
    pub(crate) async fn command<T: FromRedisValue>(
        &self,
        command: redis::Cmd,
    ) -> Result<T, Unavailable> {
        self.ask(|mut connection| async move { command.query_async(&mut connection).await })
            .await
    }

    /// Runs `script` on its one `key`, loading it first where the store does not know it, and waits at most
    /// [`ANSWER_WITHIN`] for its result.
    ///
    /// # Errors
    ///
    /// Those of [`command`](Self::command).
    pub(crate) async fn evaluate<T: FromRedisValue>(
        &self,
        script: &Script,
        key: &str,
        arguments: impl ToRedisArgs + Send + Sync,
    ) -> Result<T, Unavailable> {
        self.ask(|mut connection| async move { script.run(&mut connection, key, arguments).await })
            .await
    }

    /// Waits until the store answers.
    #[cfg(test)]
    pub(crate) async fn until_up(&self) {
        self.0.link.opened().await;
    }

    /// Waits until the store is known not to answer.
    #[cfg(test)]
    pub(crate) async fn until_down(&self) {
        self.0.link.closed().await;
    }

    async fn ask<T, Answer>(
        &self,
        question: impl FnOnce(MultiplexedConnection) -> Answer,
    ) -> Result<T, Unavailable>
    where
        Answer: Future<Output = RedisResult<T>>,
    {
        self.keep();
        let deadline = Instant::now() + self.0.answer_within;
        let link = &self.0.link;
        let Ok(Some(live)) = timeout_at(deadline, link.connection()).await else {
            link.count_failure();
            return Err(Unavailable);
        };
        let failure = match timeout_at(deadline, question(live.connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::of(&error),
            Err(_) => Failure::late(),
        };
        link.count_failure();
        link.failed(live.epoch, &failure);
        Err(Unavailable)
    }

    /// Starts the background task, once, and only where there is a runtime for it.
    fn keep(&self) {
        if self.0.kept.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !self.0.kept.swap(true, Ordering::Relaxed)
        {
            let keeper = Keeper::new(self.0.client.clone(), Arc::clone(&self.0.link));
            let ended = self.0.ended.token().clone();
            runtime.spawn(ended.run_until_cancelled_owned(keeper.run()));
        }
    }
}

/// The library takes the one of the process, and panics where a program has been built with two and chose neither.
fn choose_cryptography() {
    // An error says that the program has chosen.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Store").field(&self.0.link).finish()
    }
}
