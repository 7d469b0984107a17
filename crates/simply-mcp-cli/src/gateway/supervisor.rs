//! Keeps the child up: waits for its end, starts it again with growing pauses, keeps its lists fresh.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::audience::Broadcast;
use super::catalog::{self, Catalog, Fingerprints};
use super::connection::Connection;
use super::error::{CallError, GatewayError};
use super::live::{Live, watch_quietly};
use super::options::RestartPolicy;
use super::shared::Shared;
use super::wire::Listener;

/// Changes that come in one burst are read once.
const REFRESH_PAUSE: Duration = Duration::from_millis(50);

/// A child that is ready to serve.
#[derive(Debug)]
pub(super) struct Started {
    connection: Connection,
    catalog: Catalog,
}

/// The first start: what is wrong is the operator's to know.
///
/// # Errors
///
/// Every reason why the child cannot serve.
pub(super) async fn start(shared: &Arc<Shared>) -> Result<Started, GatewayError> {
    let started = try_start(shared).await?;
    if let Some(tool) = started.catalog.duplicates.first() {
        let tool = tool.clone();
        started.connection.end(true).await;
        return Err(GatewayError::DuplicateTool {
            command: shared.command.for_display(),
            tool,
        });
    }
    Ok(started)
}

async fn try_start(shared: &Arc<Shared>) -> Result<Started, GatewayError> {
    let listener: Arc<dyn Listener> = Arc::clone(shared) as Arc<dyn Listener>;
    let mut greeting = shared.greeting.lock().await;
    let connection =
        Connection::open(&shared.command, &shared.options, &listener, &mut greeting).await?;
    drop(greeting);
    let limit = shared.options.start_timeout;
    let read =
        tokio::time::timeout(limit, catalog::read(&connection.link, &connection.identity)).await;
    match read.unwrap_or(Err(CallError::Timeout(limit))) {
        Ok(catalog) => Ok(Started {
            connection,
            catalog,
        }),
        Err(cause) => Err(connection.failed_start(&shared.command, cause).await),
    }
}

/// Runs until the gateway ends.
pub(super) async fn supervise(shared: Arc<Shared>, mut started: Started) {
    let mut backoff = Backoff::new(&shared.options.restart);
    let mut known = started.catalog.fingerprints;
    loop {
        let since = Instant::now();
        known = serve(&shared, started, known).await;
        if shared.stop.is_cancelled() {
            return;
        }
        if since.elapsed() >= shared.options.restart.stable_after {
            backoff = Backoff::new(&shared.options.restart);
        }
        let Some(again) = start_again(&shared, &mut backoff).await else {
            return;
        };
        started = again;
    }
}

/// One life of the child: from up to down.
async fn serve(shared: &Arc<Shared>, started: Started, known: Fingerprints) -> Fingerprints {
    let Started {
        mut connection,
        catalog,
    } = started;
    warn_of_duplicates(&catalog);
    let mut current = catalog.fingerprints;
    let live = shared.up(
        Arc::clone(&connection.link),
        &connection.identity,
        catalog.tools,
    );
    tell_differences(shared, known, current);
    if let Some(level) = shared.audience.most_verbose()
        && let Ok(Some(call)) = live.lower_level(level)
    {
        watch_quietly("logging/setLevel", call);
    }
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    tokio::spawn(Arc::clone(&live).keep_subscribed(Arc::clone(&shared.audience), over));
    tokio::select! {
        () = connection.over() => {}
        () = shared.stop.cancelled() => {}
        () = keep_tools_fresh(shared, &live, &mut current.tools) => {}
    }
    let is_asked = shared.stop.is_cancelled();
    let exit = if is_asked {
        None
    } else {
        connection.exit().await
    };
    let exit = exit.unwrap_or_else(|| {
        if is_asked {
            "shut down"
        } else {
            "it closed its pipes"
        }
        .to_owned()
    });
    let error = if is_asked {
        CallError::ShuttingDown
    } else {
        tracing::error!(exit, "the server behind the gateway stopped");
        CallError::Down(format!("stopped ({exit})").into())
    };
    shared.down(&error, exit);
    connection.link.end(&error);
    connection.end(is_asked).await;
    current
}

async fn start_again(shared: &Arc<Shared>, backoff: &mut Backoff) -> Option<Started> {
    loop {
        let delay = backoff.next();
        tracing::info!(
            delay_seconds = delay.as_secs_f32(),
            "the server behind the gateway will be started again"
        );
        tokio::select! {
            () = shared.stop.cancelled() => return None,
            () = tokio::time::sleep(delay) => {}
        }
        let started = tokio::select! {
            () = shared.stop.cancelled() => return None,
            started = try_start(shared) => started,
        };
        match started {
            Ok(started) => {
                shared.status.send_modify(|status| status.restarts += 1);
                return Some(started);
            }
            Err(error) => {
                tracing::error!(%error, "the server behind the gateway could not be started again");
                shared.status.send_modify(|status| {
                    status.restarts += 1;
                    status.last_exit = Some(error.to_string());
                });
            }
        }
    }
}

/// Reads the tools again whenever the child says that they changed, and only then tells the clients.
async fn keep_tools_fresh(shared: &Shared, live: &Live, fingerprint: &mut u64) {
    loop {
        shared.tools_changed.notified().await;
        tokio::time::sleep(REFRESH_PAUSE).await;
        let limit = shared.options.start_timeout;
        match tokio::time::timeout(limit, catalog::read_tools(&live.link, &live.identity)).await {
            Ok(Ok(catalog)) => {
                warn_of_duplicates(&catalog);
                *fingerprint = catalog.fingerprints.tools;
                shared.set_tools(catalog.tools);
            }
            Ok(Err(error)) => tracing::warn!(
                ?error,
                "cannot read the tools of the server behind the gateway"
            ),
            Err(_) => tracing::warn!("the server behind the gateway does not list its tools"),
        }
        shared.audience.tell(&Broadcast::ToolsChanged);
    }
}

fn tell_differences(shared: &Shared, before: Fingerprints, now: Fingerprints) {
    if before.tools != now.tools {
        shared.audience.tell(&Broadcast::ToolsChanged);
    }
    if before.prompts != now.prompts {
        shared.audience.tell(&Broadcast::PromptsChanged);
    }
    if before.resources != now.resources {
        shared.audience.tell(&Broadcast::ResourcesChanged);
    }
}

fn warn_of_duplicates(catalog: &Catalog) {
    for tool in &catalog.duplicates {
        tracing::warn!(
            tool,
            "the server behind the gateway lists a tool twice; the first one is used"
        );
    }
}

/// Growing pauses: each twice the one before, up to a ceiling, and shortened at random by up to a half, so that many
/// gateways in front of one broken thing do not start in step.
#[derive(Debug)]
struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    fn new(policy: &RestartPolicy) -> Self {
        Self {
            next: policy.first_delay,
            longest: policy.longest_delay,
        }
    }

    fn next(&mut self) -> Duration {
        let delay = self.next.min(self.longest);
        self.next = delay.saturating_mul(2);
        // A hasher with random keys is randomness enough for this.
        let random = u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or(0);
        delay - delay / 2 * random / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_02_pauses_grow_to_a_ceiling_and_are_never_less_than_half() {
        let policy = RestartPolicy::default();
        let mut backoff = Backoff::new(&policy);
        for exponent in 0..20 {
            let full = (policy.first_delay * 2_u32.pow(exponent.min(10))).min(policy.longest_delay);
            let pause = backoff.next();
            assert!(pause <= full && pause >= full / 2, "{pause:?} for {full:?}");
        }
    }
}
