//! A server on a thread and a runtime of its own: it answers whatever happens on the threads of the others.

use std::{
    io,
    net::{self, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use prometheus::IntGauge;
use tokio::{net::TcpListener, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::{Crowded, Drain, Limits, serve, socket};
use crate::{Error, handle::Stack};

/// The most connections at a time: those who probe and scrape are few. Whoever holds more must not keep them out.
const MOST_CONNECTIONS: usize = 512;

/// How long an answer that is being written has at the end. Idle connections are closed then: nobody sends requests
/// that matter to a server that is gone.
const GRACE: Duration = Duration::from_millis(250);

/// The longest that anybody waits for the thread to end.
const END_WITHIN: Duration = Duration::from_secs(2);

/// A socket that is listened on, and not served yet.
#[derive(Debug)]
pub(crate) struct Bound(net::TcpListener);

/// A server that runs until it is told to end or is dropped.
#[derive(Debug)]
pub(crate) struct Apart {
    drain: Drain,
    gone: CancellationToken,
}

impl Bound {
    /// Listens on `address` for `monitoring.listen`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`], which says what helps.
    pub(crate) fn new(address: SocketAddr) -> Result<Self, Error> {
        socket::bind_for_monitoring(address).map(Self)
    }

    /// The address, with the port that 0 became.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves `stack` from now on; its connections count in `open`. `gone` is cancelled when the thread ends, for
    /// whatever reason.
    ///
    /// # Errors
    ///
    /// Where the operating system has no thread or no event queue left.
    pub(crate) async fn serve(
        self,
        stack: Stack,
        keepalive: Duration,
        gone: CancellationToken,
        open: IntGauge,
    ) -> io::Result<Apart> {
        let apart = Apart {
            drain: Drain::default(),
            gone: gone.clone(),
        };
        let drain = apart.drain.clone();
        let (started, outcome) = oneshot::channel();
        let run = move || {
            let _gone = gone.drop_guard();
            let limits = Limits {
                keepalive,
                grace: GRACE,
                connections: MOST_CONNECTIONS,
                crowded: Crowded::OldestGoes,
            };
            let served = AssertUnwindSafe(|| run(self.0, stack, limits, &drain, open, started));
            if catch_unwind(served).is_err() || !drain.draining.is_cancelled() {
                tracing::error!(
                    "the thread of monitoring.listen broke: health and metrics are on the server's own port only, until it is started again"
                );
            }
        };
        let thread = thread::Builder::new().name("monitoring".to_owned());
        thread.spawn(run)?;
        outcome
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread broke")))?;
        Ok(apart)
    }
}

impl Apart {
    /// Ends it, and waits until it has ended.
    pub(crate) async fn end(self) {
        self.drain.draining.cancel();
        let gone = self.gone.cancelled();
        // What is left then ends with the process.
        let _ = tokio::time::timeout(END_WITHIN, gone).await;
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.drain.draining.cancel();
    }
}

fn run(
    listener: net::TcpListener,
    stack: Stack,
    limits: Limits,
    drain: &Drain,
    open: IntGauge,
    started: oneshot::Sender<io::Result<()>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build();
    let prepared = runtime.and_then(|runtime| {
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        Ok((runtime, listener))
    });
    // Whoever started it may have given up waiting.
    match prepared {
        Ok((runtime, listener)) => {
            let _ = started.send(Ok(()));
            runtime.block_on(serve(listener, stack, limits, drain.clone(), open));
            // A scrape that still waits for the program must not hold the end up.
            runtime.shutdown_background();
        }
        Err(error) => {
            // It is told, and not a thread that broke.
            drain.draining.cancel();
            let _ = started.send(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, Response};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::handle::Handle;

    struct Answers;
    impl Handle for Answers {
        async fn handle(&self, request: Request<Body>) -> Response<Body> {
            assert_ne!(request.uri().path(), "/panic", "on purpose");
            let thread = thread::current().name().unwrap_or_default().to_owned();
            Response::new(Body::from(thread))
        }
    }

    async fn start() -> (Apart, SocketAddr, CancellationToken) {
        let bound = Bound::new(([127, 0, 0, 1], 0).into()).unwrap();
        let address = bound.address().unwrap();
        let gone = CancellationToken::new();
        let stack = Stack::new(Answers);
        let open = IntGauge::new("open", "open").unwrap();
        let apart = bound.serve(stack, Duration::from_secs(60), gone.clone(), open);
        (apart.await.unwrap(), address, gone)
    }

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_answers_on_its_own_thread_until_it_is_told_to_end() {
        let (apart, address, gone) = start().await;
        assert!(ask(address, "/").await.ends_with("monitoring"));
        // An idle connection does not hold it up.
        let _idle = tokio::net::TcpStream::connect(address).await.unwrap();
        apart.end().await;
        assert!(gone.is_cancelled());
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_request_that_panics_costs_its_own_connection_only() {
        let (_apart, address, gone) = start().await;
        assert_eq!(ask(address, "/panic").await, "");
        assert!(ask(address, "/").await.ends_with("monitoring"));
        assert!(!gone.is_cancelled());
    }

    // STA-05
    #[tokio::test]
    async fn clients_that_hold_every_connection_keep_nobody_out() {
        let (_apart, address, _) = start().await;
        let mut held = Vec::new();
        for _ in 0..=MOST_CONNECTIONS {
            held.push(tokio::net::TcpStream::connect(address).await.unwrap());
        }
        // They would be held for a minute.
        let asked = tokio::time::timeout(Duration::from_secs(5), ask(address, "/"));
        assert!(asked.await.unwrap().ends_with("monitoring"));
    }

    #[tokio::test]
    async fn it_ends_with_its_handle() {
        let (apart, _, gone) = start().await;
        drop(apart);
        gone.cancelled().await;
    }
}
