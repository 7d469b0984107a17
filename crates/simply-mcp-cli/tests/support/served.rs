//! The program while it serves, in a directory of its own with nothing in its environment, ended when the test is.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Longest time until it says where it is, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server whose standard error is the file `stderr` of its directory.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    directory: TempDir,
    /// `http://127.0.0.1:…`
    pub(crate) url: String,
}

#[allow(dead_code, reason = "each test file uses its own part of it")]
impl Served {
    /// Serves with the settings of `config`, which is JSON and so YAML; `behind` is the command after `--`, if any.
    pub(crate) fn start(
        directory: TempDir,
        config: &Value,
        environment: &[(&str, &str)],
        behind: &[&str],
    ) -> Self {
        fs::write(directory.path().join("config.yaml"), config.to_string()).unwrap();
        let log = directory.path().join("stderr");
        let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
        command
            .args(["serve", "--port", "0", "--config", "config.yaml"])
            .current_dir(directory.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        if !behind.is_empty() {
            command.arg("--").args(behind);
        }
        let mut served = Self {
            child: command.spawn().unwrap(),
            directory,
            url: String::new(),
        };
        let start = Instant::now();
        while served.url.is_empty() {
            let said = fs::read_to_string(&log).unwrap();
            served.url = said.lines().find_map(url).unwrap_or_default();
            assert!(start.elapsed() < PATIENCE, "it does not start:\n{said}");
            pause();
        }
        served
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits until `words` stand on its standard error.
    pub(crate) fn says(&self, words: &str) {
        let start = Instant::now();
        while !fs::read_to_string(self.path("stderr"))
            .unwrap()
            .contains(words)
        {
            assert!(start.elapsed() < PATIENCE, "it does not say {words:?}");
            pause();
        }
    }

    /// Each line of one of its files as JSON.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        let lines = BufReader::new(File::open(self.path(name)).unwrap()).lines();
        lines
            .map(|line| line.unwrap())
            .map(|line| serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of this crate's `tests/children`.
#[allow(dead_code, reason = "each test file uses its own part of it")]
pub(crate) fn child(name: &str) -> String {
    let children = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/children");
    children.join(name).display().to_string()
}

/// Where it listens, from the log line of its start.
fn url(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let rest = line["context"]["rest"].as_str()?;
    rest.strip_suffix("/tools").map(str::to_owned)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of another process has nothing else to do"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
