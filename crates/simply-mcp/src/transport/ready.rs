//! What a program itself has to say to `/health/ready`.

use rmcp::ServerHandler;
use tokio::sync::watch;

use super::HttpTransport;
use crate::{Error, routes::ReadyCheck};

/// The longest name of a check, in bytes.
const LONGEST_NAME: usize = 64;

/// What the report calls parts of the server itself.
const TAKEN: &[&str] = &[
    "authentication",
    "metrics",
    "monitoring",
    "rate_limiting",
    "security",
    "server",
    "store",
];

impl<H: ServerHandler> HttpTransport<H> {
    /// Adds a question that must be answered with yes before `/health/ready` says so; `/health` shows it
    /// among its components as `name`.
    ///
    /// It is asked for each probe, on a thread of its own, so it may look at a disk or ask a database. Probes that
    /// come while it is being asked get the same answer. After half a second without one, or where it panics, the
    /// server is not ready; the log says why, once a minute. A question that never returns is not asked again. What
    /// changes by itself is better watched: [`ready_while`](Self::ready_while).
    #[must_use]
    pub fn ready_when(
        mut self,
        name: impl Into<String>,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        self.checks.push(ReadyCheck::asked(name.into(), is_ready));
        self
    }

    /// Adds a value that something else keeps up to date: `/health/ready` says no unless `is_ready` says yes of it,
    /// and `/health` shows it among its components as `name`.
    ///
    /// This is the form for what must be asked asynchronously or takes long: a task asks as often as it should, and
    /// sends the outcome. A probe only looks, so `is_ready` must not wait for anything. Once the sender is dropped
    /// the answer is no, as nobody keeps the value up to date any more.
    ///
    /// ```
    /// use simply_mcp::{HttpConfig, HttpTransport, McpServer};
    ///
    /// let (database_is_up, watched) = tokio::sync::watch::channel(false);
    /// let transport = HttpTransport::new(McpServer::new("my-server", "1.0.0"), HttpConfig::default())
    ///     .ready_while("database", watched, |is_up| *is_up);
    /// // In a task that asks the database every few seconds:
    /// database_is_up.send_replace(true);
    /// # drop(transport);
    /// ```
    #[must_use]
    pub fn ready_while<T: Send + Sync + 'static>(
        mut self,
        name: impl Into<String>,
        watched: watch::Receiver<T>,
        is_ready: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        let look = move || watched.has_changed().is_ok() && is_ready(&watched.borrow());
        self.checks.push(ReadyCheck::quick(name.into(), look));
        self
    }
}

/// Every check has a name of its own, which the report can show.
///
/// # Errors
///
/// [`Error::Server`] for the first that has not.
pub(super) fn check_names(checks: &[ReadyCheck]) -> Result<(), Error> {
    for (index, check) in checks.iter().enumerate() {
        let name = check.name();
        let problem = if name.is_empty() || name.len() > LONGEST_NAME {
            "a name of 1 to 64 bytes is needed"
        } else if TAKEN.contains(&name) {
            "the health report has a part of the server's own under this name; choose another"
        } else if checks[..index].iter().any(|other| other.name() == name) {
            "two checks have this name; choose another for one of them"
        } else {
            continue;
        };
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        return Err(Error::Server(format!(
            "the readiness check {shown:?}: {problem}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_report_cannot_show_is_refused() {
        let check = |name: &str| ReadyCheck::quick(name, || true);
        assert!(check_names(&[check("child"), check("database")]).is_ok());
        let long = "n".repeat(65);
        for (names, said) in [
            (&["server"][..], "part of the server's own"),
            (&[""], "1 to 64 bytes"),
            (&[long.as_str()], "1 to 64 bytes"),
            (&["a", "a"], "two checks"),
        ] {
            let checks: Vec<_> = names.iter().map(|name| check(name)).collect();
            let error = check_names(&checks).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
