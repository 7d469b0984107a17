//! The small process that stands between us and the child, so that the child never outlives us.
//!
//! `simply-mcp __child-guard PARENT -- COMMAND ARGS…` starts the command on its own three standard streams and then only
//! watches. It ends the command and everything the command started when
//!
//! - the command ended (what it left behind is ended too),
//! - it is asked to (SIGTERM, SIGINT, SIGHUP),
//! - the process that started it is gone, however that ended: its parent changed, or nobody reads its stderr any more.
//!
//! On Linux it is the reaper of all its descendants (`PR_SET_CHILD_SUBREAPER`), so processes that left the group or the
//! session are found and ended as well. On other systems the process group is what is ended.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

use super::process_tree;

/// The hidden argument that makes our binary a guard.
pub const GUARD_ARGUMENT: &str = "__child-guard";

/// How long a process tree gets between SIGTERM and SIGKILL when it was asked to end.
const TERM_GRACE: Duration = Duration::from_secs(3);
/// The same where our process is gone: nobody waits for a result any more.
const ORPHAN_GRACE: Duration = Duration::from_millis(500);
/// The same for what a command that ended by itself left behind.
const LEFTOVER_GRACE: Duration = Duration::from_millis(200);
/// How often the guard looks whether its parent still lives.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// How often it looks whether a tree that is being ended is gone.
const REAP_INTERVAL: Duration = Duration::from_millis(20);
/// How long SIGKILL is repeated (a tree may fork while it is being killed).
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// The code a shell answers when a command exists but cannot be run.
const EXIT_CANNOT_RUN: u8 = 126;
/// The code a shell answers when a command does not exist.
const EXIT_NOT_FOUND: u8 = 127;
/// Added to the number of the signal that ended the command.
const EXIT_SIGNAL_BASE: i32 = 128;

/// Runs the guard until the command and all its descendants are gone.
///
/// `arguments` is what follows [`GUARD_ARGUMENT`]: `PARENT -- COMMAND ARGS…`, where PARENT is the process that started
/// the guard: one that is gone before the guard looks could not be told from the process it was inherited by. The exit code is the command's own, 128 plus
/// the signal's number where a signal ended it, 126 or 127 where it could not be started.
pub fn run_child_guard(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let parent = arguments
        .next()
        .and_then(|parent| parent.to_str()?.parse().ok());
    let mut command_line = arguments.skip_while(|argument| argument == "--");
    let (Some(parent), Some(program)) = (parent.and_then(Pid::from_raw), command_line.next())
    else {
        complain("the child guard needs the process it works for, and a command after `--`");
        return ExitCode::from(2);
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the child guard cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    ExitCode::from(runtime.block_on(guard(parent, &program, command_line.collect())))
}

async fn guard(parent: Pid, program: &OsString, arguments: Vec<OsString>) -> u8 {
    let started = Watch::install(parent).and_then(|watch| {
        process_tree::become_reaper();
        // Whatever we inherited by accident stays with us; the command gets its three streams and nothing else.
        close_fds::set_fds_cloexec(3, &[]);
        let child = Command::new(program).args(arguments).spawn()?;
        Ok((watch, child.id()))
    });
    let (mut watch, child) = match started {
        Ok((watch, child)) => (watch, i32::try_from(child).ok().and_then(Pid::from_raw)),
        Err(error) => {
            complain(&format!("cannot start {}: {error}", program.display()));
            return match error.kind() {
                std::io::ErrorKind::NotFound => EXIT_NOT_FOUND,
                _ => EXIT_CANNOT_RUN,
            };
        }
    };
    // Only the command may hold the pipes: else its end of stream would never be seen by our process.
    if let Err(error) = release_pipes() {
        complain(&format!("cannot release the command's streams: {error}"));
    }
    let mut reaper = Reaper {
        child,
        status: None,
    };
    let grace = watch.until_the_end(&mut reaper).await;
    reaper.end_tree(grace).await;
    reaper.exit_code()
}

/// Points our own stdin and stdout at the null device.
fn release_pipes() -> std::io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// Our messages go where the command's own go; nobody is left to tell if that fails.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "simply-mcp: {message}");
}

/// What the guard watches for.
struct Watch {
    child: SignalStream,
    terminate: SignalStream,
    interrupt: SignalStream,
    hang_up: SignalStream,
    parent: Pid,
}

impl Watch {
    fn install(parent: Pid) -> std::io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            parent,
        })
    }

    /// Waits for a reason to end the tree; answers how long the tree gets.
    async fn until_the_end(&mut self, reaper: &mut Reaper) -> Duration {
        let mut tick = tokio::time::interval(WATCH_INTERVAL);
        loop {
            tokio::select! {
                _ = self.child.recv() => {}
                _ = self.terminate.recv() => return TERM_GRACE,
                _ = self.interrupt.recv() => return TERM_GRACE,
                _ = self.hang_up.recv() => return TERM_GRACE,
                _ = tick.tick() => {}
            }
            reaper.reap();
            if reaper.status.is_some() {
                return LEFTOVER_GRACE;
            }
            if rustix::process::getppid() != Some(self.parent) || nobody_reads_stderr() {
                return ORPHAN_GRACE;
            }
        }
    }
}

/// A pipe whose readers are all gone reports an error condition; a file or a terminal never does.
fn nobody_reads_stderr() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stderr = std::io::stderr();
    let mut descriptors = [PollFd::new(&stderr, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut descriptors, Some(&now)), Ok(1))
        && descriptors[0].revents().contains(PollFlags::ERR)
}

/// Collects the exit statuses of every descendant.
struct Reaper {
    child: Option<Pid>,
    status: Option<WaitStatus>,
}

impl Reaper {
    /// Reaps all that ended; remembers how the command itself ended. False where nothing is left: orphans become our
    /// children, so without a child there is no descendant either.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((process, status))) => {
                    if Some(process) == self.child {
                        self.status = Some(status);
                    }
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// SIGTERM, wait, SIGKILL until nothing is left.
    async fn end_tree(&mut self, grace: Duration) {
        process_tree::signal_descendants(Signal::TERM);
        if self.gone_within(grace, None).await {
            return;
        }
        self.gone_within(KILL_LIMIT, Some(Signal::KILL)).await;
    }

    async fn gone_within(&mut self, limit: Duration, repeated: Option<Signal>) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(signal) = repeated {
                process_tree::signal_descendants(signal);
            }
            if !self.reap() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(REAP_INTERVAL).await;
        }
    }

    fn exit_code(&self) -> u8 {
        let code = match &self.status {
            Some(status) => status
                .exit_status()
                .or_else(|| {
                    status
                        .terminating_signal()
                        .map(|signal| EXIT_SIGNAL_BASE + signal)
                })
                .unwrap_or(1),
            None => 1,
        };
        u8::try_from(code).unwrap_or(u8::MAX)
    }
}
