//! `GET /metrics`: what is counted, for whoever scrapes.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::Response;
use tokio::sync::Semaphore;

use crate::{metrics::Metrics, refusal::Refusal};

/// How many scrapes read the program's own series at once. Prometheus scrapes one after the other, and two of them
/// are usual.
const AT_ONCE: usize = 4;

/// How long a scrape may take. Prometheus itself gives up after 10 seconds.
const WITHIN: Duration = Duration::from_secs(5);

/// Seconds after which another scrape is worth the try.
const RETRY_AFTER: u32 = 5;

/// Reads the metrics. What the program adds to them is read by functions of its own, which may never return: where
/// there are such, a scrape has a thread of its own, and neither a thread that serves nor many others wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Scrape {
    metrics: Metrics,
    /// `None` where all series are ours, and are read at once.
    places: Option<Arc<Semaphore>>,
    within: Duration,
}

impl Scrape {
    pub(crate) fn new(metrics: &Metrics, has_own_series: bool) -> Self {
        Self {
            metrics: metrics.clone(),
            places: has_own_series.then(|| Arc::new(Semaphore::new(AT_ONCE))),
            within: WITHIN,
        }
    }

    /// The metrics, or 503 where the program does not come up with its own.
    pub(super) async fn report(&self) -> Response<Body> {
        let Some(places) = &self.places else {
            return self.metrics.report();
        };
        let read = self.read(Arc::clone(places));
        match tokio::time::timeout(self.within, read).await {
            Ok(Some(report)) => report,
            Ok(None) | Err(_) => Refusal::overloaded(
                "the metrics could not be read in time: a series that the program adds does not answer",
                RETRY_AFTER,
            )
            .into_response(),
        }
    }

    async fn read(&self, places: Arc<Semaphore>) -> Option<Response<Body>> {
        let place = places.acquire_owned().await.ok()?;
        let metrics = self.metrics.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            metrics.report()
        });
        reading.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;
    use crate::metrics::OwnSeries;

    #[tokio::test]
    async fn a_series_that_never_answers_holds_up_its_scrape_for_a_time_only() {
        let metrics = Metrics::new();
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let stuck = OwnSeries::gauge("stuck", "Never read.", move || {
            let _ = held.lock().map(|held| held.recv());
            0.0
        });
        metrics.add(stuck).unwrap();
        let scrape = Scrape {
            within: Duration::from_millis(20),
            ..Scrape::new(&metrics, true)
        };
        // More than there are places for: those who find none give up as well.
        for _ in 0..AT_ONCE + 2 {
            assert_eq!(scrape.report().await.status(), 503);
        }
        drop(release);
    }

    #[tokio::test]
    async fn the_programs_own_series_are_among_the_rest() {
        let metrics = Metrics::new();
        metrics
            .add(OwnSeries::gauge("mine", "Mine.", || 1.0))
            .unwrap();
        assert_eq!(Scrape::new(&metrics, true).report().await.status(), 200);
        assert_eq!(Scrape::new(&metrics, false).report().await.status(), 200);
    }
}
