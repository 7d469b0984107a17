//! Who is heard, from which level on.

use tracing::{Level as Importance, Metadata, subscriber::Interest};
use tracing_subscriber::{
    filter::LevelFilter,
    layer::{Context, Filter},
};

use super::Level;

/// Libraries below this one. At `DEBUG` and `TRACE` they log headers, frames, buffers and rejected
/// bodies, which hold keys and arguments.
const HEARD_FROM_WARN: [&str; 20] = [
    "axum",
    "axum_core",
    "h2",
    "hyper",
    "hyper_util",
    "jsonschema",
    "mio",
    "opentelemetry",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "process_wrap",
    "referencing",
    "reqwest",
    "rustls",
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "tower",
    "tower_http",
];

/// Heard at `ERROR`, and without its text: see [`is_rmcp`].
const RMCP: &str = "rmcp";

/// Passes what is at least as important as a level that may change.
pub(super) struct UpTo(pub(super) Level);

impl UpTo {
    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        // Spans are never written, but say which request an event belongs to.
        *metadata.level() <= self.0.current() && (metadata.is_span() || is_heard(metadata))
    }
}

impl<S> Filter<S> for UpTo {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    // Asked once for each place that logs, and again when the level changes.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.passes(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.current())
    }
}

/// Whether an event comes from rmcp, whose text is withheld.
pub(super) fn is_rmcp(metadata: &Metadata<'_>) -> bool {
    is_crate(metadata, RMCP)
}

fn is_heard(metadata: &Metadata<'_>) -> bool {
    if is_rmcp(metadata) {
        return *metadata.level() == Importance::ERROR;
    }
    *metadata.level() <= Importance::WARN
        || !HEARD_FROM_WARN.iter().any(|name| is_crate(metadata, name))
}

/// Whether the event comes from the crate `name`, by its target or by the module it stands in:
/// a target can be chosen freely (`axum::rejection`), the module cannot.
fn is_crate(metadata: &Metadata<'_>, name: &str) -> bool {
    let belongs = |path: &str| {
        path.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    belongs(metadata.target()) || metadata.module_path().is_some_and(belongs)
}
