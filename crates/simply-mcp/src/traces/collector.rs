//! The way to the collector: one POST at a time, on the SDK's own thread.
//!
//! No redirect is followed, so that headers which hold a secret go where they were meant to go. No proxy of the
//! environment is used. No connection is kept: nobody would notice its end between two deliveries.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use reqwest::{Client, redirect};
use tokio::runtime::Runtime;
use tracing::subscriber::NoSubscriber;

/// Bytes of an answer that are read at most: it says next to nothing.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why the last delivery failed, in words that name no secret. Shared with who tells it.
pub(super) type Trouble = Arc<Mutex<Option<String>>>;

/// A client for the SDK's exporter.
pub(super) struct Collector {
    client: Client,
    /// Driven only while something is sent. `None` once it is dropped.
    runtime: Option<Runtime>,
    timeout: Duration,
    trouble: Trouble,
}

impl Collector {
    /// A client that waits `timeout` for each answer.
    ///
    /// # Errors
    ///
    /// Where the system's certificates cannot be used, or there are no resources.
    pub(super) fn new(timeout: Duration) -> Result<Self, String> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(timeout)
            .build()
            .map_err(|error| {
                format!(
                    "the certificates of this system cannot be used: {}",
                    causes(&error)
                )
            })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            runtime: Some(runtime),
            timeout,
            trouble: Trouble::default(),
        })
    }

    /// Where it is said why the last delivery failed.
    pub(super) fn trouble(&self) -> Trouble {
        Arc::clone(&self.trouble)
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = self.runtime.as_ref().ok_or("the client has ended")?;
        // Below here headers are logged at TRACE, whatever the program's filter is.
        tracing::subscriber::with_default(NoSubscriber::default(), || {
            runtime.block_on(async {
                tokio::time::timeout(self.timeout, self.exchange(request))
                    .await
                    .map_err(|_| format!("no answer within {:?}", self.timeout))?
            })
        })
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        for value in request.headers_mut().values_mut() {
            value.set_sensitive(true);
        }
        let request = reqwest::Request::try_from(request).map_err(|error| causes(&error))?;
        let sent = self.client.execute(request).await;
        let mut received = sent.map_err(|error| causes(&error.without_url()))?;
        let mut body = Vec::new();
        while let Some(chunk) = received
            .chunk()
            .await
            .map_err(|error| causes(&error.without_url()))?
        {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(format!("its answer has more than {LONGEST_ANSWER} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }

    fn note(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

impl HttpClient for Collector {
    // What `async_trait` makes of an async function.
    fn send_bytes<'client, 'sent>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'client: 'sent,
        Self: 'sent,
    {
        Box::pin(async move {
            let received = self.send(request);
            self.note(match &received {
                Ok(response) if response.status().is_success() => None,
                Ok(response) => Some(format!("it answered with status {}", response.status())),
                Err(error) => Some(error.to_string()),
            });
            received
        })
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Collector")
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // A runtime must not be waited for on a thread that serves.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// An error with what caused it: the first alone says only that something failed.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
