//! Where log lines go: standard error, a file, or both, each behind a queue of its own.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use anyhow::Context as _;
use simply_mcp::{
    HttpTransport,
    config::{LogFormat, LogLevel, Logging},
    logs::{self, Format, Level, LogFile, LogWriter, Style},
    rmcp::ServerHandler,
};
use tracing_subscriber::{
    Layer, Registry, fmt::writer::MakeWriterExt as _, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The longest wait at the end for lines that nobody takes.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// The logs of this program. When it is dropped, which also a panic does, what is queued is written.
#[derive(Debug)]
pub(super) struct Logs(Handles);

/// What changes the logs while the program runs.
#[derive(Clone, Debug)]
pub(super) struct Handles {
    level: Level,
    console: Option<LogWriter>,
    file: Option<LogWriter>,
}

impl Logs {
    /// Installs them for the whole process, once.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    pub(super) fn install(logging: &Logging) -> anyhow::Result<Self> {
        let is_terminal = io::stderr().is_terminal();
        let console_style = style(logging, is_terminal && !has_no_color());
        let file_style = style(logging, false);
        let console = logging
            .enable_console
            .then(|| LogWriter::stderr(console_style.losses()))
            .transpose()
            .context("standard error cannot be logged to")?;
        let file = LogFile::of(logging)
            .map(|file| LogWriter::file(file, file_style.losses()))
            .transpose()
            .context("logging.file")?;
        let handles = Handles {
            level: Level::new(logging.level.into()),
            console,
            file,
        };
        // It fails only where something was installed before, and nothing was.
        let layers = handles.layers(console_style, file_style);
        let _ = tracing_subscriber::registry().with(layers).try_init();
        hook_panics();
        Ok(Self(handles))
    }

    pub(super) fn handles(&self) -> &Handles {
        &self.0
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        for writer in self.0.writers() {
            writer.flush(LAST_WAIT);
        }
    }
}

impl Handles {
    /// The metrics of the logs.
    pub(super) fn count<H: ServerHandler>(&self, server: HttpTransport<H>) -> HttpTransport<H> {
        let handles = self.clone();
        server.with_counter(
            "simply_mcp_log_lines_dropped_total",
            "Log lines that were lost, because they came faster than they could be written or could not be written.",
            move || handles.writers().map(LogWriter::dropped).sum(),
        )
    }

    /// From now on only lines at least this important are written.
    pub(super) fn set_level(&self, level: LogLevel) {
        self.level.set(level.into());
    }

    /// Opens the file again.
    pub(super) fn reopen(&self) {
        self.writers().for_each(LogWriter::reopen);
    }

    fn writers(&self) -> impl Iterator<Item = &LogWriter> {
        self.console.iter().chain(&self.file)
    }

    /// One layer for each look that a line has.
    fn layers(
        &self,
        console_style: Style,
        file_style: Style,
    ) -> Vec<Box<dyn Layer<Registry> + Send + Sync>> {
        let level = || self.level.clone();
        match (self.console.clone(), self.file.clone()) {
            (Some(console), Some(file)) if console_style == file_style => {
                vec![logs::layer(level(), file_style, console.and(file)).boxed()]
            }
            (console, file) => {
                let console = console.map(|it| logs::layer(level(), console_style, it).boxed());
                let file = file.map(|it| logs::layer(level(), file_style, it).boxed());
                console.into_iter().chain(file).collect()
            }
        }
    }
}

fn style(logging: &Logging, colours: bool) -> Style {
    let format = match logging.format {
        LogFormat::Json => Format::Json,
        LogFormat::Text if colours => Format::ColouredText,
        LogFormat::Text => Format::Text,
    };
    if logging.structured {
        format.into()
    } else {
        format.unstructured()
    }
}

/// Whether the person at the terminal wants no colours (<https://no-color.org>).
#[expect(
    clippy::disallowed_methods,
    reason = "it is a custom of terminals and no setting of ours"
)]
fn has_no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Lines a second that name the place of a panic. Whoever calls a tool that panics can cause them.
const PANICS_PER_SECOND: u32 = 20;

/// Rust's own hook prints what a panic says, which may be a client's secret, and over several lines. What caught the
/// panic logs it; a place nobody caught it at is named here.
fn hook_panics() {
    std::panic::set_hook(Box::new(|panic| {
        static LINES: logs::Allowance = logs::Allowance::new(PANICS_PER_SECOND);
        if let Some(suppressed) = LINES.take() {
            let location = panic.location().map(ToString::to_string);
            let suppressed = (suppressed > 0).then_some(suppressed);
            tracing::error!(location, suppressed, "Something panicked");
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_for_a_terminal_has_colours() {
        let mut logging = Logging::default();
        assert_eq!(style(&logging, true), Format::Json.into());
        logging.format = LogFormat::Text;
        assert_eq!(style(&logging, true), Format::ColouredText.into());
        assert_eq!(style(&logging, false), Format::Text.into());
        logging.structured = false;
        assert_eq!(style(&logging, false), Format::Text.unstructured());
    }
}
