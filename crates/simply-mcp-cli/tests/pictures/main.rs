//! What `deploy/` shows of a server, held against the server: rules, dashboard, and the guide's commands find what they
//! look for. A real Prometheus reads real servers under a load of everything that can go right and wrong.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod dashboard;
mod declared;
mod guide;
mod live;
mod load;
mod names;
mod prometheus;
mod promql;
#[path = "../../../simply-mcp/tests/common/redis.rs"]
mod redis;
mod rules;
mod site;

use std::path::{Path, PathBuf};

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
