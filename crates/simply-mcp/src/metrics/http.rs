//! The series of requests, found by numbers: no label is looked up and nothing allocated for a request, but for the
//! first of its kind.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, StatusCode};
use prometheus::{Histogram, IntCounter};

use super::Metrics;
use crate::facts::{Caller, Route};

/// What metrics call the methods, in the order of [`method_index`].
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other",
];

/// The statuses that have a place of their own: all that HTTP knows.
const FIRST_STATUS: usize = 100;
const STATUSES: usize = 500;

/// The series of all requests of a transport.
pub(crate) struct HttpSeries {
    metrics: Metrics,
    endpoints: [String; Route::ALL.len()],
    /// By route and method, made at the first request of its kind.
    kinds: Box<[OnceLock<Box<Kind>>]>,
}

/// Which series a request belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

/// The series of one route and method.
struct Kind {
    duration: Histogram,
    request_size: Histogram,
    response_size: Histogram,
    requests: [OnceLock<IntCounter>; STATUSES],
}

impl HttpSeries {
    /// The series, where `endpoints` says how each of [`Route::ALL`] is called.
    pub(crate) fn new(metrics: &Metrics, endpoints: [String; Route::ALL.len()]) -> Arc<Self> {
        let kinds = Route::ALL.len() * METHODS.len();
        Arc::new(Self {
            metrics: metrics.clone(),
            endpoints,
            kinds: (0..kinds).map(|_| OnceLock::new()).collect(),
        })
    }

    /// Notes a request that has arrived. Each call is followed by one of [`answered`](Self::answered).
    pub(crate) fn arrived(&self, route: Route, method: &Method) -> Place {
        self.metrics.in_flight.inc();
        Place(route as usize * METHODS.len() + method_index(method))
    }

    /// Notes the head of its answer, or that there will be none.
    pub(crate) fn answered(&self, place: Place, status: StatusCode, duration: Duration) {
        self.metrics.in_flight.dec();
        let kind = self.kind(place);
        kind.duration.observe(duration.as_secs_f64());
        match kind
            .requests
            .get(usize::from(status.as_u16()) - FIRST_STATUS)
        {
            Some(counter) => counter
                .get_or_init(|| self.counter(place, status.as_str()))
                .inc(),
            None => self.counter(place, "other").inc(),
        }
    }

    /// Notes that the answer is an error. Labels are looked up: errors are rare, or else cheap for want of a tool.
    pub(crate) fn refused(&self, caller: &Caller, code: &str) {
        let labels = &[caller.label(), code];
        self.metrics.refused.with_label_values(labels).inc();
    }

    /// Notes the bytes of its body and of its answer's, once both are known.
    pub(crate) fn ended(&self, place: Place, received: u64, sent: u64) {
        let kind = self.kind(place);
        kind.request_size.observe(received as f64);
        kind.response_size.observe(sent as f64);
    }

    fn kind(&self, place: Place) -> &Kind {
        self.kinds[place.0].get_or_init(|| {
            let labels = &self.labels(place);
            let metrics = &self.metrics;
            Box::new(Kind {
                duration: metrics.request_duration.with_label_values(labels),
                request_size: metrics.request_size.with_label_values(labels),
                response_size: metrics.response_size.with_label_values(labels),
                requests: [const { OnceLock::new() }; STATUSES],
            })
        })
    }

    fn counter(&self, place: Place, status: &str) -> IntCounter {
        let [method, endpoint] = self.labels(place);
        let counters = &self.metrics.requests;
        counters.with_label_values(&[method, endpoint, status])
    }

    fn labels(&self, place: Place) -> [&str; 2] {
        let method = METHODS[place.0 % METHODS.len()];
        [method, &self.endpoints[place.0 / METHODS.len()]]
    }
}

impl fmt::Debug for HttpSeries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpSeries")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// Methods may be anything that a client makes up.
fn method_index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::DELETE => 4,
        Method::CONNECT => 5,
        Method::OPTIONS => 6,
        Method::TRACE => 7,
        Method::PATCH => 8,
        _ => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::text;

    #[tokio::test]
    async fn every_method_route_and_status_has_its_own_series() {
        let metrics = Metrics::new();
        let endpoints = Route::ALL.map(|route| format!("/{route:?}"));
        let series = HttpSeries::new(&metrics, endpoints);
        let propfind = Method::from_bytes(b"PROPFIND").unwrap();
        for method in METHODS[..9]
            .iter()
            .map(|name| Method::from_bytes(name.as_bytes()).unwrap())
            .chain([propfind])
        {
            for route in Route::ALL {
                for status in [100, 200, 499, 599, 999] {
                    let place = series.arrived(route, &method);
                    let status = StatusCode::from_u16(status).unwrap();
                    series.answered(place, status, Duration::ZERO);
                    series.ended(place, 1, 2);
                }
            }
        }
        let text = text(&metrics).await;
        for method in METHODS {
            for route in Route::ALL {
                for status in ["100", "200", "499", "599", "other"] {
                    let line = format!(
                        "http_requests_total{{endpoint=\"/{route:?}\",method=\"{method}\",status=\"{status}\"}} 1\n"
                    );
                    assert!(text.contains(&line), "{line}");
                }
                let line = format!(
                    "http_response_size_bytes_sum{{endpoint=\"/{route:?}\",method=\"{method}\"}} 10\n"
                );
                assert!(text.contains(&line), "{line}");
            }
        }
        assert_eq!(metrics.in_flight.get(), 0);
    }
}
