//! Requests over one connection that is kept, byte by byte as the test wants them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

pub(crate) struct Client(BufReader<TcpStream>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        // A server that waits for its log must fail its test and not hang it.
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).unwrap();
        Self(BufReader::new(stream))
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n"), "")
    }

    /// Calls the demo's echo under a correlation id.
    pub(crate) fn echo(&mut self, id: &str) -> Answer {
        self.post(
            "/tools/echo",
            &format!("X-Correlation-ID: {id}\r\n"),
            r#"{"message":"hi"}"#,
        )
    }

    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &str) -> Answer {
        self.send(
            &format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"),
            body,
        )
    }

    fn send(&mut self, head: &str, body: &str) -> Answer {
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        self.raw(request.as_bytes()).unwrap()
    }

    /// Sends these bytes; `None` where the server hangs up instead of answering.
    pub(crate) fn raw(&mut self, request: &[u8]) -> Option<Answer> {
        self.0.get_mut().write_all(request).ok()?;
        let status = self.line()?.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        let body = String::from_utf8(body).unwrap();
        Some(Answer { status, body })
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}
