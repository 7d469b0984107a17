//! The program in a directory of its own, and what it says.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::client::Client;

/// Far more than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) folder: TempDir,
    pub(crate) address: String,
    child: Child,
    console: Option<BufReader<ChildStderr>>,
    /// What it said on standard error so far.
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Starts the demo with this configuration, in which `FOLDER` is the server's own directory.
    pub(crate) fn start(configuration: &str) -> Self {
        Self::with_child(configuration, &[])
    }

    /// The same in front of a command.
    pub(crate) fn with_child(configuration: &str, command: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut start = program(&folder, configuration);
        if !command.is_empty() {
            start.arg("--").args(command);
        }
        Self::of(folder, start)
    }

    /// The demo, with these directories in its own.
    pub(crate) fn start_in(configuration: &str, directories: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for directory in directories {
            fs::create_dir(folder.path().join(directory)).unwrap();
        }
        let start = program(&folder, configuration);
        Self::of(folder, start)
    }

    /// In front of a command, with hang-ups from when the log is there until it serves.
    pub(crate) fn hung_up_at_start(configuration: &str, command: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut start = program(&folder, configuration);
        start.arg("--").args(command);
        let mut server = Self::spawn(folder, start);
        let log = server.path("log");
        eventually("the log", || log.exists().then_some(()));
        server.signal(Signal::HUP);
        server.address = server.until_it_serves();
        server
    }

    /// The same below a limit for the size of files, in blocks of 512 bytes.
    pub(crate) fn with_file_limit(configuration: &str, blocks: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = program(&folder, configuration);
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(format!("ulimit -f {blocks}; exec \"$0\" \"$@\""))
            .arg(start.get_program())
            .args(start.get_args());
        quiet(&mut shell);
        Self::of(folder, shell)
    }

    fn of(folder: TempDir, command: Command) -> Self {
        let mut server = Self::spawn(folder, command);
        server.address = server.until_it_serves();
        server
    }

    fn spawn(folder: TempDir, mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let console = BufReader::new(child.stderr.take().unwrap());
        Self {
            folder,
            address: String::new(),
            child,
            console: Some(console),
            said: Arc::default(),
        }
    }

    /// Finds the address in the log: on the console, or in the file where the console is silent.
    fn until_it_serves(&mut self) -> String {
        let configuration = fs::read_to_string(self.path("config.yaml")).unwrap();
        let line = if configuration.contains("enable_console: false") {
            let log = self.path("log");
            eventually("the start", || {
                let text = fs::read_to_string(&log).unwrap_or_default();
                text.contains("Serving").then_some(text)
            })
        } else {
            self.console_until("Serving")
        };
        let (_, address) = line.split_once("http://").unwrap();
        address.split('/').next().unwrap().to_owned()
    }

    fn console_until(&mut self, message: &str) -> String {
        loop {
            let mut line = String::new();
            let console = self.console.as_mut().unwrap();
            let read = console.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended: {}", self.said());
            self.said.lock().unwrap().push_str(&line);
            if line.contains(message) {
                return line;
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.address)
    }

    /// Calls the demo so many times, each time with success.
    pub(crate) fn serves(&self, calls: usize) {
        let mut client = self.client();
        for _ in 0..calls {
            let answer = client.echo("some");
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }

    /// The value of a series without labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.client().get("/metrics").body;
        let value = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .unwrap_or_else(|| panic!("no {name}: {metrics}"))
            .parse()
            .unwrap()
    }

    pub(crate) fn dropped(&self) -> f64 {
        self.metric("simply_mcp_log_lines_dropped_total")
    }

    pub(crate) fn configure(&self, configuration: &str) {
        write_configuration(self.folder.path(), configuration);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    fn id(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Sends SIGHUP and waits until it has been handled.
    pub(crate) fn hang_up(&self) {
        let reloads = || self.metric("simply_mcp_config_reloads_total");
        let before = reloads();
        self.signal(Signal::HUP);
        eventually("the reload", || (reloads() > before).then_some(()));
    }

    /// Reads the console from now on, so that it is never full.
    pub(crate) fn read_console(&mut self) {
        let mut console = self.console.take().unwrap();
        let said = Arc::clone(&self.said);
        std::thread::spawn(move || {
            let mut line = String::new();
            while console.read_line(&mut line).is_ok_and(|read| read > 0) {
                said.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
    }

    /// Nobody will ever read the console any more.
    pub(crate) fn close_console(&mut self) {
        drop(self.console.take());
    }

    /// What the console said, as far as it was read.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Ends it by a signal, which must succeed; returns what it said on the console.
    pub(crate) fn end(self) -> (TempDir, String) {
        self.signal(Signal::TERM);
        self.collect()
    }

    fn collect(mut self) -> (TempDir, String) {
        if let Some(mut console) = self.console.take() {
            let mut rest = String::new();
            console.read_to_string(&mut rest).unwrap();
            self.said.lock().unwrap().push_str(&rest);
        }
        assert_eq!(self.exit_code(), Some(0), "{}", self.said());
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        (folder, self.said())
    }

    /// Ends it, with hang-ups until it has ended.
    pub(crate) fn end_while_hung_up(self) -> (TempDir, String) {
        self.signal(Signal::TERM);
        for _ in 0..20 {
            // It may be gone already.
            let _ = kill_process(self.id(), Signal::HUP);
        }
        self.collect()
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let child = &mut self.child;
        eventually("the end", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &TempDir, configuration: &str) -> Command {
    write_configuration(folder.path(), configuration);
    let mut command = Command::new(env!("CARGO_BIN_EXE_simply-mcp"));
    command
        .args(["serve", "--port", "0", "--config"])
        .arg(folder.path().join("config.yaml"));
    quiet(&mut command);
    command
}

fn write_configuration(folder: &Path, configuration: &str) {
    let text = configuration.replace("FOLDER", &folder.display().to_string());
    // As an editor does it: nobody reads half a file.
    fs::write(folder.join("new.yaml"), text).unwrap();
    fs::rename(folder.join("new.yaml"), folder.join("config.yaml")).unwrap();
}

fn quiet(command: &mut Command) {
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
}

/// Every line of the file as JSON; none is anything else.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    parsed(&fs::read(path).unwrap())
}

pub(crate) fn parsed(log: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(log).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| {
            let value = serde_json::from_str(line);
            value.unwrap_or_else(|error| panic!("{error}: {line:?}"))
        })
        .collect()
}

/// The lines with that message.
pub(crate) fn with_message<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    let wanted = |line: &&Value| line["message"] == message;
    lines.iter().filter(wanted).collect()
}

/// Waits for something that is certain to come.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test of another process has nothing else to do"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
