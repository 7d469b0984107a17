//! The metrics of a whole server: how many series there may be, what their labels say, and what a scrape costs others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod cardinality;
mod drift;
mod exposition;
mod labels;
mod requests;
mod scrapes;
