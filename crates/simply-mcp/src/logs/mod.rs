//! Log lines: one event, one line, whatever is in it.
//!
//! The library installs nothing. A program installs the layer once:
//!
//! ```
//! use simply_mcp::logs::{self, Format};
//! use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};
//!
//! tracing_subscriber::registry()
//!     .with(logs::layer(LevelFilter::INFO, Format::Json, std::io::stderr))
//!     .init();
//! ```
//!
//! Lines go to a file, off the threads that serve, with a level that can be changed:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use simply_mcp::logs::{self, Format, Level, LogFile, LogWriter, Style};
//! use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};
//!
//! # fn main() -> Result<(), simply_mcp::logs::LogFileError> {
//! let level = Level::new(LevelFilter::INFO);
//! let style = Style::from(Format::Json);
//! let file = LogWriter::file(LogFile::at("/var/log/mcp/server.log"), style.losses())?;
//! tracing_subscriber::registry()
//!     .with(logs::layer(level.clone(), style, file.clone()))
//!     .init();
//! // Whenever it is wanted, as on SIGHUP:
//! level.set(LevelFilter::DEBUG);
//! file.reopen();
//! // At the end of the program:
//! file.flush(Duration::from_secs(2));
//! # Ok(())
//! # }
//! ```
//!
//! In `json` the fields of a line are, in this order: `timestamp` (RFC 3339, milliseconds, UTC),
//! `level`, `logger` (the event's target), `message`, `correlation_id` (of the event, else of the
//! innermost span that has one, else `null`) and `context` (every other field of the event).
//!
//! What the libraries below say is capped, because some of them log whole requests and results:
//! see [`layer`].

mod allowance;
mod check;
mod escape;
mod excerpt;
mod filter;
mod json;
mod level;
mod record;
mod style;
mod text;
mod writer;

use std::{cell::RefCell, fmt, io::Write as _};

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

pub(crate) use self::escape::is_dangerous;
pub(crate) use self::record::path;
use self::record::{CorrelationOfSpan, Line, SpanVisitor};
pub use self::{
    allowance::Allowance,
    check::check,
    level::Level,
    style::{Format, Style},
    writer::{LineWriter, LogFile, LogFileError, LogWriter, Losses},
};
pub(crate) use self::{
    allowance::{LINES_PER_SECOND, bounded, suppressed},
    excerpt::excerpt,
};

/// Bytes of a line's buffer that a thread keeps for its next line.
const KEPT_BUFFER: usize = 16 * 1024;

/// Returns the layer that writes each event of at least `level` to `writer`, as one line in one
/// call of `write_all`.
///
/// A writer that fails loses its line and nothing else. A writer that blocks holds the thread that
/// logs; a [`LogWriter`] never does.
///
/// Whatever the level, HTTP and TLS libraries are heard from `WARN` on. Of `rmcp` only errors are,
/// and those without their text: at every level its events may carry arguments, results and session
/// identifiers (`?request`, `?result`, `?notification`, `ServerInitializeError`), which never
/// reach a log; and no more than twenty of them a second, as a client can cause them. A result that
/// is worth logging is logged by this library.
pub fn layer<S, W>(
    level: impl Into<Level>,
    style: impl Into<Style>,
    writer: W,
) -> impl Layer<S> + Send + Sync + 'static
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let style = style.into();
    Lines { style, writer }.with_filter(filter::UpTo(level.into()))
}

struct Lines<W> {
    style: Style,
    writer: W,
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(found) = SpanVisitor::correlation(|visitor| attributes.record(visitor))
        {
            span.extensions_mut().replace(CorrelationOfSpan(found));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(found) = SpanVisitor::correlation(|visitor| values.record(visitor))
        {
            span.extensions_mut().replace(CorrelationOfSpan(found));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        static OF_RMCP: Allowance = Allowance::new(LINES_PER_SECOND);
        if filter::is_rmcp(event.metadata()) && OF_RMCP.take().is_none() {
            return;
        }
        let mut line = Line::of(event);
        if line.correlation_id.is_none() {
            line.correlation_id = correlation_of_span(event, &context);
        }
        with_buffer(|buffer| {
            if self.style.write(buffer, line).is_ok() {
                // There is nobody left to tell that the log cannot be written.
                let mut writer = self.writer.make_writer_for(event.metadata());
                let _ = writer.write_all(buffer.as_bytes());
            }
        });
    }
}

impl<W> fmt::Debug for Lines<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lines")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

fn correlation_of_span<S>(event: &Event<'_>, context: &Context<'_, S>) -> Option<String>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    context.event_scope(event)?.find_map(|span| {
        let extensions = span.extensions();
        extensions
            .get::<CorrelationOfSpan>()
            .map(|found| found.0.clone())
    })
}

fn with_buffer(write: impl FnOnce(&mut String)) {
    thread_local! {
        static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
    }
    let reused =
        BUFFER.try_with(|buffer| buffer.try_borrow_mut().map(|mut b| std::mem::take(&mut *b)));
    let mut buffer = match reused {
        Ok(Ok(buffer)) => buffer,
        _ => String::new(),
    };
    buffer.clear();
    write(&mut buffer);
    if buffer.capacity() <= KEPT_BUFFER {
        let _ = BUFFER.try_with(|kept| kept.try_borrow_mut().map(|mut kept| *kept = buffer));
    }
}

#[cfg(test)]
pub(crate) mod tests;
