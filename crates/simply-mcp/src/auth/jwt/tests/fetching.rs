//! Fetching from servers that mean no good.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    auth::jwt::fetch::{FetchError, Fetcher},
    config::HttpUrl,
};

/// A server that counts who comes, and answers each with `answer`.
async fn server<F: Future<Output = ()> + Send>(
    answer: impl Fn(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            answer(stream).await;
        }
    });
    (address, hits)
}

async fn answering(text: impl Into<Vec<u8>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let text: Arc<[u8]> = text.into().into();
    server(move |mut stream| {
        let text = Arc::clone(&text);
        async move {
            let _ = stream.write_all(&text).await;
        }
    })
    .await
}

fn document(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

fn fetcher(url: &str, private: bool) -> Result<Fetcher, FetchError> {
    Fetcher::new(&HttpUrl::parse(url).unwrap(), private)
}

async fn fetch(address: SocketAddr) -> Result<Vec<u8>, FetchError> {
    fetcher(&format!("http://{address}/jwks"), true)
        .unwrap()
        .fetch()
        .await
}

#[tokio::test]
async fn a_document_is_fetched() {
    for headers in [
        "content-type: application/json\r\n",
        "content-type: application/jwk-set+json; charset=utf-8\r\n",
        "content-type: text/plain\r\n",
        "content-encoding: identity\r\n",
        "",
    ] {
        let (address, _) = answering(document(headers, "{}")).await;
        assert_eq!(fetch(address).await.unwrap(), b"{}", "{headers}");
    }
}

// SSR-01
#[tokio::test]
async fn an_address_that_is_not_public_is_refused_before_it_is_connected_to() {
    let (address, hits) = answering(document("", "{}")).await;
    let port = address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "100.64.0.1",
        "[fc00::1]",
    ] {
        let refused = fetcher(&format!("https://{host}:{port}/jwks"), false);
        assert!(
            matches!(refused, Err(FetchError::NotPublic { .. })),
            "{host}"
        );
    }
    for host in [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
    ] {
        for private in [false, true] {
            let refused = fetcher(&format!("https://{host}:{port}/jwks"), private);
            assert!(matches!(refused, Err(FetchError::Never { .. })), "{host}");
        }
    }
    // A name is resolved, and what it leads to is what counts.
    for host in ["localhost", "LOCALHOST"] {
        let fetcher = fetcher(&format!("https://{host}:{port}/jwks"), false).unwrap();
        let error = fetcher.fetch().await.unwrap_err().to_string();
        assert!(error.contains("allow_private_networks"), "{error}");
    }
    let plain = fetcher(&format!("http://localhost:{port}/jwks"), false).unwrap();
    assert!(plain.fetch().await.is_err());
    assert_eq!(hits.load(Ordering::SeqCst), 0);
    let allowed = fetcher(&format!("http://localhost:{port}/jwks"), true).unwrap();
    assert_eq!(allowed.fetch().await.unwrap(), b"{}");
}

// SSR-02
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (target, hits) = answering(document("", "{}")).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
        let (address, _) = answering(answer).await;
        let error = fetch(address).await.unwrap_err();
        assert!(matches!(error, FetchError::Status(_)), "{error}");
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
}

// SSR-03
#[tokio::test]
async fn a_document_without_end_is_cut_off() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let (address, _) = server(move |mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b' '; 65536]).await.is_ok() {
                counted.fetch_add(65536, Ordering::SeqCst);
            }
        }
    })
    .await;
    let error = fetch(address).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge), "{error}");
    // What the two sockets hold in flight is small beside a gigabyte.
    assert!(sent.load(Ordering::SeqCst) < 64 << 20);
}

// SSR-03
#[tokio::test]
async fn a_document_that_drips_is_given_up() {
    let (address, _) = server(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let mut fetcher = fetcher(&format!("http://{address}/"), true).unwrap();
    assert_eq!(fetcher.patience, Duration::from_secs(5));
    fetcher.patience = Duration::from_millis(300);
    let error = fetcher.fetch().await.unwrap_err();
    assert!(matches!(error, FetchError::Connection(_)), "{error}");
}

// SSR-03
#[tokio::test]
async fn what_is_packed_or_is_no_json_is_refused_unread() {
    for headers in [
        "content-encoding: gzip\r\n",
        "content-encoding: br\r\n",
        "content-type: text/html\r\n",
        "content-type: image/png\r\n",
    ] {
        let (address, _) = answering(document(headers, "{}")).await;
        let error = fetch(address).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Encoded | FetchError::ContentType(_)),
            "{headers}"
        );
    }
    for status in [
        "204 No Content",
        "206 Partial",
        "404 Not Found",
        "500 Broken",
    ] {
        let (address, _) =
            answering(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")).await;
        assert!(
            matches!(fetch(address).await, Err(FetchError::Status(_))),
            "{status}"
        );
    }
}

// JWT-09
#[tokio::test]
async fn a_real_server_of_keys_is_asked_once_whatever_is_named() {
    let keys = json!({"keys": [fixture::jwk("rsa", crate::config::JwtAlgorithm::RS256)]});
    let (address, hits) = answering(document("", &keys.to_string())).await;
    let url = format!("http://{address}/jwks");
    let config = config(&json!({"jwks_url": url, "allow_private_networks": true}));
    let tokens = Tokens::new(&config, &Metrics::new(), Some(&Arc::default())).unwrap();
    let good = fixture::token(&claims());
    assert!(tokens.verify_at(&good, now()).await.is_ok());
    let flood = (0..10_000).map(|number| {
        let header = json!({"alg": "RS256", "kid": format!("k{number}")}).to_string();
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let claims = good.split('.').nth(1).unwrap();
        let text = format!("{}.{claims}.c2ln", URL_SAFE_NO_PAD.encode(header));
        let tokens = &tokens;
        async move { tokens.verify_at(&text, now()).await }
    });
    let flood = futures::future::join_all(flood).await;
    assert!(
        flood
            .iter()
            .all(|refused| matches!(refused, Err(Failure::UnknownKey)))
    );
    assert!(tokens.verify_at(&good, now()).await.is_ok());
    assert_eq!(hits.load(Ordering::SeqCst), 1);
}
