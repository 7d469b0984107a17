//! Requests of every kind, each with secrets in every place that a client has for one.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::planted::Canary;

const ARGUMENT: Canary = Canary::new("an argument", "Wq/7=ArgumentX9zKp2Lm");
const ARGUMENT_NAME: Canary = Canary::new("the name of an argument", "An6NameOfAnArgumentT3");
const HEADER: Canary = Canary::new("a header", "Hd2HeaderOfItsOwnV7xR");
const COOKIE: Canary = Canary::new("a cookie", "Ck9CookieOfSomebodyP4");
const QUERY: Canary = Canary::new("a query", "Qy3QueryOfSomebodyM8w");
const WRONG_KEY: Canary = Canary::new("a wrong key", "Wk6WrongKeyOfSomebodyJ5nB2c");
const TOKEN: Canary = Canary::new("a token's signature", "Tk4SignatureOfATokenF6g");
const META: Canary = Canary::new("_meta", "Mt8MetaOfSomebodyD2h");
const STATE: Canary = Canary::new("requestState", "Rs5StateOfSomebodyG9k");
const SESSION: Canary = Canary::new("a session id", "Se7SessionOfSomebodyH3j");
const BROKEN: Canary = Canary::new("a broken body", "Br1BrokenBodyOfSomebodyL6");
const RESULT: Canary = Canary::new("a result", "Rt0ResultOfSomebodyN4v");

/// All that is planted here.
pub(crate) const CANARIES: &[Canary] = &[
    ARGUMENT,
    ARGUMENT_NAME,
    HEADER,
    COOKIE,
    QUERY,
    WRONG_KEY,
    TOKEN,
    META,
    STATE,
    SESSION,
    BROKEN,
    RESULT,
];

/// An issuer's keys: one that nobody holds the other half of.
pub(crate) const KEY_SET: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "use": "sig",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

const ERAS: [&str; 4] = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];

pub(crate) struct Traffic {
    client: Client,
    url: String,
    key: String,
    pub(crate) sent: usize,
    /// What was answered to requests that are no business of any secret's.
    pub(crate) answers: Vec<(String, String)>,
}

