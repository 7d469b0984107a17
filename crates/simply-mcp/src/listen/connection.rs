//! One connection: HTTP/1.1, or HTTP/2 by prior knowledge, with a bound on everything.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use futures::StreamExt;
use http::{HeaderValue, Request, Response, Version, header};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use prometheus::IntGauge;
use tokio::net::TcpStream;

use super::{drain::Drain, prefixed::Prefixed};
use crate::{body, facts::PeerAddress, handle::Stack};

/// The most headers of a request; more is 431.
const MOST_HEADERS: usize = 100;
/// The largest head of a request, in bytes; more is 431.
const LARGEST_HEAD: usize = 64 * 1024;
/// HTTP/2: the most streams at a time on one connection.
const MOST_STREAMS: u32 = 100;
/// HTTP/2: how often a silent peer is asked whether it is there, and how long it has to answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may read nothing of what is written to it. A stream that it reads, however slowly, goes on.
const UNREAD: Duration = Duration::from_secs(60);
/// While draining: how long an idle connection is kept, as a proxy may just be writing to it.
const LINGER: Duration = Duration::from_secs(1);

/// What every connection of a server has in common.
pub(super) struct Settings {
    pub(super) keepalive: Duration,
    pub(super) stack: Stack,
    pub(super) drain: Drain,
    /// The connections that are open.
    pub(super) open: IntGauge,
}

/// Serves one connection to its end. What goes wrong on it is the client's affair.
pub(super) async fn serve(stream: TcpStream, settings: &Arc<Settings>) {
    let Ok(peer) = stream.peer_addr() else { return };
    // Answers are written whole: waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    // Without a bound here, a client that says nothing holds its place for ever.
    let sniffed = tokio::time::timeout(settings.keepalive, Prefixed::sniff(stream, UNREAD));
    let sniffed = tokio::select! {
        sniffed = sniffed => sniffed,
        () = lingered(settings) => return,
    };
    match sniffed {
        Ok(Ok((stream, true))) => serve_http2(stream, peer, settings).await,
        Ok(Ok((stream, false))) => serve_http1(stream, peer, settings).await,
        Ok(Err(_)) | Err(_) => {}
    }
}

async fn serve_http1(stream: Prefixed, peer: SocketAddr, settings: &Arc<Settings>) {
    let service = service_fn(|request| answer(request, peer, settings));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The timer starts when the last answer is written: it bounds idleness and slow heads alike.
        .header_read_timeout(settings.keepalive)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = settings.drain.over.cancelled() => return,
        () = lingered(settings) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = settings.drain.over.cancelled() => {}
    }
}

async fn serve_http2(stream: Prefixed, peer: SocketAddr, settings: &Arc<Settings>) {
    let requests = Arc::new(AtomicU64::new(0));
    let service = service_fn(|request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let settings = Arc::clone(settings);
        async move { answer(request, peer, &settings).await }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = settings.drain.over.cancelled() => return,
        () = settings.drain.draining.cancelled() => {}
        () = unused(&requests, settings.keepalive) => {
            // Not one request: there is nobody to be polite to, and a handshake may never end.
            if requests.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }
    // GOAWAY: streams that are open finish, new ones go elsewhere (RFC 9113 §6.8).
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = settings.drain.over.cancelled() => {}
    }
}

/// Ends when the server drains and idle connections have had their moment.
async fn lingered(settings: &Settings) {
    settings.drain.draining.cancelled().await;
    tokio::time::sleep(LINGER.min(settings.keepalive)).await;
}

/// Ends when no request has come for `keepalive`.
async fn unused(requests: &AtomicU64, keepalive: Duration) {
    let mut before = requests.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(keepalive).await;
        let now = requests.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    settings: &Settings,
) -> Result<Response<Body>, Infallible> {
    let running = settings.drain.running();
    let version = request.version();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(PeerAddress(peer));
    let mut response = settings.stack.handle(request).await;
    if settings.drain.draining.is_cancelled() && version <= Version::HTTP_11 {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if body::is_event_stream(response.headers()) {
        // A stream runs on behind its head: the request counts until its last event.
        response = response.map(|body| {
            Body::from_stream(body.into_data_stream().inspect(move |_| {
                let _ = &running;
            }))
        });
    }
    Ok(response)
}
