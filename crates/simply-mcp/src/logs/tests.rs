use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tracing::{Dispatch, debug, error, info, info_span, trace, warn};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, registry};

use super::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn subscriber(level: LevelFilter, format: Format) -> (Dispatch, Memory) {
    let memory = Memory::default();
    let writer = memory.clone();
    (
        Dispatch::new(registry().with(layer(level, format, move || writer.clone()))),
        memory,
    )
}

fn logged(level: LevelFilter, format: Format, run: impl FnOnce()) -> String {
    let (dispatch, memory) = subscriber(level, format);
    tracing::dispatcher::with_default(&dispatch, run);
    memory.text()
}

fn json(run: impl FnOnce()) -> Vec<Value> {
    let text = logged(LevelFilter::TRACE, Format::Json, run);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every line that is logged on this thread while `run` runs, as JSON.
pub(crate) async fn captured<F: Future<Output = ()>>(run: impl FnOnce() -> F) -> Vec<Value> {
    let (dispatch, memory) = subscriber(LevelFilter::TRACE, Format::Json);
    let here = tracing::dispatcher::set_default(&dispatch);
    run().await;
    drop(here);
    memory
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_json_line_has_its_fields_in_order() {
    let text = logged(LevelFilter::INFO, Format::Json, || {
        info!(target: "a::b", method = "GET", correlation_id = "id-1", status = 200_u16,
              duration = 0.25, ok = true, cause = ?Some(1), "Request completed");
    });
    let (time, rest) = text.split_at("{\"timestamp\":\"2026-11-24T07:46:32.123Z\"".len());
    assert!(
        time.ends_with("Z\"") && time.as_bytes()[33] == b'.',
        "{time}"
    );
    assert_eq!(
        rest,
        ",\"level\":\"INFO\",\"logger\":\"a::b\",\"message\":\"Request completed\",\
         \"correlation_id\":\"id-1\",\"context\":{\"method\":\"GET\",\"status\":200,\
         \"duration\":0.25,\"ok\":true,\"cause\":\"Some(1)\"}}\n"
    );
}

#[test]
fn an_event_without_a_correlation_id_says_null_or_takes_that_of_its_span() {
    let lines = json(|| {
        info!("outside");
        let outer = info_span!("outer", correlation_id = "id-2");
        outer.in_scope(|| info_span!("inner").in_scope(|| info!("inside")));
        let late = info_span!("late", correlation_id = tracing::field::Empty);
        late.record("correlation_id", tracing::field::display("id-3"));
        late.in_scope(|| warn!("late"));
    });
    assert_eq!(lines[0]["correlation_id"], Value::Null);
    assert_eq!(lines[1]["correlation_id"], "id-2");
    assert_eq!(lines[2]["correlation_id"], "id-3");
}

#[test]
fn one_event_is_one_line_whatever_is_in_it() {
    let nasty = [
        "a\nb\r\nc",
        "\u{1b}[31mred\u{1b}[0m",
        "\0\u{7f}\u{9b}31m",
        "\u{2028}\u{2029}\u{202e}",
        "\"},{\"level\":\"ERROR\"",
        "\\",
        "💥 ünï",
        "",
        "key=value other=\"x\"",
    ];
    for format in [Format::Json, Format::Text] {
        for text in nasty {
            let line = logged(LevelFilter::INFO, format, || {
                info!(correlation_id = text, value = text, shown = %text, debugged = ?text, "{text}");
            });
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
            let body = line.strip_suffix('\n').unwrap();
            assert!(
                !body.contains(|c: char| c.is_control() || c == '\u{2028}'),
                "{line:?}"
            );
            if format == Format::Json {
                let line: Value = serde_json::from_str(body).unwrap();
                assert_eq!(line["message"], text);
                assert_eq!(line["context"]["value"], text);
                assert_eq!(line["context"]["shown"], text);
            }
        }
    }
}

// AUT-08
#[test]
fn no_line_shows_a_key_wherever_a_client_put_it() {
    let key = crate::auth::ApiKey::generate().unwrap();
    let key = key.expose();
    let path = format!("/mcp/{key}/x;{key}");
    let run = || {
        let error = io::Error::other(path.clone());
        info!(path, correlation_id = key, tool = %key, "to {key}");
        warn!(
            error = &error as &dyn std::error::Error,
            "from smcp_ to its end"
        );
    };
    let lines = json(run);
    assert_eq!(lines[0]["context"]["path"], "/mcp/smcp_***/x;smcp_***");
    assert_eq!(lines[0]["correlation_id"], "smcp_***");
    assert_eq!(lines[1]["message"], "from smcp_ to its end");
    assert!(!format!("{lines:?}").contains(key));
    let text = logged(LevelFilter::TRACE, Format::Text, run);
    assert!(!text.contains(key), "{text}");
}

#[test]
fn numbers_that_json_cannot_write_are_null() {
    let lines = json(|| {
        info!(
            a = f64::NAN,
            b = f64::INFINITY,
            c = 1e300,
            d = u128::MAX,
            "n"
        )
    });
    assert_eq!(lines[0]["context"]["a"], Value::Null);
    assert_eq!(lines[0]["context"]["c"], 1e300);
}

#[test]
fn an_error_is_logged_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] io::Error);
    let lines = json(|| {
        let error = Outer(io::Error::other("no such file"));
        error!(
            error = &error as &(dyn std::error::Error + 'static),
            "failed"
        );
    });
    assert_eq!(lines[0]["context"]["error"], "cannot start: no such file");
}

