//! Calls of tools are counted once each, and alike through every door.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod bounded;
mod cancelled;
mod fixture;
mod overload;
mod table;
