use futures::{FutureExt, StreamExt, channel::mpsc, stream};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::*;
use crate::{
    facts::{CorrelationId, Route},
    logs::tests::captured,
    metrics::Metrics,
    refusal::{Code, Refusal},
};

struct Answers<F>(F);

impl<F, R> Handle for Answers<F>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send,
{
    async fn handle(&self, request: Request<Body>) -> Response<Body> {
        (self.0)(request).await
    }
}

/// The door in front of `answer`, and what it counts.
struct Fixture<N> {
    door: Observation<N>,
    metrics: Metrics,
    over: CancellationToken,
}

fn in_front_of<F, R>(answer: F) -> Fixture<Answers<F>>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send,
{
    with(true, false, answer)
}

fn with<F, R>(log: bool, log_responses: bool, answer: F) -> Fixture<Answers<F>>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send,
{
    let metrics = Metrics::new();
    let over = CancellationToken::new();
    let observers = Observers {
        series: Some(HttpSeries::new(
            &metrics,
            Route::ALL.map(|route| format!("{route:?}")),
        )),
        log,
        log_responses,
        over: over.clone(),
    };
    Fixture {
        door: Observation::new(Answers(answer), observers),
        metrics,
        over,
    }
}

impl<N> Fixture<N> {
    fn requests(&self, status: &str) -> u64 {
        let labels = ["POST", "Tool", status];
        self.metrics.requests.with_label_values(&labels).get()
    }

    /// How many bodies were seen, and how many bytes they had.
    fn sizes(&self) -> [(u64, f64); 2] {
        let labels = ["POST", "Tool"];
        [&self.metrics.request_size, &self.metrics.response_size].map(|sizes| {
            let sizes = sizes.with_label_values(&labels);
            (sizes.get_sample_count(), sizes.get_sample_sum())
        })
    }

    fn heads(&self) -> u64 {
        let durations = self
            .metrics
            .request_duration
            .with_label_values(&["POST", "Tool"]);
        durations.get_sample_count()
    }
}

fn post(body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/tools/echo?key=canary")
        .body(body.into())
        .unwrap();
    request.extensions_mut().insert(Route::Tool);
    request.extensions_mut().insert(CorrelationId("c-1".into()));
    request
}

fn in_parts(parts: &'static [&'static str]) -> Body {
    Body::from_stream(stream::iter(parts).map(|part| Ok::<_, std::io::Error>(*part)))
}

async fn ok(_: Request<Body>) -> Response<Body> {
    Response::new("four".into())
}

async fn refuse(_: Request<Body>) -> Response<Body> {
    Refusal::new(Code::UnknownTool, "no").into_response()
}

fn context(line: &Value) -> Value {
    let mut context = line["context"].clone();
    let duration = context.as_object_mut().unwrap().remove("duration");
    assert!(duration.unwrap().as_f64().unwrap() >= 0.0);
    context
}