#[test]
fn a_text_line_is_for_people() {
    let text = logged(LevelFilter::INFO, Format::Text, || {
        warn!(target: "simply_mcp::transport", port = 8000, why = "too late", "Not\x1b[1m ready");
    });
    assert_eq!(
        &text["2026-11-24 12:03:04.567".len()..],
        " WARN  transport:   Not\\u{1b}[1m ready port=8000 why=\"too late\"\n"
    );
    let text = logged(LevelFilter::INFO, Format::ColouredText, || info!("hello"));
    assert!(text.contains("\x1b[32mINFO \x1b[0m"), "{text:?}");
}

#[test]
fn a_level_is_kept() {
    let text = logged(LevelFilter::INFO, Format::Text, || {
        debug!("below");
        info!("at");
        error!("above");
    });
    assert_eq!(text.lines().count(), 2);
    assert_eq!(logged(LevelFilter::OFF, Format::Text, || error!("off")), "");
}

#[test]
fn what_rmcp_says_never_carries_what_it_handles() {
    for format in [Format::Json, Format::Text] {
        let text = logged(LevelFilter::TRACE, format, || {
            trace!(target: "rmcp::service", message = ?"canary");
            debug!(target: "rmcp::service", request = ?"canary", "received request");
            info!(target: "rmcp::service", notification = ?"canary", "received notification");
            warn!(target: "rmcp", error = ?"canary", "response error");
            error!(target: "rmcp::transport", "Failed to serve session: canary");
        });
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(
            text.lines().count(),
            1,
            "its errors are worth knowing of: {text}"
        );
        let text = logged(
            LevelFilter::TRACE,
            format,
            || debug!(target: "rmcpx", "another crate"),
        );
        assert_eq!(text.lines().count(), 1);
    }
}

#[tokio::test]
async fn a_call_through_rmcp_at_trace_leaves_no_argument_in_the_log() {
    let lines = captured(|| async {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let server = async {
            let running = rmcp::ServiceExt::serve(Echo, far).await.unwrap();
            let _ = running.waiting().await;
        };
        let client = async move {
            let client = rmcp::ServiceExt::serve((), near).await.unwrap();
            let mut params = rmcp::model::CallToolRequestParams::new("echo");
            params.arguments = serde_json::json!({"secret": "canary"}).as_object().cloned();
            let _ = client.call_tool(params).await;
            client.cancel().await.unwrap();
        };
        tokio::join!(server, client);
        info!("after");
    })
    .await;
    assert!(lines.iter().any(|line| line["message"] == "after"));
    assert!(!serde_json::to_string(&lines).unwrap().contains("canary"));
}

