//! The ids of events, with which a client takes a broken stream up again (`Last-Event-ID`).
//!
//! rmcp counts: `3/0` is the fourth event of a session's first stream. Another replica counts for itself, and would
//! replay another stream under the same id. So each session's life in a process has a mark of its own, which its ids
//! carry: `3/0@5f0c9a1b`.

use rmcp::transport::streamable_http_server::session::ServerSseMessage;
use uuid::Uuid;

/// What rmcp calls the hint that opens a standing stream: before its first event.
const BEFORE_THE_FIRST: &str = "0";

/// The mark of one session's life in this process.
#[derive(Clone, Debug)]
pub(super) struct Mark(Box<str>);

/// Where a client stopped to hear.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Position<'a> {
    /// At the beginning of the standing stream.
    Beginning,
    /// Behind this event, in rmcp's own counting.
    Behind(&'a str),
}

impl Mark {
    pub(super) fn new() -> Self {
        let random = Uuid::new_v4().simple().to_string();
        Self(random[..8].into())
    }

    /// The same event with the mark in its id.
    pub(super) fn mark(&self, mut event: ServerSseMessage) -> ServerSseMessage {
        event.event_id = event.event_id.map(|id| format!("{id}@{}", self.0));
        event
    }

    /// What a client's `Last-Event-ID` says; `None` where it is not one of ours.
    pub(super) fn read<'a>(&self, last_event_id: &'a str) -> Option<Position<'a>> {
        if last_event_id == BEFORE_THE_FIRST {
            return Some(Position::Beginning);
        }
        let (id, mark) = last_event_id.split_once('@')?;
        let numbers = id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
        (mark == &*self.0 && numbers).then_some(Position::Behind(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SES-05
    #[test]
    fn only_ids_of_this_life_of_the_session_are_read() {
        let mark = Mark::new();
        let mut event = ServerSseMessage::default();
        event.event_id = Some("3/0".to_owned());
        let id = mark.mark(event).event_id.unwrap();
        assert_eq!(mark.read(&id), Some(Position::Behind("3/0")));
        assert_eq!(mark.read("0"), Some(Position::Beginning));
        let other = Mark::new();
        for foreign in [
            "3/0",
            "1",
            "",
            "@",
            "999999999/1",
            "3/0@",
            &format!("3/0@{}", other.0),
            &format!("-3/0@{}", mark.0),
            &format!("3/0@{}@", mark.0),
        ] {
            assert_eq!(mark.read(foreign), None, "{foreign}");
        }
    }
}
