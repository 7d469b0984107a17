//! The watch over one request: it begins when the request arrives, and tells what it saw when it is dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::body::Body;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Body as _;

use super::{
    Shared,
    bodies::{Received, Sent, peeked},
    line::{Head, Line},
};
use crate::{
    body,
    facts::{Caller, RefusedCaller, Route},
    logs,
    metrics::Place,
    refusal::Refusal,
};

/// What stands for an answer that nobody waited for.
pub(super) const CLIENT_CLOSED: u16 = 499;

/// What is seen of one request. However it ends, it is told of once: when this is dropped.
pub(super) struct Watch {
    observers: Arc<Shared>,
    started: Instant,
    place: Option<Place>,
    line: Option<Box<Line>>,
    received: Count,
    is_head: bool,
    is_answered: bool,
    /// Bytes of the answer's body.
    pub(super) sent: u64,
    /// Whether the answer's body has come to its end.
    pub(super) is_complete: bool,
}

/// How many bytes the request's body has.
enum Count {
    Known(u64),
    Running(Arc<AtomicU64>),
}

impl Watch {
    /// Begins with a request that has just arrived.
    pub(super) fn begin(
        observers: &Arc<Shared>,
        logs: bool,
        request: Request<Body>,
    ) -> (Self, Request<Body>) {
        let started = Instant::now();
        let (received, mut request) = count(request);
        let series = observers.to.series.as_ref();
        let watch = Self {
            observers: Arc::clone(observers),
            started,
            place: series.map(|series| {
                let route = request.extensions().get::<Route>().copied();
                series.arrived(route.unwrap_or(Route::Unmatched), request.method())
            }),
            line: logs.then(|| Box::new(Line::of(&mut request))),
            received,
            is_head: *request.method() == Method::HEAD,
            is_answered: false,
            sent: 0,
            is_complete: false,
        };
        (watch, request)
    }

    /// Notes the answer, and hands it on.
    pub(super) fn answered(mut self, response: Response<Body>) -> Response<Body> {
        self.count_answer(response.status());
        self.count_refusal(&response);
        if let Some(line) = &mut self.line {
            line.head = Some(Head::of(&response));
        }
        if self.is_head {
            self.is_complete = true;
            return response;
        }
        let Some(length) = response.body().size_hint().exact() else {
            return response.map(|body| Body::new(Sent { body, watch: self }));
        };
        self.sent = length;
        self.is_complete = true;
        self.look_into(response)
    }

    fn look_into(&mut self, response: Response<Body>) -> Response<Body> {
        let shows = self.observers.to.log_responses && is_text(response.headers());
        let Some(line) = self.line.as_mut().filter(|_| shows) else {
            return response;
        };
        let (head, body) = response.into_parts();
        let (whole, body) = peeked(body);
        line.shown = whole.map(|whole| logs::excerpt(&whole));
        Response::from_parts(head, body)
    }

    fn count_answer(&mut self, status: StatusCode) {
        self.is_answered = true;
        if let (Some(series), Some(place)) = (&self.observers.to.series, self.place) {
            series.answered(place, status, self.started.elapsed());
        }
    }

    fn count_refusal(&self, response: &Response<Body>) {
        const NOBODY: &Caller = &Caller::nobody();
        let extensions = response.extensions();
        if let (Some(series), Some(refusal)) =
            (&self.observers.to.series, extensions.get::<Refusal>())
        {
            let caller = extensions.get::<RefusedCaller>();
            let caller = caller.map_or(NOBODY, |caller| &caller.0);
            series.refused(caller, refusal.code.as_str());
        }
    }

    /// Why there was no end, if there was none.
    fn broke_off(&self) -> Option<&'static str> {
        if self.is_complete {
            None
        } else if self.observers.to.over.is_cancelled() {
            Some("server stopped")
        } else {
            Some("client closed")
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let status = StatusCode::from_u16(CLIENT_CLOSED).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        if !self.is_answered {
            self.count_answer(status);
        }
        let received = match &self.received {
            Count::Known(bytes) => *bytes,
            Count::Running(bytes) => bytes.load(Ordering::Relaxed),
        };
        if let (Some(series), Some(place)) = (&self.observers.to.series, self.place) {
            series.ended(place, received, self.sent);
        }
        let broke_off = self.broke_off();
        if let Some(mut line) = self.line.take() {
            let head = line.head.take();
            let mut head = head.unwrap_or_else(|| Head::without_answer(status));
            head.reason = head.reason.or(broke_off);
            line.write(
                &head,
                self.started.elapsed(),
                [received, self.sent],
                &self.observers.floods,
            );
        }
    }
}

/// Counts the body: by what it says of itself, else while it is read. What declares more than is ever read is refused
/// unread.
fn count(request: Request<Body>) -> (Count, Request<Body>) {
    if let Some(length) = request.body().size_hint().exact() {
        let is_read = length <= body::LARGEST as u64;
        return (Count::Known(if is_read { length } else { 0 }), request);
    }
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    let request = request.map(|body| {
        Body::new(Received {
            body,
            bytes: counted,
        })
    });
    (Count::Running(bytes), request)
}

fn is_text(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json") || kind.starts_with(b"text/plain")
    })
}