#[tokio::test]
async fn a_whole_answer_is_told_of_at_once() {
    let fixture = in_front_of(ok);
    let lines = captured(async || {
        let _ = fixture.door.handle(post("three")).await;
    })
    .await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "Request completed");
    assert_eq!(lines[0]["correlation_id"], "c-1");
    assert_eq!(
        context(&lines[0]),
        json!({"method": "POST", "path": "/tools/echo", "status": 200, "bytes_in": 5, "bytes_out": 4})
    );
    assert_eq!((fixture.requests("200"), fixture.heads()), (1, 1));
    assert_eq!(fixture.sizes(), [(1, 5.0), (1, 4.0)]);
    assert_eq!(fixture.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_streamed_answer_is_told_of_when_it_has_ended() {
    let (send, parts) = mpsc::unbounded::<Result<&'static str, std::io::Error>>();
    let parts = std::sync::Mutex::new(Some(parts));
    let fixture = in_front_of(move |_| {
        let parts = parts.lock().unwrap().take().unwrap();
        async { Response::new(Body::from_stream(parts)) }
    });
    let mut response = None;
    let lines = captured(async || response = Some(fixture.door.handle(post("")).await)).await;
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!((fixture.requests("200"), fixture.heads()), (1, 1));
    assert_eq!(fixture.sizes(), [(0, 0.0), (0, 0.0)]);
    assert_eq!(fixture.metrics.in_flight.get(), 0);
    let lines = captured(async || {
        send.unbounded_send(Ok("ab")).unwrap();
        send.unbounded_send(Ok("cde")).unwrap();
        drop(send);
        let body = response.take().unwrap().into_body().collect().await;
        assert_eq!(body.unwrap().to_bytes(), "abcde");
    })
    .await;
    assert_eq!(
        context(&lines[0]),
        json!({"method": "POST", "path": "/tools/echo", "status": 200, "bytes_in": 0, "bytes_out": 5})
    );
    assert_eq!(fixture.sizes(), [(1, 0.0), (1, 5.0)]);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_line_of_its_stream() {
    let fixture = in_front_of(async |_| {
        let first = stream::iter([Ok::<_, std::io::Error>("ab")]);
        Response::new(Body::from_stream(first.chain(stream::pending())))
    });
    for reason in ["client closed", "server stopped"] {
        let lines = captured(async || {
            let mut body = fixture.door.handle(post("")).await.into_body();
            assert!(body.frame().await.is_some());
            if reason == "server stopped" {
                fixture.over.cancel();
            }
        })
        .await;
        assert_eq!(lines.len(), 1);
        let said = &lines[0]["context"];
        assert_eq!(
            (&said["status"], &said["reason"], &said["bytes_out"]),
            (&json!(200), &json!(reason), &json!(2))
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_has_its_line() {
    let fixture = in_front_of(|_| std::future::pending());
    let lines = captured(async || {
        let waiting = fixture.door.handle(post("three"));
        assert!(waiting.now_or_never().is_none());
    })
    .await;
    assert_eq!(
        context(&lines[0]),
        json!({"method": "POST", "path": "/tools/echo", "status": 499, "bytes_in": 5, "bytes_out": 0, "reason": "client closed"})
    );
    assert_eq!((fixture.requests("499"), fixture.heads()), (1, 1));
    assert_eq!(fixture.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_request_in_flight_is_seen_while_it_waits() {
    let fixture = in_front_of(|_| std::future::pending());
    let mut waiting = Box::pin(fixture.door.handle(post("")));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(fixture.metrics.in_flight.get(), 1);
    drop(waiting);
    assert_eq!(fixture.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_passes() {
    let fixture = in_front_of(async |request: Request<Body>| {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "abcde");
        Response::new(Body::empty())
    });
    let _ = fixture
        .door
        .handle(post(in_parts(&["ab", "", "cde"])))
        .await;
    assert_eq!(fixture.sizes(), [(1, 5.0), (1, 0.0)]);
}

#[tokio::test]
async fn a_length_that_is_only_claimed_counts_as_nothing() {
    struct Claims;
    impl hyper::body::Body for Claims {
        type Data = bytes::Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>>
        {
            std::task::Poll::Pending
        }
        fn size_hint(&self) -> hyper::body::SizeHint {
            hyper::body::SizeHint::with_exact(u64::MAX - 2)
        }
    }
    let fixture = in_front_of(refuse);
    let _ = fixture.door.handle(post(Body::new(Claims))).await;
    assert_eq!(fixture.sizes()[0], (1, 0.0));
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let fixture = in_front_of(async |_| Response::new(in_parts(&["four"])));
    let lines = captured(async || {
        let mut request = post("");
        *request.method_mut() = http::Method::HEAD;
        let _ = fixture.door.handle(request).await;
    })
    .await;
    assert_eq!(lines[0]["context"]["bytes_out"], 0);
    assert_eq!(lines[0]["context"]["reason"], Value::Null);
}

// LOG-02
#[tokio::test]
async fn answers_are_shown_where_they_are_asked_for_and_without_secrets() {
    let json_answer = async |_| {
        let mut response = Response::new(Body::from(r#"{"token":"canary","a":1}"#));
        let kind = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert("content-type", kind);
        response
    };
    let fixture = with(true, true, json_answer);
    let lines = captured(async || {
        let response = fixture.door.handle(post("")).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"token":"canary","a":1}"#);
    })
    .await;
    let shown: Value =
        serde_json::from_str(lines[0]["context"]["response"].as_str().unwrap()).unwrap();
    assert_eq!(shown, json!({"token": "***", "a": 1}));
    let fixture = with(true, false, json_answer);
    let lines = captured(async || drop(fixture.door.handle(post("")).await)).await;
    assert_eq!(lines[0]["context"]["response"], Value::Null);
}

#[tokio::test]
async fn without_a_line_requests_are_counted_all_the_same() {
    let fixture = with(false, true, ok);
    let lines = captured(async || drop(fixture.door.handle(post("")).await)).await;
    assert!(lines.is_empty(), "{lines:?}");
    assert_eq!(fixture.requests("200"), 1);
}

#[tokio::test]
async fn where_nobody_looks_nothing_is_laid_out() {
    let observers = Observers {
        series: None,
        log: false,
        log_responses: true,
        over: CancellationToken::new(),
    };
    let answer = Answers(async |request: Request<Body>| {
        assert!(
            request
                .extensions()
                .get::<crate::facts::SeenCaller>()
                .is_none()
        );
        Response::new(Body::empty())
    });
    let door = Observation::new(answer, observers);
    let lines = captured(async || drop(door.handle(post("")).await)).await;
    assert!(lines.is_empty(), "{lines:?}");
}

/// The lines of requests, and how many are said to be missing.
fn told(lines: &[Value]) -> (usize, u64) {
    let requests = lines
        .iter()
        .filter(|line| line["message"] == "Request completed");
    let missing = lines.iter().filter_map(|line| {
        let suppressed = line["context"]["suppressed"].as_u64()?;
        let text = format!("{suppressed} further refusals like this were not logged");
        assert_eq!(line["message"], text);
        assert_eq!(line["context"]["code"], "unknown_tool");
        Some(suppressed)
    });
    (requests.count(), missing.sum())
}

// LOG-05
#[tokio::test(start_paused = true)]
async fn a_flood_of_refusals_is_bounded_and_every_one_is_accounted_for() {
    let fixture = in_front_of(refuse);
    let begun = std::time::Instant::now();
    let lines = captured(async || {
        for _ in 0..5000 {
            let _ = fixture.door.handle(post("")).await;
        }
        // By the clock that tests hold, the moment comes at once.
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    })
    .await;
    let seconds = begun.elapsed().as_secs() + 2;
    let (requests, missing) = told(&lines);
    assert_eq!(requests as u64 + missing, 5000);
    assert!(requests as u64 <= 20 * seconds, "{requests} in {seconds} s");
    assert_eq!(fixture.requests("404"), 5000);
    assert!(crate::logs::suppressed() >= missing);
}

// LOG-05
#[tokio::test]
async fn the_end_tells_what_was_not_told_yet() {
    let fixture = in_front_of(refuse);
    let lines = captured(async || {
        for _ in 0..100 {
            let _ = fixture.door.handle(post("")).await;
        }
        // Without a runtime there is nobody to tell later.
        let floods = Arc::clone(&fixture.door.observers.floods);
        drop(fixture);
        while Arc::strong_count(&floods) > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        drop(floods);
    })
    .await;
    let (requests, missing) = told(&lines);
    assert_eq!(requests as u64 + missing, 100);
}

// LOG-05
#[tokio::test]
async fn what_goes_well_always_has_its_line() {
    let fixture = in_front_of(ok);
    let lines = captured(async || {
        for _ in 0..500 {
            let _ = fixture.door.handle(post("")).await;
        }
    })
    .await;
    assert_eq!(lines.len(), 500);
}

// LOG-05
#[tokio::test]
async fn one_flood_does_not_hide_another_kind() {
    let flood = in_front_of(async |request: Request<Body>| {
        let code = match request.uri().query() {
            Some("rare") => Code::Unauthorized,
            _ => Code::UnknownTool,
        };
        Refusal::new(code, "no").into_response()
    });
    let lines = captured(async || {
        for _ in 0..500 {
            let _ = flood.door.handle(post("")).await;
        }
        let mut rare = post("");
        *rare.uri_mut() = http::Uri::from_static("/x?rare");
        let _ = flood.door.handle(rare).await;
    })
    .await;
    let is_rare = |line: &&Value| line["context"]["code"] == "unauthorized";
    assert_eq!(lines.iter().filter(is_rare).count(), 1);
}
