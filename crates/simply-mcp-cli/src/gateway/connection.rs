//! One life of the child: started, greeted, ended by the ladder.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::error::{CallError, GatewayError};
use super::handshake::{Greeting, Identity, shake_hands};
use super::link::Link;
use super::options::{ChildCommand, GatewayOptions};
use super::stderr::{StderrTail, capture};
use super::wire::{self, Listener};
use super::{process_tree, spawn};

/// How long a child may take to end by itself after its stdin was closed (MCP, stdio, shutdown).
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// The guard's own ladder (3 s from SIGTERM to SIGKILL, 2 s of killing), and a little.
const GUARD_PATIENCE: Duration = Duration::from_secs(6);
/// How long the system may take to report a process that was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(1);
/// How long after its output ended a child usually takes to be reported as ended.
const EXIT_PATIENCE: Duration = Duration::from_millis(500);

/// A child, from its start to its end.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) link: Arc<Link>,
    pub(super) identity: Identity,
    process: Process,
}

impl Connection {
    /// Starts the child and agrees on a version with it. `greeting` remembers how, for the next time.
    ///
    /// # Errors
    ///
    /// It cannot be started, ends, stays silent, or says something else than MCP.
    pub(super) async fn open(
        command: &ChildCommand,
        options: &GatewayOptions,
        listener: &Arc<dyn Listener>,
        greeting: &mut Option<Greeting>,
    ) -> Result<Self, GatewayError> {
        let known = *greeting;
        let first = Self::greet(
            command,
            options,
            listener,
            known.unwrap_or(Greeting::Discover),
        )
        .await;
        let opened = match first {
            // Some servers of the older versions end when they get a request before `initialize`.
            Err(GatewayError::Ended { .. }) if known.is_none() => {
                *greeting = Some(Greeting::InitializeOnly);
                Self::greet(command, options, listener, Greeting::InitializeOnly).await
            }
            first => {
                *greeting = Some(known.unwrap_or(Greeting::Discover));
                first
            }
        };
        opened.inspect_err(|_| *greeting = known)
    }

    async fn greet(
        command: &ChildCommand,
        options: &GatewayOptions,
        listener: &Arc<dyn Listener>,
        greeting: Greeting,
    ) -> Result<Self, GatewayError> {
        let spawned = spawn::spawn(command, options)?;
        let (link, outbox) = Link::new(options.max_in_flight);
        let mut process = Process {
            id: spawned.guard.id(),
            guard: spawned.guard,
            stderr: capture(spawned.stderr),
            close_stdin: CancellationToken::new(),
        };
        wire::write(
            Arc::clone(&link),
            outbox,
            spawned.stdin,
            process.close_stdin.clone(),
            options.stall_timeout,
        );
        wire::read(Arc::clone(&link), spawned.stdout, Arc::clone(listener));
        let greeted = tokio::select! {
            greeted = shake_hands(&link, greeting) => greeted.map_err(Some),
            () = process.over(&link) => Err(None),
            () = tokio::time::sleep(options.start_timeout) => Err(Some(CallError::Timeout(options.start_timeout))),
        };
        match greeted {
            Ok(identity) => Ok(Self {
                link,
                identity,
                process,
            }),
            Err(cause) => Err(process.failed_start(command, cause).await),
        }
    }

    /// Resolves once the child ended or can no longer be talked to.
    pub(super) async fn over(&mut self) {
        self.process.over(&self.link).await;
    }

    /// How the child ended, where it did so by itself a moment ago.
    pub(super) async fn exit(&mut self) -> Option<String> {
        let status = tokio::time::timeout(EXIT_PATIENCE, self.process.guard.wait()).await;
        status.ok()?.ok().map(describe)
    }

    /// Ends a child that was greeted, but cannot serve; says why.
    pub(super) async fn failed_start(
        self,
        command: &ChildCommand,
        cause: CallError,
    ) -> GatewayError {
        self.process.failed_start(command, Some(cause)).await
    }

    /// Ends the child: closes its stdin, waits; SIGTERM, waits; SIGKILL. Bounded by about 10 seconds.
    pub(super) async fn end(mut self, is_asked_nicely: bool) {
        let patience = if is_asked_nicely {
            CLOSE_PATIENCE
        } else {
            Duration::ZERO
        };
        self.process.end(patience).await;
    }
}

#[derive(Debug)]
struct Process {
    id: Option<u32>,
    guard: Child,
    stderr: StderrTail,
    close_stdin: CancellationToken,
}

impl Process {
    async fn over(&mut self, link: &Link) {
        tokio::select! {
            () = link.broken() => {}
            _ = self.guard.wait() => {}
        }
    }

    async fn failed_start(
        mut self,
        command: &ChildCommand,
        cause: Option<CallError>,
    ) -> GatewayError {
        let command = command.for_display();
        let status = tokio::time::timeout(EXIT_PATIENCE, self.guard.wait()).await;
        self.end(Duration::ZERO).await;
        let stderr = self.stderr.at_the_end(EXIT_PATIENCE).await;
        match (cause, status) {
            (Some(CallError::Timeout(timeout)), Err(_)) => GatewayError::Silent {
                command,
                timeout,
                stderr,
            },
            (_, Ok(Ok(status))) => GatewayError::Ended {
                command,
                exit: describe(status),
                stderr,
            },
            (Some(CallError::Malformed(cause)), _) => GatewayError::Handshake {
                command,
                cause,
                stderr,
            },
            (Some(CallError::Child(error)), _) => GatewayError::Handshake {
                command,
                cause: format!(
                    "it refused the handshake: {} ({})",
                    error.message, error.code.0
                ),
                stderr,
            },
            _ => GatewayError::Handshake {
                command,
                cause: "it closed its output".to_owned(),
                stderr,
            },
        }
    }

    async fn end(&mut self, patience: Duration) {
        self.close_stdin.cancel();
        if self.is_gone_within(patience).await {
            return;
        }
        let Some(process) = self.id else { return };
        process_tree::signal_process(process, Signal::TERM);
        if self.is_gone_within(GUARD_PATIENCE).await {
            return;
        }
        process_tree::signal_group(process, Signal::KILL);
        self.is_gone_within(KILL_PATIENCE).await;
    }

    async fn is_gone_within(&mut self, patience: Duration) -> bool {
        match tokio::time::timeout(patience, self.guard.wait()).await {
            Ok(Ok(status)) => {
                // A guard ends of a signal only if somebody killed it, and then nobody looked after its group.
                if killed(status)
                    && let Some(process) = self.id
                {
                    process_tree::signal_group(process, Signal::KILL);
                }
                true
            }
            Ok(Err(_)) => true,
            Err(_) => false,
        }
    }
}

impl Drop for Process {
    /// Where a start is given up half way, the guard is told to end what it started.
    fn drop(&mut self) {
        self.close_stdin.cancel();
        if let Some(running) = self.guard.id() {
            process_tree::signal_process(running, Signal::TERM);
        }
    }
}

fn killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().is_some()
}

/// The guard answers with its command's exit code, or 128 and the number of the signal that ended it.
fn describe(status: ExitStatus) -> String {
    match status.code() {
        Some(code @ 129..=192) => format!("signal {}", code - 128),
        Some(code) => format!("exit code {code}"),
        None => "its guard was killed".to_owned(),
    }
}
