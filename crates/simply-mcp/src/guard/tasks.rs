//! Whose a task is: that of the caller whose call started it.
//!
//! A handler knows tasks by their ids, and an id can leak. Whoever else asks for one hears of it as of one that never was.
//! Tasks of anonymous callers belong to nobody, and so to everybody who has the id.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use rmcp::ErrorData;

use crate::facts::Caller;

/// The most tasks whose owners are remembered; the oldest are forgotten first, and are then safe by their ids alone.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Tasks {
    owners: Mutex<Owners>,
}

#[derive(Debug, Default)]
struct Owners {
    by_id: HashMap<Box<str>, [u8; 16]>,
    in_order: VecDeque<Box<str>>,
}

impl Tasks {
    /// Remembers who started a task.
    pub(super) fn started(&self, id: &str, caller: &Caller) {
        let Some(owner) = caller.digest() else { return };
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.by_id.insert(id.into(), owner).is_none() {
            owners.in_order.push_back(id.into());
        }
        if owners.in_order.len() > MOST
            && let Some(oldest) = owners.in_order.pop_front()
        {
            owners.by_id.remove(&oldest);
        }
    }

    /// Whether the caller may know of the task.
    ///
    /// # Errors
    ///
    /// -32602 in the words in which rmcp says that it knows no such task, for another caller's.
    pub(super) fn check(&self, id: &str, caller: &Caller) -> Result<(), ErrorData> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owners.by_id.get(id).copied();
        if owner.is_none() || owner == caller.digest() {
            return Ok(());
        }
        Err(ErrorData::invalid_params(
            format!("unknown task: {id}"),
            None,
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::facts::{Known, Principal};

    fn key(name: &str) -> Caller {
        Caller::known(Arc::new(Known::new(Principal::Key(name.into()))))
    }

    #[test]
    fn a_task_is_known_to_the_caller_who_started_it_alone() {
        let tasks = Tasks::default();
        tasks.started("t", &key("a"));
        assert!(tasks.check("t", &key("a")).is_ok());
        for other in [key("b"), Caller::anonymous()] {
            assert_eq!(
                tasks.check("t", &other).unwrap_err().message,
                "unknown task: t"
            );
        }
        tasks.started("open", &Caller::anonymous());
        assert!(tasks.check("open", &key("b")).is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let tasks = Tasks::default();
        for number in 0..=MOST {
            tasks.started(&number.to_string(), &key("a"));
        }
        assert_eq!(tasks.owners.lock().unwrap().by_id.len(), MOST);
        assert!(tasks.check(&MOST.to_string(), &key("b")).is_err());
    }
}