struct Echo;

impl rmcp::ServerHandler for Echo {}

#[test]
fn http_and_tls_libraries_are_heard_from_warn_on() {
    let text = logged(LevelFilter::TRACE, Format::Json, || {
        for_each_library();
        info!(target: "hyperactive", "not one of them");
    });
    assert_eq!(text.lines().count(), 2, "{text}");
}

fn for_each_library() {
    debug!(target: "h2::codec", frame = "authorization: Bearer canary");
    trace!(target: "hyper::proto::h1", "canary");
    trace!(target: "jsonschema", "canary");
    trace!(target: "axum::rejection", body = "canary");
    debug!(target: "reqwest::connect", "canary");
    warn!(target: "hyper", "heard");
}

#[test]
fn a_writer_that_fails_harms_nobody() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::BrokenPipe))
        }
    }
    let full = Dispatch::new(registry().with(layer(LevelFilter::TRACE, Format::Json, || Full)));
    tracing::dispatcher::with_default(&full, || info!("lost"));
}

#[test]
fn a_field_without_end_is_cut() {
    let lines = json(|| info!(huge = "é".repeat(1_000_000), "line"));
    let huge = lines[0]["context"]["huge"].as_str().unwrap();
    assert!(huge.len() < 20_000 && huge.ends_with('…'));
}

#[test]
fn lines_of_many_threads_do_not_mix() {
    let (dispatch, memory) = subscriber(LevelFilter::INFO, Format::Json);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let dispatch = dispatch.clone();
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    (0..200).for_each(|m| info!(n, m, "line"));
                });
            });
        }
    });
    let text = memory.text();
    assert_eq!(text.lines().count(), 1_600);
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok())
    );
}

#[test]
fn a_duration_is_easy_to_read_in_text_and_a_number_of_seconds_in_json() {
    let text = |seconds: f64| {
        logged(LevelFilter::INFO, Format::Text, || {
            info!(duration = seconds, "line");
        })
    };
    assert!(text(0.000_42).ends_with("duration=420us\n"));
    assert!(text(0.052_34).ends_with("duration=52.3ms\n"));
    assert!(text(75.5).ends_with("duration=75.50s\n"));
    assert_eq!(
        json(|| info!(duration = 0.5, "line"))[0]["context"]["duration"],
        0.5
    );
}

#[test]
fn without_structure_the_facts_stand_in_the_message() {
    let memory = Memory::default();
    let writer = memory.clone();
    let style = Format::Json.unstructured();
    let lines = layer(LevelFilter::INFO, style, move || writer.clone());
    tracing::dispatcher::with_default(&Dispatch::new(registry().with(lines)), || {
        info!(
            correlation_id = "id-1",
            path = "/a\nb",
            status = 200,
            why = "too late",
            "Done"
        );
    });
    let line: Value = serde_json::from_str(&memory.text()).unwrap();
    assert_eq!(line["context"], serde_json::json!({}));
    assert_eq!(
        line["message"],
        "Done path=\"/a\\nb\" status=200 why=\"too late\""
    );
    assert_eq!(line["correlation_id"], "id-1");
}

#[test]
fn a_level_changes_while_the_program_runs() {
    let memory = Memory::default();
    let writer = memory.clone();
    let level = Level::new(LevelFilter::INFO);
    let lines = layer(level.clone(), Format::Text, move || writer.clone());
    tracing::dispatcher::with_default(&Dispatch::new(registry().with(lines)), || {
        for (set, heard) in [
            (LevelFilter::INFO, 1),
            (LevelFilter::DEBUG, 2),
            (LevelFilter::OFF, 0),
            (LevelFilter::INFO, 1),
        ] {
            level.set(set);
            assert_eq!(level.current(), set);
            let before = memory.text().lines().count();
            debug!("fine");
            info!("coarse");
            assert_eq!(memory.text().lines().count() - before, heard, "{set}");
        }
    });
}
