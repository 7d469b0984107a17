//! The end of the child, when the server has ended.

use std::process::ExitCode;

use simply_mcp_cli::gateway::Gateway;

/// What a shell says of a program that a signal ended.
pub(super) fn ended_by(signal: i32) -> ExitCode {
    ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX)))
}

/// Gives the child its time to end. A signal cuts it short, and is returned: the process that guards the child ends it
/// when we are gone.
pub(super) async fn of_child(gateway: &Gateway) -> Option<i32> {
    tokio::select! {
        () = gateway.shutdown() => None,
        signal = further_signal() => Some(signal),
    }
}

#[cfg(unix)]
async fn further_signal() -> i32 {
    use tokio::signal::unix::{SignalKind, signal};

    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let [Ok(mut terminate), Ok(mut interrupt)] = kinds.map(signal) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
    }
}

#[cfg(not(unix))]
async fn further_signal() -> i32 {
    std::future::pending().await
}