impl Traffic {
    pub(crate) fn to(url: &str, key: &str) -> Self {
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            url: url.to_owned(),
            key: key.to_owned(),
            sent: 0,
            answers: Vec::new(),
        }
    }

    pub(crate) async fn everything(&mut self) {
        self.doors().await;
        self.rest().await;
        for era in ERAS {
            self.mcp(era).await;
            self.session(era).await;
        }
        self.broken().await;
    }

    /// A request for which the answer is kept, as it must show no secret either.
    pub(crate) async fn get(&mut self, path: &str) {
        let request = self.request(Method::GET, path);
        self.keep(path, request).await;
    }

    async fn keep(&mut self, place: &str, request: RequestBuilder) {
        let response = request.send().await.unwrap();
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.unwrap();
        self.sent += 1;
        self.answers
            .push((format!("the answer to {place}"), headers + &text));
    }

    /// A request whose answer is its sender's own business.
    async fn ignore(&mut self, request: RequestBuilder) {
        let _ = request.send().await.unwrap().bytes().await;
        self.sent += 1;
    }

    /// A request with a good key, and secrets wherever a client may put some.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}?q={}", self.url, QUERY.text);
        self.client
            .request(method, url)
            .header("cookie", format!("session={}", COOKIE.text))
            .header("x-of-its-own", HEADER.text)
            .header("proxy-authorization", format!("Basic {}", HEADER.text))
            .header("x-api-key", HEADER.text)
            .header("user-agent", HEADER.text)
            .header("referer", format!("https://a/?{}", QUERY.text))
            .header("mcp-param-secret", HEADER.text)
    }

    /// What fails at the doors.
    async fn doors(&mut self) {
        let token = |header: &str| {
            // {"alg": …} and {"iss": "https://issuer.example", "sub": "somebody"}
            let claims = "eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwic3ViIjoic29tZWJvZHkifQ";
            format!("Bearer {header}.{claims}.{}", TOKEN.text)
        };
        let credentials = [
            format!("Bearer {}", WRONG_KEY.text),
            format!("Bearer smcp_{}", WRONG_KEY.text),
            format!("bearer  {}", WRONG_KEY.text),
            format!("Basic {}", WRONG_KEY.text),
            WRONG_KEY.text.to_owned(),
            // {"alg":"EdDSA","kid":"1"}, {"alg":"none"}, no JSON
            token("eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ"),
            token("eyJhbGciOiJub25lIn0"),
            token("e30x"),
        ];
        for credential in credentials {
            for path in ["/tools", "/mcp", "/nothing"] {
                let request = self
                    .bare(Method::POST, path)
                    .header("authorization", &credential);
                self.keep("a wrong key", request.json(&call("echo", &json!({}))))
                    .await;
            }
        }
        let request = self.request(Method::POST, "/tools/echo");
        self.keep(
            "a foreign origin",
            request.header("origin", "https://elsewhere.example"),
        )
        .await;
        let request = self.request(Method::POST, &format!("/mcp/{}", "x".repeat(9)));
        self.keep("no path", request.json(&arguments())).await;
    }

    async fn rest(&mut self) {
        for (tool, keeps) in [
            ("echo", false),
            ("fail", true),
            ("refuse", true),
            ("nothing", true),
            ("countdown", true),
        ] {
            let request = self.request(Method::POST, &format!("/tools/{tool}"));
            let request = request.json(&arguments());
            if keeps {
                self.keep(tool, request).await;
            } else {
                self.ignore(request).await;
            }
        }
        let request = self
            .request(Method::POST, "/tools/crash")
            .json(&arguments());
        self.keep("crash", request).await;
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            self.keep(
                "a method",
                self.request(method, "/tools/echo").json(&arguments()),
            )
            .await;
        }
    }

    async fn mcp(&mut self, era: &str) {
        let bodies = [
            call("echo", &arguments()),
            call("fail", &arguments()),
            call("refuse", &arguments()),
            call("nothing", &arguments()),
            call("countdown", &arguments()),
            message("tools/list", json!({"cursor": ARGUMENT.text})),
            message(
                "resources/read",
                json!({"uri": format!("a://{}", ARGUMENT.text)}),
            ),
            message(
                "prompts/get",
                json!({"name": "p", "arguments": {"a": ARGUMENT.text}}),
            ),
            message(
                "completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "p"},
                "argument": {"name": "a", "value": ARGUMENT.text}}),
            ),
            message("tasks/get", json!({"taskId": ARGUMENT.text})),
            message("logging/setLevel", json!({"level": ARGUMENT.text})),
            message("method/of-its-own", arguments()),
            json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
                "params": {"requestId": 1, "reason": ARGUMENT.text}}),
            json!({"jsonrpc": "2.0", "id": 1, "result": {"secret": RESULT.text}}),
            json!([call("echo", &arguments()), call("fail", &arguments())]),
        ];
        for body in bodies {
            for accept in ["application/json", "text/event-stream, application/json"] {
                let request = self.request(Method::POST, "/mcp");
                let request = request
                    .header("mcp-protocol-version", era)
                    .header("accept", accept);
                let request =
                    request.header("mcp-method", body["method"].as_str().unwrap_or("none"));
                let request = request.header(
                    "mcp-name",
                    body["params"]["name"].as_str().unwrap_or("none"),
                );
                self.ignore(request.json(&body)).await;
            }
        }
    }

    async fn session(&mut self, era: &str) {
        let post = |traffic: &Self| {
            let request = traffic.request(Method::POST, "/mcp");
            request.header("accept", "text/event-stream, application/json")
        };
        let hello = message(
            "initialize",
            json!({"protocolVersion": era, "capabilities": {"experimental": {"x": {"y": META.text}}},
                "clientInfo": {"name": "canaries", "version": META.text}}),
        );
        let response = post(self).json(&hello).send().await.unwrap();
        let session = response.headers().get("mcp-session-id").cloned();
        let _ = response.bytes().await;
        self.sent += 1;
        if let Some(session) = session {
            let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
            for body in [
                initialized,
                call("echo", &arguments()),
                call("fail", &arguments()),
                call("nothing", &arguments()),
            ] {
                let request = post(self).header("mcp-session-id", &session);
                self.ignore(request.header("mcp-protocol-version", era).json(&body))
                    .await;
            }
            let request = self
                .request(Method::DELETE, "/mcp")
                .header("mcp-session-id", &session);
            self.ignore(request.header("mcp-protocol-version", era))
                .await;
        }
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let request = self
                .request(method, "/mcp")
                .header("mcp-session-id", SESSION.text);
            let request = request.header("accept", "text/event-stream, application/json");
            self.keep(
                "a session of nobody",
                request
                    .header("mcp-protocol-version", era)
                    .json(&call("echo", &json!({}))),
            )
            .await;
        }
    }

    async fn broken(&mut self) {
        for (kind, body) in [
            (
                "application/json",
                format!("{{\"message\": \"{}", BROKEN.text),
            ),
            ("application/json", format!("[\"{}\"]", BROKEN.text)),
            ("application/json", format!("\"{}\"", BROKEN.text)),
            (
                "application/json",
                format!(
                    "{{\"jsonrpc\": \"{}\", \"id\": 1, \"method\": \"ping\"}}",
                    BROKEN.text
                ),
            ),
            (
                "application/json",
                format!(
                    "{{\"jsonrpc\": \"2.0\", \"id\": {{\"a\": \"{}\"}}, \"method\": \"ping\"}}",
                    BROKEN.text
                ),
            ),
            (
                "application/json",
                format!(
                    "{{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"tools/call\", \"params\": \"{}\"}}",
                    BROKEN.text
                ),
            ),
            (
                "application/x-www-form-urlencoded",
                format!("password={}", BROKEN.text),
            ),
            ("text/plain", BROKEN.text.to_owned()),
        ] {
            for path in ["/tools/echo", "/mcp"] {
                let request = self
                    .request(Method::POST, path)
                    .header("content-type", kind);
                self.keep("a broken body", request.body(body.clone())).await;
            }
        }
    }
}

fn arguments() -> Value {
    json!({
        "message": ARGUMENT.text, "name": {"password": ARGUMENT.text}, ARGUMENT_NAME.text: [ARGUMENT.text],
        "seconds": ARGUMENT.text,
    })
}

fn call(tool: &str, arguments: &Value) -> Value {
    let mut call = message("tools/call", json!({"name": tool, "arguments": arguments}));
    call["params"]["requestState"] = json!(STATE.text);
    call
}

fn message(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({"secret": META.text, META.text: 1});
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}
