//! An OTLP collector: takes spans over HTTP, or does whatever else a collector can do.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a collector answers.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    Takes,
    Answers(String),
    Hangs,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    service: String,
    deliveries: usize,
    heads: String,
}

#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) endpoint: String,
    received: Arc<(Mutex<Received>, Condvar)>,
}

impl Collector {
    pub(crate) fn new(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            received: Arc::default(),
        };
        let collects = collector.clone();
        thread::spawn(move || {
            let mut hung = Vec::new();
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if matches!(mood, Mood::Hangs) {
                    collects.note("", None);
                    hung.push(stream);
                } else {
                    collects.serve(stream, &mood);
                }
            }
        });
        collector
    }

    fn serve(&self, stream: TcpStream, mood: &Mood) {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap() == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let answer = match mood {
            Mood::Answers(answer) => answer.clone(),
            _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        let taken =
            matches!(mood, Mood::Takes).then(|| ExportTraceServiceRequest::decode(&*body).unwrap());
        self.note(&head, taken);
        // Whoever sends may have gone.
        let _ = reader.get_mut().write_all(answer.as_bytes());
    }

    fn note(&self, head: &str, taken: Option<ExportTraceServiceRequest>) {
        let mut received = self.received.0.lock().unwrap();
        received.deliveries += 1;
        received.heads.push_str(head);
        for group in taken.into_iter().flat_map(|taken| taken.resource_spans) {
            let attributes = group.resource.unwrap().attributes;
            received.service = text(&attributes, "service.name").unwrap();
            let spans = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
            received.spans.extend(spans);
        }
        self.received.1.notify_all();
    }

    /// Waits until `holds`, and returns all spans so far.
    fn until(&self, what: &str, holds: impl Fn(&Received) -> bool) -> Vec<Span> {
        let received = self.received.0.lock().unwrap();
        let (received, late) = (self.received.1)
            .wait_timeout_while(received, PATIENCE, |received| !holds(received))
            .unwrap();
        let names: Vec<_> = received.spans.iter().map(|span| &span.name).collect();
        assert!(!late.timed_out(), "no {what}; there are {names:?}");
        received.spans.clone()
    }

    /// Waits for so many spans.
    pub(crate) fn spans(&self, count: usize) -> Vec<Span> {
        let spans = self.until(&format!("{count} spans"), |it| it.spans.len() >= count);
        let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
        assert_eq!(spans.len(), count, "{names:?}");
        spans
    }

    /// Waits until so many spans of that name have ended, and with them all that stand below them.
    pub(crate) fn ended(&self, name: &str, count: usize) -> Vec<Span> {
        let ended = |it: &Received| it.spans.iter().filter(|span| span.name == name).count();
        self.until(name, |received| ended(received) >= count)
    }

    /// Waits for so many attempts to deliver something.
    pub(crate) fn deliveries(&self, count: usize) {
        self.until("delivery", |received| received.deliveries >= count);
    }

    /// How often something was sent so far.
    pub(crate) fn attempts(&self) -> usize {
        self.received.0.lock().unwrap().deliveries
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> String {
        self.received.0.lock().unwrap().heads.clone()
    }

    /// The name of the service that sent the last spans.
    pub(crate) fn service(&self) -> String {
        self.received.0.lock().unwrap().service.clone()
    }
}

/// What is asked of a span.
pub(crate) trait Asked {
    fn text(&self, name: &str) -> Option<String>;
    fn id(&self) -> String;
    fn parent(&self) -> String;
    fn trace(&self) -> String;
}

impl Asked for Span {
    fn text(&self, name: &str) -> Option<String> {
        text(&self.attributes, name)
    }

    fn id(&self) -> String {
        hexadecimal(&self.span_id)
    }

    fn parent(&self) -> String {
        hexadecimal(&self.parent_span_id)
    }

    fn trace(&self) -> String {
        hexadecimal(&self.trace_id)
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == name)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}
