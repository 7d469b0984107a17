//! The child's stderr: into our log line by line, made harmless, never faster than a log can bear.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use simply_mcp::logs::Allowance;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use super::lines::{Line, LineReader, Overlong};

/// A longer line is cut: a log is no place for a dump.
const LINE_LIMIT: usize = 4096;
/// Lines a second that reach the log; the rest is counted.
const LINES_PER_SECOND: u32 = 50;
/// A child that is silent for so long has ended its flood.
const PAUSE: Duration = Duration::from_secs(1);
/// Last lines that are kept for the message that says why a child could not start.
const TAIL_LINES: usize = 10;

/// The last lines that a child wrote.
#[derive(Debug, Clone, Default)]
pub(super) struct StderrTail {
    lines: Arc<Mutex<VecDeque<String>>>,
    ended: CancellationToken,
}

impl StderrTail {
    /// The last lines, oldest first, after the stream ended or `patience` is over.
    pub(super) async fn at_the_end(&self, patience: Duration) -> Vec<String> {
        let _ = tokio::time::timeout(patience, self.ended.cancelled()).await;
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Reads the stream until it ends. It always reads, so a flood never stalls the child.
pub(super) fn capture(stream: impl AsyncRead + Unpin + Send + 'static) -> StderrTail {
    let tail = StderrTail::default();
    let writer = tail.clone();
    tokio::spawn(async move {
        let _ended = writer.ended.clone().drop_guard();
        let mut reader = LineReader::new(stream, LINE_LIMIT, Overlong::Cut);
        let allowance = Allowance::new(LINES_PER_SECOND);
        let mut untold = false;
        loop {
            let next = or_after_a_pause(reader.next(), || {
                if std::mem::take(&mut untold) {
                    tell(allowance.take_untold());
                }
            });
            let Ok(Some(Line::Whole(line))) = next.await else {
                break;
            };
            if line.is_empty() {
                continue;
            }
            let Some(suppressed) = allowance.take() else {
                untold = true;
                continue;
            };
            untold = false;
            tell(suppressed);
            let line = harmless(&String::from_utf8_lossy(line));
            tracing::info!(target: "simply_mcp::child", "{line}");
            writer.push(line);
        }
        tell(allowance.take_untold());
    });
    tail
}

/// Waits for `next`; calls `paused` when that takes longer than the allowance's second, so that what was left out is
/// told also where the child says no more.
async fn or_after_a_pause<T>(next: impl Future<Output = T>, paused: impl FnOnce()) -> T {
    let mut next = std::pin::pin!(next);
    match tokio::time::timeout(PAUSE, next.as_mut()).await {
        Ok(line) => line,
        Err(_) => {
            paused();
            next.await
        }
    }
}

fn tell(suppressed: u64) {
    if suppressed > 0 {
        tracing::warn!(target: "simply_mcp::child", suppressed, "the child wrote too many lines to stderr");
    }
}

/// Control characters and those that change the direction of writing, escaped: a log line is one line.
pub(super) fn harmless(text: &str) -> String {
    let is_dangerous = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\t' {
            safe.push(' ');
        } else if is_dangerous(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_06_a_line_cannot_forge_another_or_paint_the_terminal() {
        assert_eq!(
            harmless("a\tb\r\x1b[31m\u{202e}é"),
            "a b\\u{d}\\u{1b}[31m\\u{202e}é"
        );
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let tail = capture(&b"one\n\ntwo\n"[..]);
        assert_eq!(
            tail.at_the_end(Duration::from_secs(1)).await,
            ["one", "two"]
        );
    }
}
