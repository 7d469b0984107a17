//! Servers that count at one Redis, and clients that write down what became of their requests.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::intervals::Observed;

const CLIENTS: usize = 64;

/// The pause between two requests of one client, so that 64 of them leave the machine some room.
const PACE: Duration = Duration::from_millis(8);

/// The settings of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) store: &'a str,
    pub(crate) strategy: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) limit: u64,
    pub(crate) window: Duration,
}

/// Servers with the same settings, ended when the test is.
pub(crate) struct Replicas {
    servers: Vec<Server>,
    client: reqwest::Client,
    _folder: TempDir,
}

struct Server {
    child: Child,
    address: String,
    /// Everything it logged that is no finished request.
    said: Arc<Mutex<Vec<String>>>,
}

/// What the clients wrote down.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) requests: Vec<Observed>,
    /// How often each status was the answer.
    pub(crate) answers: BTreeMap<u16, usize>,
    pub(crate) slowest: Duration,
}

impl Replicas {
    pub(crate) fn start(count: usize, settings: Settings<'_>) -> Self {
        Self::start_with(count, settings, &[])
    }

    /// The same, with variables in their environment.
    pub(crate) fn start_with(
        count: usize,
        settings: Settings<'_>,
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        let Settings {
            store,
            strategy,
            policy,
            limit,
            window,
        } = settings;
        let window = window.as_secs();
        let text = format!(
            "rate_limit: {{enabled: true, default_limit: {limit}, window_seconds: {window}, \
             strategy: {strategy}, store: \"{store}\", on_store_failure: {policy}}}\n"
        );
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        Self {
            servers: (0..count)
                .map(|_| Server::start(file, environment))
                .collect(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            _folder: folder,
        }
    }

    /// Status and body of a GET at the first server.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self
            .client
            .get(format!("http://{}{path}", self.servers[0].address))
            .timeout(Duration::from_secs(20))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until the first server says so of the store.
    pub(crate) async fn until_store_is(&self, status: &str) {
        let found = async {
            loop {
                let (_, body) = self.get("/health").await;
                let health: Value = serde_json::from_str(&body).unwrap();
                if health["components"]["store"]["status"] == status {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(15), found).await;
        found.unwrap_or_else(|_| panic!("the store is not {status} in time: {:?}", self.said()));
    }

    /// Lets 64 clients call, each at all servers in turn, for so long.
    pub(crate) async fn record(&self, lasting: Duration) -> History {
        let start = Instant::now();
        let clients = (0..CLIENTS).map(|number| self.one_client(number, start, lasting));
        let mut history = History::default();
        for (requests, answers) in futures::future::join_all(clients).await {
            for one in &requests {
                let took = Duration::from_nanos(one.end - one.start);
                history.slowest = history.slowest.max(took);
            }
            history.requests.extend(requests);
            for status in answers {
                *history.answers.entry(status).or_default() += 1;
            }
        }
        history
    }

    async fn one_client(
        &self,
        number: usize,
        start: Instant,
        lasting: Duration,
    ) -> (Vec<Observed>, Vec<u16>) {
        let (mut requests, mut answers) = (vec![], vec![]);
        let now = || u64::try_from(start.elapsed().as_nanos()).unwrap();
        for turn in number.. {
            if start.elapsed() >= lasting {
                break;
            }
            let server = &self.servers[turn % self.servers.len()];
            let sent = now();
            let answer = self
                .client
                .post(format!("http://{}/tools/echo", server.address))
                .body(r#"{"message":"a"}"#)
                .timeout(Duration::from_secs(30))
                .send()
                .await
                .unwrap_or_else(|error| panic!("no answer: {error}; {:?}", self.said()));
            let status = answer.status().as_u16();
            answer.bytes().await.unwrap();
            requests.push(Observed {
                start: sent,
                end: now(),
                admitted: status == 200,
            });
            answers.push(status);
            tokio::time::sleep(PACE).await;
        }
        (requests, answers)
    }

    /// What the servers logged besides requests.
    pub(crate) fn said(&self) -> Vec<String> {
        let servers = self.servers.iter();
        servers
            .flat_map(|server| server.said.lock().unwrap().clone())
            .collect()
    }
}

impl Server {
    fn start(file: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
            .args(["serve", "--port", "0", "--config", file])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(vec![]));
        let (sender, serving) = mpsc::channel();
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                if event["message"] == "Serving" {
                    let _ = sender.send(event["context"]["rest"].as_str().unwrap().to_owned());
                }
                if event["message"] != "Request completed" {
                    heard.lock().unwrap().push(line);
                }
            }
        });
        let url = serving.recv_timeout(Duration::from_secs(30));
        let url = url.unwrap_or_else(|_| panic!("it does not start: {:?}", said.lock().unwrap()));
        let address = url.trim_start_matches("http://").trim_end_matches("/tools");
        Self {
            child,
            address: address.to_owned(),
            said,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
