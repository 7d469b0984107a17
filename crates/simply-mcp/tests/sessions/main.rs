//! The sessions of MCP versions up to 2025-11-25, and the streams of all versions, over a socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/redis.rs"]
mod redis;

mod client;
mod connections;
mod framing;
mod life;
mod limits;
mod owners;
mod replicas;
mod resume;
mod running;
