//! Lines from a stream that may send anything, read without ever holding more than a limit.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// What becomes of a line that is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlong {
    /// Its beginning is kept.
    Cut,
    /// It is dropped, and reported as [`Line::Dropped`].
    Drop,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// A line was longer than the limit; of its bytes only the first and the last few are left.
    Dropped {
        length: usize,
        head: &'a [u8],
        tail: &'a [u8],
    },
}

/// Reads lines of bounded length.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    stream: BufReader<R>,
    line: Vec<u8>,
    tail: Vec<u8>,
    limit: usize,
    overlong: Overlong,
}

/// A long line's buffer is given back once the line was handled: one big answer must not pin its memory for ever.
const KEPT_CAPACITY: usize = 256 * 1024;
/// So much of each end of a dropped line is kept: enough for the id of the message that it was.
const KEPT_ENDS: usize = 128;

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(stream: R, limit: usize, overlong: Overlong) -> Self {
        Self {
            stream: BufReader::with_capacity(32 * 1024, stream),
            line: Vec::new(),
            tail: Vec::new(),
            limit,
            overlong,
        }
    }

    /// The next line; `None` at the end of the stream. Not cancel safe.
    pub(super) async fn next(&mut self) -> std::io::Result<Option<Line<'_>>> {
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
        self.tail.clear();
        let mut length = 0_usize;
        loop {
            let available = self.stream.fill_buf().await?;
            if available.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            length += part.len();
            let room = self.limit.saturating_sub(self.line.len());
            if length <= self.limit || self.overlong == Overlong::Cut {
                self.line.extend_from_slice(&part[..part.len().min(room)]);
            } else {
                self.line
                    .extend_from_slice(&part[..part.len().min(KEPT_ENDS)]);
                self.line.truncate(KEPT_ENDS);
                self.line.shrink_to(KEPT_CAPACITY);
                self.tail
                    .extend_from_slice(&part[part.len().saturating_sub(KEPT_ENDS)..]);
                self.tail.drain(..self.tail.len().saturating_sub(KEPT_ENDS));
            }
            let consumed = part.len() + usize::from(end.is_some());
            self.stream.consume(consumed);
            if end.is_some() {
                break;
            }
        }
        if length > self.limit && self.overlong == Overlong::Drop {
            return Ok(Some(Line::Dropped {
                length,
                head: &self.line,
                tail: &self.tail,
            }));
        }
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        Ok(Some(Line::Whole(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &[u8], limit: usize, overlong: Overlong) -> Vec<String> {
        let mut reader = LineReader::new(input, limit, overlong);
        let mut found = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            found.push(match line {
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::Dropped { length, head, tail } => format!(
                    "dropped {length} from {} to {}",
                    char::from(head[0]),
                    char::from(tail[tail.len() - 1])
                ),
            });
        }
        found
    }

    #[tokio::test]
    async fn lines_end_at_a_newline_with_or_without_a_carriage_return() {
        assert_eq!(
            lines(b"a\r\nb\n\nc", 10, Overlong::Drop).await,
            ["a", "b", "", "c"]
        );
    }

    #[tokio::test]
    async fn an_overlong_line_is_dropped_or_cut_and_the_next_one_is_whole() {
        let input = [b"a", b"x".repeat(99_998).as_slice(), b"z\nok\n"].concat();
        assert_eq!(
            lines(&input, 10, Overlong::Drop).await,
            ["dropped 100000 from a to z", "ok"]
        );
        assert_eq!(lines(&input, 3, Overlong::Cut).await, ["axx", "ok"]);
    }
}
