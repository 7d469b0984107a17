//! The requests of one session that are not answered yet.
//!
//! Answers are told apart by their ids alone (JSON-RPC 2.0 §4): of two that run under one id, one would never hear.
//! An id is free again when its client has left; the request itself may run on, and counts until it is over.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::model::RequestId;

use crate::refusal::{Code, Refusal};

/// The most requests of one session that run at a time.
const MOST_RUNNING: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Running {
    /// Hashes, as an id may be as long as a body. That two of a thousand should collide is less likely than a broken
    /// disk, and costs one refusal.
    ids: Mutex<HashSet<u64>>,
    hasher: RandomState,
    /// One clone with each request that its handler still works at, and this one.
    unanswered: Unanswered,
}

/// Travels with a request to its handler, and is dropped with it.
#[derive(Clone, Debug, Default)]
pub(in crate::mcp) struct Unanswered(Arc<()>);

/// One request that runs, until this is dropped.
#[derive(Debug)]
pub(in crate::mcp) struct Run {
    running: Arc<Running>,
    id: u64,
}

impl Running {
    /// Notes a request; refused while another with its id runs.
    pub(super) fn start(self: &Arc<Self>, id: &RequestId) -> Result<Run, Refusal> {
        let hash = self.hasher.hash_one(id);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let unanswered = Arc::strong_count(&self.unanswered.0) - 1;
        if ids.len().max(unanswered) >= MOST_RUNNING {
            return Err(Refusal::new(
                Code::TooManyOpen,
                format!(
                    "{MOST_RUNNING} requests of this session are not answered yet; wait for some of them"
                ),
            ));
        }
        if !ids.insert(hash) {
            return Err(Refusal::new(
                Code::BadRequest,
                "a request with this id still runs in this session; give each its own id",
            ));
        }
        Ok(Run {
            running: Arc::clone(self),
            id: hash,
        })
    }
}

impl Run {
    /// What the request takes along.
    pub(in crate::mcp) fn unanswered(&self) -> Unanswered {
        self.running.unanswered.clone()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let ids = self.running.ids.lock();
        ids.unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_free_again_when_its_request_is_over() {
        let running = Arc::new(Running::default());
        let one = running.start(&RequestId::Number(1)).unwrap();
        // A number and a string are two ids, however they are written.
        let text = running.start(&RequestId::String("1".into())).unwrap();
        let refusal = running.start(&RequestId::Number(1)).unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest);
        drop((one, text));
        assert!(running.start(&RequestId::Number(1)).is_ok());
        assert!(running.ids.lock().unwrap().is_empty());
    }

    #[test]
    fn a_request_that_runs_on_without_its_client_still_counts() {
        let running = Arc::new(Running::default());
        let most = i64::try_from(MOST_RUNNING).unwrap();
        let on: Vec<_> = (0..most)
            .map(|id| running.start(&RequestId::Number(id)).unwrap().unanswered())
            .collect();
        assert!(running.ids.lock().unwrap().is_empty());
        let refusal = running.start(&RequestId::Number(0)).unwrap_err();
        assert_eq!(refusal.code, Code::TooManyOpen);
        drop(on);
        assert!(running.start(&RequestId::Number(0)).is_ok());
    }

    #[test]
    fn the_bookkeeping_has_an_end() {
        let running = Arc::new(Running::default());
        let most = i64::try_from(MOST_RUNNING).unwrap();
        let all: Vec<_> = (0..most)
            .map(|id| running.start(&RequestId::Number(id)).unwrap())
            .collect();
        let refusal = running.start(&RequestId::Number(most)).unwrap_err();
        assert_eq!(refusal.code, Code::TooManyOpen);
        drop(all);
        assert!(running.start(&RequestId::Number(most)).is_ok());
    }
}
