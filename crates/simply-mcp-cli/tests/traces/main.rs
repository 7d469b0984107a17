//! Traces as a collector sees them: the program serves a child, and the test is the collector.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod collector;
mod faults;
mod off;
mod program;
mod secrets;
mod spans;
