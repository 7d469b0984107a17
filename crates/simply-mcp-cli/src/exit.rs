//! How the program ends: 0 fine, 1 failed at run time, 2 bad usage (which clap decides), 78 bad configuration.

use std::{future::Future, process::ExitCode, time::Duration};

use anyhow::Context as _;
use simply_mcp::config::ConfigErrors;

use crate::output;

/// Bad usage, the same as clap's.
const BAD_USAGE: u8 = 2;

/// Bad configuration, the `EX_CONFIG` of sysexits.h.
const BAD_CONFIGURATION: u8 = 78;

/// The command line asks for something that cannot be meant, which clap cannot tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadUsage(pub(crate) String);

/// A keys file that is not as it should be, with everything that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BrokenKeysFile(pub(crate) simply_mcp::auth::KeyFileError);

/// The longest wait for blocking work once the answer is known: a read of stdin may never return.
const LAST_WAIT: Duration = Duration::from_millis(100);

/// Runs a subcommand that needs a runtime.
///
/// # Errors
///
/// Those of the subcommand, and when no runtime can be had.
pub(crate) fn block_on(
    subcommand: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the threads that serve cannot be started")?;
    let result = runtime.block_on(subcommand);
    runtime.shutdown_timeout(LAST_WAIT);
    result
}

/// Says on stderr what went wrong, and chooses the exit code for it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<BadUsage>() {
        return bad_usage(usage);
    }
    if let Some(BrokenKeysFile(errors)) = error.downcast_ref() {
        output::note(&errors.to_string());
        output::note(&summary("the keys file", errors.problems().len()));
        return ExitCode::from(BAD_CONFIGURATION);
    }
    match configuration_errors(error) {
        Some(errors) => {
            output::note(&errors.to_string());
            output::note(&summary("the configuration", errors.problems().len()));
            ExitCode::from(BAD_CONFIGURATION)
        }
        None => {
            output::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Says on stderr what is wrong with an argument.
pub(crate) fn bad_usage(error: &dyn std::error::Error) -> ExitCode {
    output::note(&format!("error: {error}"));
    ExitCode::from(BAD_USAGE)
}

fn configuration_errors(error: &anyhow::Error) -> Option<&ConfigErrors> {
    error.downcast_ref::<ConfigErrors>().or_else(|| {
        match error.downcast_ref::<simply_mcp::Error>() {
            Some(simply_mcp::Error::Config(errors)) => Some(errors),
            _ => None,
        }
    })
}

fn summary(what: &str, count: usize) -> String {
    match count {
        1 => format!("{what} has 1 problem"),
        _ => format!("{what} has {count} problems"),
    }
}
