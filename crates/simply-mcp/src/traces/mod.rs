//! Traces: what a request did, and how long each part of it took, told to an OpenTelemetry collector
//! (`monitoring.tracing_enabled`).
//!
//! | span | kind | from | to | its parent |
//! | --- | --- | --- | --- | --- |
//! | [`RequestSpan`]: `POST /mcp` | server | the trace door | the head of the answer; a stream may last for days | `traceparent` of the request, else it begins a trace |
//! | [`AuthenticationSpan`] | internal | the authentication door | the decision | the request |
//! | [`ToolSpan`]: `tools/call {tool}` | server; internal by REST | the guard | the tool's answer | `_meta.traceparent` (SEP-414), with a link to the request; else the request |
//! | [`OutgoingCall`]: `tools/call {tool}` | client | a handler, such as the gateway | the answer of whom it asked | the tool call |
//!
//! Names and attributes are those of OpenTelemetry's conventions for HTTP and for MCP. Of arguments, results, queries,
//! headers and credentials nothing is told; a session's identifier, which is half a key, is told as a digest.
//!
//! The client decides by the `sampled` flag whether its trace is kept, as OpenTelemetry's default sampler has it
//! (`parentbased_always_on`). Who does not want clients to decide sets `OTEL_TRACES_SAMPLER=traceidratio`.
//!
//! Nothing global is installed, and no request ever waits: finished spans go into a bounded queue, from which a thread of
//! the SDK takes them; when it is full they are dropped. [`delivery`] says once when the collector does not take them.

mod attributes;
mod collector;
mod delivery;
mod outgoing;
mod request;
mod tool;

#[cfg(test)]
pub(crate) mod tests;

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Link, Span as _, SpanBuilder, SpanContext, SpanKind, TraceContextExt as _, TraceFlags,
        TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanExporter as Exports},
};

pub use self::outgoing::OutgoingCall;
use self::{collector::Collector, delivery::Delivery};
pub(crate) use self::{
    request::{AuthenticationSpan, RequestSpan},
    tool::ToolSpan,
};
use crate::{config::Telemetry, error::Error, trace_context::TraceContext};

/// How long the last spans may take to be delivered when the server ends.
const LAST_DELIVERY: Duration = Duration::from_secs(5);

/// The name of what makes the spans.
const SCOPE: &str = "simply-mcp";

/// Who the spans are of, where the standard variables do not say it.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) environment: String,
}

/// Where spans are begun. Clones share everything; when the last is dropped, what is still queued is delivered in the
/// background.
#[derive(Clone, Debug)]
pub(crate) struct Traces(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Travels forward in a request's extensions where there are traces.
#[derive(Clone, Debug)]
struct InTrace {
    traces: Traces,
    /// The [`TraceContext`] beside it is that of the tool call: nearer than what `_meta` says.
    within_call: bool,
}

impl Traces {
    /// Traces that are told as the standard variables say: endpoint, headers, sampler, queue. `None` where these turn
    /// them off.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for variables that say what cannot be done; [`Error::Traces`] where there is no client.
    pub(crate) fn of_process(service: &Service) -> Result<Option<Self>, Error> {
        let telemetry = Telemetry::of_process()?;
        if telemetry.is_off {
            return Ok(None);
        }
        let collector = Collector::new(telemetry.timeout).map_err(Error::Traces)?;
        let trouble = collector.trouble();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_timeout(telemetry.timeout)
            .build()
            .map_err(|error| Error::Traces(error.to_string()))?;
        Ok(Some(Self::told_to(
            Delivery::new(exporter, trouble),
            service,
        )))
    }

    fn told_to(exporter: impl Exports + 'static, service: &Service) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .build();
        let tracer = provider.tracer(SCOPE);
        Self(Arc::new(Inner { provider, tracer }))
    }

    /// Delivers what is still queued, within a few seconds; later spans are dropped.
    pub(crate) async fn end(&self) {
        let provider = self.0.provider.clone();
        let delivered =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_DELIVERY));
        // The time is up, or it was ended before; whoever is to know has been told.
        let _ = delivered.await;
    }

    fn start(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: Option<SpanContext>,
        link: Option<SpanContext>,
    ) -> Span {
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        if let Some(link) = link {
            builder = builder.with_links(vec![Link::with_context(link)]);
        }
        // Not the current context: whoever embeds the library may trace for itself.
        let mut context = Context::new();
        if let Some(parent) = parent {
            context = context.with_remote_span_context(parent);
        }
        self.0.tracer.build_with_context(builder, &context)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let provider = self.provider.clone();
        // The SDK would wait here for the delivery, and here may be a thread that serves.
        let ended = std::thread::Builder::new()
            .name("last-spans".to_owned())
            .spawn(move || drop(provider.shutdown_with_timeout(LAST_DELIVERY)));
        if let Err(error) = ended {
            tracing::debug!(%error, "the last spans are lost: no thread could be started");
        }
    }
}

/// What the variables say of the service, else what the server says of itself.
fn resource(service: &Service) -> Resource {
    let said = Resource::builder().build();
    let own = [
        ("service.name", &service.name),
        ("service.version", &service.version),
        ("deployment.environment.name", &service.environment),
    ];
    let missing = own.into_iter().filter(|(name, _)| {
        let value = said.iter().find(|(key, _)| key.as_str() == *name);
        value.is_none_or(|(_, value)| value.as_str().starts_with("unknown_service"))
    });
    Resource::builder()
        .with_attributes(missing.map(|(name, value)| KeyValue::new(name, value.clone())))
        .build()
}

fn to_sdk(context: &TraceContext, is_remote: bool) -> SpanContext {
    let state = context.tracestate().and_then(|state| state.parse().ok());
    SpanContext::new(
        context.trace().into(),
        context.parent().into(),
        TraceFlags::new(context.flags()),
        is_remote,
        state.unwrap_or(TraceState::NONE),
    )
}

fn of_sdk(span: &Span) -> TraceContext {
    let context = span.span_context();
    let state = context.trace_state();
    let state = (*state != TraceState::NONE).then(|| state.header().into());
    TraceContext::new(
        u128::from_be_bytes(context.trace_id().to_bytes()),
        u64::from_be_bytes(context.span_id().to_bytes()),
        context.trace_flags().to_u8(),
        state,
    )
}
