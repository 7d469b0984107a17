//! A real Prometheus for one test: it reads every second, on a free port, and is ended with the value.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::repository;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
    client: reqwest::Client,
}

impl Prometheus {
    /// Starts with the settings and rules of `deploy/`, but for `targets`, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, targets: &[&str]) -> Self {
        let settings = folder.join("prometheus.yml");
        fs::write(&settings, settings_for(targets)).unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let said = folder.join("prometheus.log");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", settings.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .expect("prometheus is installed (Debian package prometheus)");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let prometheus = Self {
            child,
            port,
            client,
        };
        let start = Instant::now();
        while !prometheus.is_ready().await {
            assert!(start.elapsed() < PATIENCE, "{:?}", fs::read_to_string(said));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        prometheus
    }

    async fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/-/ready", self.port);
        let answer = self.client.get(url).timeout(PATIENCE).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// The labels of every series that `expression` gives now.
    pub(crate) async fn query(&self, expression: &str) -> Vec<BTreeSet<String>> {
        let data = self.data("query", ("query", expression)).await;
        let found = data["result"].as_array().cloned().unwrap_or_default();
        // A scalar is an array of time and value.
        found.iter().map(|one| labels(&one["metric"])).collect()
    }

    /// The labels that series of this name have, all together.
    pub(crate) async fn labels_of(&self, name: &str) -> BTreeSet<String> {
        let data = self.data("series", ("match[]", name)).await;
        let found = data.as_array().cloned().unwrap_or_default();
        found.iter().flat_map(labels).collect()
    }

    async fn data(&self, what: &str, parameter: (&str, &str)) -> Value {
        let base = format!("http://127.0.0.1:{}/api/v1/{what}", self.port);
        let url = reqwest::Url::parse_with_params(&base, [parameter]).unwrap();
        let answer = self.client.get(url).timeout(PATIENCE).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["status"], "success", "{parameter:?}: {answer}");
        answer["data"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn labels(metric: &Value) -> BTreeSet<String> {
    let names = metric
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys);
    names.cloned().collect()
}

/// The settings of `deploy/` with other targets, and every second.
fn settings_for(targets: &[&str]) -> String {
    let deployed = repository("deploy/prometheus");
    let rules = deployed.join("rules").canonicalize().unwrap();
    let mut settings = fs::read_to_string(deployed.join("prometheus.yml")).unwrap();
    for (ours, theirs) in [
        ("_interval: 15s", "_interval: 1s"),
        ("scrape_timeout: 5s", "scrape_timeout: 1s"),
        ("rules/*.yml", &format!("{}/*.yml", rules.display())),
        ("[\"127.0.0.1:8000\"]", &format!("{targets:?}")),
    ] {
        assert!(settings.contains(ours), "{ours} is not in {settings}");
        settings = settings.replace(ours, theirs);
    }
    settings
}
