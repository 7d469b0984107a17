//! A real `redis-server`, for one test alone: on a free port, without a file, ended with the value.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    port: u16,
    /// What is said on the command line besides the port.
    options: Vec<String>,
    folder: TempDir,
}

#[allow(
    dead_code,
    reason = "not every test that has a Redis does everything to it"
)]
impl Redis {
    /// Starts a server and waits until it is ready.
    pub(crate) fn start() -> Self {
        Self::start_with("--port", &[])
    }

    /// The same, with `port_option` for the option that the port is given by, and further options.
    pub(crate) fn start_with(port_option: &str, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let options: Vec<String> = further
            .iter()
            .chain(&[port_option])
            .map(|word| (*word).to_owned())
            .collect();
        // Somebody else may take the free port before the server does: then there is another.
        for _ in 0..20 {
            let port = TcpListener::bind(("127.0.0.1", 0))
                .and_then(|listener| listener.local_addr())
                .expect("there is a free port")
                .port();
            if let Some(child) = launch(port, &options, &folder) {
                return Self {
                    child,
                    port,
                    options,
                    folder,
                };
            }
        }
        panic!("redis-server does not start on any port");
    }

    /// A port on which nothing listens, with a server that can be started there later.
    pub(crate) fn not_yet_started() -> Self {
        let mut redis = Self::start();
        redis.kill();
        redis
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: connections break, and what was counted is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server can be waited for");
    }

    /// Starts it again after [`kill`](Self::kill), empty, on the same port.
    pub(crate) fn start_again(&mut self) {
        self.child =
            launch(self.port, &self.options, &self.folder).expect("the port is free again");
    }

    /// SIGSTOP: connections stay open and nothing is answered.
    pub(crate) fn stop(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    /// Runs one command and returns what `redis-cli` prints. Not for a server that is stopped.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli is installed (Debian package redis-tools)");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Every key, with the milliseconds it still lives: -1 for ever.
    pub(crate) fn keys(&self) -> Vec<(String, i64)> {
        let keys = self.run(&["--scan"]);
        let lives = |key: &str| {
            let answer = self.run(&["PTTL", key]);
            answer.parse().expect("PTTL answers a number")
        };
        keys.lines()
            .map(|key| (key.to_owned(), lives(key)))
            .collect()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill can be run");
        assert!(sent.success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that says it is ready; none when it ends instead.
fn launch(port: u16, options: &[String], folder: &TempDir) -> Option<Child> {
    let mut child = Command::new("redis-server")
        .args(options)
        .args([&port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .args(["--enable-debug-command", "local", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed (Debian package redis-server)");
    let lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let (sender, ready) = mpsc::channel();
    thread::spawn(move || {
        // To the end, as a full pipe would stop the server.
        for line in lines.lines().map_while(Result::ok) {
            if line.contains("Ready to accept connections") {
                let _ = sender.send(());
            }
        }
    });
    if ready.recv_timeout(Duration::from_secs(20)).is_ok() {
        return Some(child);
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
