//! What all handles on one server share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::{
    blocking::BlockingPool, changes::Changes, registry::Registry, sessions::Sessions,
    state::StateSeal,
};

pub(super) struct Shared {
    pub(super) registry: ArcSwap<Registry>,
    pub(super) blocking: Arc<BlockingPool>,
    pub(super) changes: Changes,
    pub(super) seal: StateSeal,
    pub(super) sessions: Arc<Sessions>,
    updating: Mutex<()>,
}

impl Shared {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry: ArcSwap::new(registry),
            blocking: Arc::new(BlockingPool::new()),
            changes: Changes::new(),
            seal: StateSeal::new(),
            sessions: Arc::new(Sessions::new()),
            updating: Mutex::new(()),
        }
    }

    /// Takes the registry out, so that its only owner can change it in place.
    pub(super) fn take_registry(&mut self) -> Arc<Registry> {
        std::mem::replace(
            &mut self.registry,
            ArcSwap::from_pointee(Registry::default()),
        )
        .into_inner()
    }

    pub(super) fn begin_update(&self) -> MutexGuard<'_, ()> {
        self.updating.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
