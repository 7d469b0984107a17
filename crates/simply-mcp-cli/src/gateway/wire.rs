//! The two pipes of a running child: what waits is written, what comes is sorted to whom it is for.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{NumberOrString, ProgressNotificationParam};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use simply_mcp::logs::Allowance;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::CallError;
use super::lines::{Line, LineReader, Overlong};
use super::link::{Link, Outgoing};
use super::stderr::harmless;

/// The longest message that is read from a child. The same as rmcp's own.
const LINE_LIMIT: usize = 16 * 1024 * 1024;
/// Complaints a second about what a child sends; a bad one must not fill the log.
const COMPLAINTS_PER_SECOND: u32 = 5;

/// Who hears what the child says of its own accord.
pub(super) trait Listener: Send + Sync + 'static {
    /// A notification that belongs to no request in particular. It must not wait.
    fn notification(&self, link: &Link, method: &str, params: Option<&RawValue>);
}

/// Writes what waits, until the child reads nothing for as long as `stall`, or `close` asks to close its stdin.
pub(super) fn write(
    link: Arc<Link>,
    mut outbox: mpsc::Receiver<Outgoing>,
    mut stdin: impl AsyncWrite + Unpin + Send + 'static,
    close: CancellationToken,
    stall: Duration,
) {
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                () = close.cancelled() => break,
                message = outbox.recv() => message,
            };
            let Some(message) = message else { break };
            if !link.is_worth_writing(&message) {
                continue;
            }
            let written = tokio::select! {
                () = close.cancelled() => break,
                written = tokio::time::timeout(stall, stdin.write_all(&message.bytes)) => written,
            };
            match written {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the child closed its input");
                    break;
                }
                Err(_) => {
                    tracing::error!(
                        "the child has not read its input for {} seconds",
                        stall.as_secs()
                    );
                    break;
                }
            }
        }
        // Stdin closes with the end of this task, which asks the child to end.
        link.break_off();
    });
}

/// Reads what the child says, until its stdout ends.
pub(super) fn read(
    link: Arc<Link>,
    stdout: impl AsyncRead + Unpin + Send + 'static,
    listener: Arc<dyn Listener>,
) {
    tokio::spawn(async move {
        let mut reader = LineReader::new(stdout, LINE_LIMIT, Overlong::Drop);
        let mut inbox = Inbox {
            link,
            listener,
            allowance: Allowance::new(COMPLAINTS_PER_SECOND),
        };
        loop {
            match reader.next().await {
                Ok(Some(Line::Whole(line))) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(Line::Whole(line))) => inbox.take(line),
                Ok(Some(Line::Dropped { length, head, tail })) => {
                    let id = id_at_an_end(head, tail);
                    inbox.overlong(length, id);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot read the child's output");
                    break;
                }
            }
        }
        inbox.link.break_off();
    });
}

/// A JSON-RPC message with its parts still unread.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

struct Inbox {
    link: Arc<Link>,
    listener: Arc<dyn Listener>,
    allowance: Allowance,
}

