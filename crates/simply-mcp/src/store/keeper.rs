//! What connects in the background, and looks whether the store is well.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use redis::{AsyncConnectionConfig, RedisResult, aio::MultiplexedConnection};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{
    failure::Failure,
    link::{Link, Live},
    script::Script,
};

/// The longest that connecting may take, with TLS and authentication.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// The longest that a probe may take. Longer than a question, as nobody waits for it.
const PROBE_WITHIN: Duration = Duration::from_millis(500);

/// How often a store that is up is probed, so that one which nobody asks is known to be down as well.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The first and the longest pause before an attempt. With the bounds above, a store that is back is found in less
/// than three seconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How long a connection must work for the next pause to be the first again: a store that takes the probe and fails
/// at what follows is not asked ten times a second.
const SETTLED_AFTER: Duration = Duration::from_secs(5);

/// Questions that wait to be written to the connection.
const QUEUE: usize = 256;

/// Milliseconds that the probe's key lives.
const PROBE_KEY_LIVES: u64 = 10_000;

/// A write by a script, as it needs what the real ones need: memory, a primary, and the permission.
static PROBE: LazyLock<Script> =
    LazyLock::new(|| Script::new("redis.call('SET', KEYS[1], '', 'PX', ARGV[1])\nreturn 1\n"));

/// The background task of one store.
pub(super) struct Keeper {
    client: redis::Client,
    link: Arc<Link>,
    /// A key of its own, so that no two replicas wait for each other.
    probe_key: String,
}

impl Keeper {
    pub(super) fn new(client: redis::Client, link: Arc<Link>) -> Self {
        Self {
            client,
            link,
            probe_key: format!("smcp:{{probe-{}}}", Uuid::new_v4().simple()),
        }
    }

    /// Connects, waits until the connection fails, and begins again.
    pub(super) async fn run(self) {
        let mut pause = PAUSES.0;
        for epoch in 0.. {
            let connection = self.connect(&mut pause).await;
            let opened = Instant::now();
            self.link.open(Live {
                connection: connection.clone(),
                epoch,
            });
            tokio::select! {
                () = self.link.closed() => {}
                failure = self.watch(connection) => self.link.failed(epoch, &failure),
            }
            if opened.elapsed() >= SETTLED_AFTER {
                pause = PAUSES.0;
            }
            sleep(pause).await;
            pause = longer(pause);
        }
    }

    /// Tries until there is a connection on which the store takes a write.
    async fn connect(&self, pause: &mut Duration) -> MultiplexedConnection {
        loop {
            match self.attempt().await {
                Ok(connection) => return connection,
                Err(failure) => self.link.not_opened(&failure),
            }
            sleep(*pause).await;
            *pause = longer(*pause);
        }
    }

    async fn attempt(&self) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let opening = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let mut connection = within(CONNECT_WITHIN, opening).await?;
        self.probe(&mut connection).await?;
        Ok(connection)
    }

    /// Probes again and again; returns when that fails.
    async fn watch(&self, mut connection: MultiplexedConnection) -> Failure {
        loop {
            sleep(PROBE_EVERY).await;
            if let Err(failure) = self.probe(&mut connection).await {
                return failure;
            }
        }
    }

    async fn probe(&self, connection: &mut MultiplexedConnection) -> Result<(), Failure> {
        let probing = PROBE.run::<()>(connection, &self.probe_key, PROBE_KEY_LIVES);
        // Whatever the answer is, it is not the one that a store gives.
        within(PROBE_WITHIN, probing)
            .await
            .map_err(|failure| Failure {
                of_the_store: true,
                ..failure
            })
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(PAUSES.1)
}

async fn within<T>(
    bound: Duration,
    question: impl Future<Output = RedisResult<T>>,
) -> Result<T, Failure> {
    match timeout(bound, question).await {
        Ok(answer) => answer.map_err(|error| Failure::of(&error)),
        Err(_) => Err(Failure::late()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RL-04: however long it was away, a store that is back is found within five seconds.
    #[test]
    fn no_pause_is_long() {
        let mut pauses = vec![PAUSES.0];
        for _ in 0..20 {
            pauses.push(longer(pauses[pauses.len() - 1]));
        }
        assert!(pauses.is_sorted() && pauses[1] > pauses[0]);
        assert!(pauses[20] + CONNECT_WITHIN + PROBE_WITHIN < Duration::from_secs(5));
    }
}
