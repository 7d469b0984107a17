//! What is told of a call of a tool: the one place where a call begins and ends, whichever door it came through.
//!
//! The guard says when a call [arrives](Calls::arrive), which tool it turned out to mean, when that tool runs, and what
//! became of it. A call that is dropped without an end was cancelled. Who is told stands here: the series of `metrics`, the
//! record of `audit`, the span of `traces`.
//!
//! | | `http_tool_execution_total` | duration | running |
//! | --- | --- | --- | --- |
//! | a call that reached the guard | once | if its tool ran | while its tool runs |
//! | a call that a door refused | | | |
//!
//! Calls over standard input and output are told to nobody: [`Calls::default`].

mod outcome;
mod series;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::request::Parts;
use rmcp::{
    RoleServer,
    model::{ErrorCode, JsonObject},
    service::RequestContext,
};

pub(crate) use self::outcome::Outcome;
use self::series::{Running, Series, Table};
use crate::{
    audit::{Audit, Record},
    metrics::Metrics,
    refusal::Code,
    traces::ToolSpan,
};

/// What a span says that was begun for what turned out to be no call.
const UNREADABLE: &str = "unreadable";

/// Through which door a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `POST /tools/{name}`
    Rest,
    /// `tools/call`, in whichever version and however carried.
    Mcp,
}

impl Door {
    /// The word for it in records.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Mcp => "mcp",
        }
    }
}

/// Who is told of calls. Clones share everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Option<Arc<Listeners>>);

#[derive(Debug)]
struct Listeners {
    series: Table,
    audit: Option<Audit>,
}

impl Calls {
    /// Calls that are counted in `metrics`, and recorded in `audit` where there is such a record.
    pub(crate) fn new(metrics: &Metrics, audit: Option<Audit>) -> Self {
        let series = Table::new(metrics);
        Self(Some(Arc::new(Listeners { series, audit })))
    }

    /// A call has arrived, of which no more is known than what it says. `tool` is the name that the client sent.
    pub(crate) fn arrive(
        &self,
        door: Door,
        tool: &str,
        context: &mut RequestContext<RoleServer>,
    ) -> ToolCall {
        let span = self.0.as_ref().and_then(|_| ToolSpan::start(context));
        let audit = self.0.as_ref().and_then(|told| told.audit.as_ref());
        let record = audit.map(|_| {
            let parts = context.extensions.get::<Parts>();
            Box::new(Record::new(door.as_str(), tool, parts))
        });
        ToolCall {
            door,
            listeners: self.0.clone(),
            series: None,
            running: None,
            record,
            span: span.map(Box::new),
            arrived: Instant::now(),
        }
    }

    /// A door has refused a call because of the tool: it is recorded, and not counted.
    pub(crate) fn refused(&self, door: Door, tool: &str, parts: &Parts, code: Code) {
        if let Some(audit) = self.0.as_ref().and_then(|told| told.audit.as_ref()) {
            let record = Record::new(door.as_str(), tool, Some(parts));
            audit.write(&record, code.as_str(), Duration::ZERO);
        }
    }
}

/// One call of a tool, from its arrival to its end. Dropped before that, it was cancelled.
#[derive(Debug)]
#[must_use]
pub(crate) struct ToolCall {
    door: Door,
    /// `None` when nobody is told, or everybody has been.
    listeners: Option<Arc<Listeners>>,
    /// Those of the tool; `None` while it is not known that there is such a tool for the caller.
    series: Option<Arc<Series>>,
    running: Option<Running>,
    /// There where a record is kept.
    record: Option<Box<Record>>,
    /// There where the request is part of a trace that is told. Boxed, as it is large and seldom there.
    span: Option<Box<ToolSpan>>,
    arrived: Instant,
}

impl ToolCall {
    /// The door it came through.
    pub(crate) fn door(&self) -> Door {
        self.door
    }

    /// There is such a tool, and the caller may see it. `tool` is the name that the handler knows it by.
    pub(crate) fn found(&mut self, tool: &str, arguments: Option<&JsonObject>) {
        let Some(told) = &self.listeners else { return };
        self.series = Some(told.series.of(tool));
        if let (Some(audit), Some(record)) = (&told.audit, &mut self.record) {
            audit.note(record, tool, arguments);
        }
        if let Some(span) = &mut self.span {
            span.found(tool);
        }
    }

    /// From here on the tool runs, as far as the guard can see.
    pub(crate) fn runs(&mut self) {
        let Some(told) = &self.listeners else { return };
        let series = self.series.as_ref();
        let series = series.unwrap_or_else(|| told.series.unmatched());
        self.running = Some(Running::new(Arc::clone(series)));
    }

    /// The answer is an error of JSON-RPC.
    pub(crate) fn answered_with(&mut self, code: ErrorCode) {
        if let Some(span) = &mut self.span {
            span.answered_with(code);
        }
    }

    /// The call is over.
    pub(crate) fn ends(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    /// It was no call after all: what came with it could not be read.
    pub(crate) fn withdraw(mut self) {
        self.listeners = None;
        if let Some(span) = self.span.take() {
            span.end(Some(UNREADABLE));
        }
    }

    fn tell(&mut self, outcome: Outcome) {
        let Some(told) = self.listeners.take() else {
            return;
        };
        let (series, outcome) = match &self.series {
            Some(series) => (series, outcome),
            None => (told.series.unmatched(), outcome.of_no_tool()),
        };
        series.count(outcome);
        if let Some(running) = self.running.take()
            && outcome.is_of_a_tool_that_ran()
        {
            series.observe(running.elapsed());
        }
        if let (Some(audit), Some(record)) = (&told.audit, self.record.take()) {
            audit.write(&record, outcome.as_str(), self.arrived.elapsed());
        }
        if let Some(span) = self.span.take() {
            span.end((outcome != Outcome::Success).then_some(outcome.as_str()));
        }
    }
}

impl Drop for ToolCall {
    fn drop(&mut self) {
        self.tell(Outcome::Cancelled);
    }
}