impl Inbox {
    fn take(&mut self, line: &[u8]) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        match serde_json::from_slice::<Envelope<'_>>(line) {
            Ok(envelope) => match (envelope.method.as_deref(), envelope.id) {
                (Some(method), Some(id)) => self.request(method, id),
                (Some("notifications/progress"), None) => self.progress(envelope.params),
                (Some(method), None) => {
                    self.listener
                        .notification(&self.link, method, envelope.params)
                }
                (None, _) => self.answer(&envelope),
            },
            Err(error) => self.unreadable(line, &error),
        }
    }

    /// Says so, and fails the request that it may have been the answer to.
    fn unreadable(&mut self, line: &[u8], error: &serde_json::Error) {
        let text = String::from_utf8_lossy(line);
        let id = serde_json::from_str::<Envelope<'_>>(&text)
            .ok()
            .filter(|envelope| envelope.method.is_none())
            .and_then(|envelope| own_id(envelope.id?.get()));
        if let Some(id) = id {
            let reply = Err(CallError::Malformed("it is not UTF-8".to_owned()));
            self.link.answer(id, reply);
        }
        // What looks like a message may hold what no log should; what does not is a print that went astray.
        let looks_like_a_message = matches!(line.trim_ascii_start().first(), Some(b'{' | b'['));
        let quoted = match looks_like_a_message {
            true => format!("{} bytes, wrong at {}", line.len(), error.column()),
            false => harmless(&text.chars().take(120).collect::<String>()),
        };
        self.complain(&format!("a line that is no JSON-RPC message: {quoted}"));
    }

    fn overlong(&mut self, length: usize, id: Option<i64>) {
        if let Some(id) = id {
            let reply = Err(CallError::Malformed(format!(
                "it has {length} bytes, more than the {LINE_LIMIT} that are read"
            )));
            self.link.answer(id, reply);
        }
        self.complain(&format!(
            "a message of {length} bytes, more than the {LINE_LIMIT} that are read"
        ));
    }

    fn answer(&mut self, envelope: &Envelope<'_>) {
        let id = envelope.id.and_then(|id| own_id(id.get()));
        let reply = match (envelope.result, envelope.error) {
            (Some(result), None) => Ok(result.to_owned()),
            (None, Some(error)) => Err(serde_json::from_str::<ErrorData>(error.get()).map_or_else(
                |_| CallError::Malformed("its error has no code or no message".to_owned()),
                CallError::Child,
            )),
            _ => Err(CallError::Malformed(
                "it needs either a result or an error".to_owned(),
            )),
        };
        let known = id.is_some_and(|id| self.link.answer(id, reply));
        if !known {
            let id = envelope.id.map_or("none", RawValue::get);
            let id = harmless(&id.chars().take(60).collect::<String>());
            // Usual after a cancellation; anything else is the child's mistake.
            self.complain(&format!("an answer that no request waits for (id {id})"));
        }
    }

    fn progress(&mut self, params: Option<&RawValue>) {
        let parsed =
            params.map(|params| serde_json::from_str::<ProgressNotificationParam>(params.get()));
        match parsed {
            Some(Ok(progress)) => match progress.progress_token.0 {
                NumberOrString::Number(token) => self.link.progress(token, progress),
                NumberOrString::String(_) => {
                    self.complain("progress with a token that it never got")
                }
            },
            _ => self.complain("progress that cannot be understood"),
        }
    }

    /// The child's own requests. Behind a gateway there is no one user whom it could ask.
    fn request(&mut self, method: &str, id: &RawValue) {
        let id: Value = serde_json::from_str(id.get()).unwrap_or(Value::Null);
        if method == "ping" {
            self.link
                .send(&json!({"jsonrpc": "2.0", "id": id, "result": {}}));
            return;
        }
        let method = harmless(&method.chars().take(60).collect::<String>());
        self.complain(&format!(
            "a request of its own ({method}), which is refused"
        ));
        self.link.send(&json!({"jsonrpc": "2.0", "id": id, "error": {
            "code": -32601,
            "message": format!(
                "{method} is not available: this gateway serves many clients through one process, so it cannot ask one of them"
            ),
        }}));
    }

    fn complain(&mut self, what: &str) {
        if let Some(suppressed) = self.allowance.take() {
            tracing::warn!(target: "simply_mcp::child", suppressed, "the child sent {what}");
        }
    }
}

/// The id of an answer that was too long to keep, where it stands where JSON-RPC libraries write it: right at the
/// beginning, or right at the end.
fn id_at_an_end(head: &[u8], tail: &[u8]) -> Option<i64> {
    let without_spaces = |bytes: &[u8]| -> String {
        let visible = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
        visible.map(|byte| char::from(*byte)).collect()
    };
    let digits = |text: &str| -> Option<i64> {
        let end = text.find(|character: char| !character.is_ascii_digit())?;
        text[..end].parse().ok()
    };
    let (head, tail) = (without_spaces(head), without_spaces(tail));
    const START: [&str; 2] = ["{\"jsonrpc\":\"2.0\",\"id\":", "{\"id\":"];
    let at_the_start = START
        .iter()
        .find_map(|start| digits(head.strip_prefix(start)?));
    at_the_start.or_else(|| {
        let (_, id) = tail.rsplit_once("\"jsonrpc\":\"2.0\",\"id\":")?;
        id.strip_suffix('}')?.parse().ok()
    })
}

/// Our ids are numbers; some servers give them back as text.
fn own_id(id: &str) -> Option<i64> {
    id.parse().ok().or_else(|| {
        let text: String = serde_json::from_str(id).ok()?;
        text.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_overlong_answer_is_found_at_its_beginning_or_its_end() {
        let head = br#"{"jsonrpc": "2.0", "id": 7, "result": {"content": ["#;
        assert_eq!(id_at_an_end(head, b"xxx"), Some(7));
        let tail = br#""}]},"jsonrpc":"2.0","id":8}"#;
        assert_eq!(id_at_an_end(br#"{"result":{"id":9,"#, tail), Some(8));
        assert_eq!(
            id_at_an_end(br#"{"result":{"id":9,"#, br#","id":9}}"#),
            None
        );
    }

    #[test]
    fn an_id_may_come_back_as_text() {
        assert_eq!(own_id("7"), Some(7));
        assert_eq!(own_id("\"7\""), Some(7));
        assert_eq!(own_id("null"), None);
        assert_eq!(own_id("7.5"), None);
    }
}
