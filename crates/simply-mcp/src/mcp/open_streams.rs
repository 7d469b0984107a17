//! The event streams that are open, and how many each caller may have (`mcp.max_streams_per_caller`).
//!
//! Counted is every answer of `/mcp` that is an event stream: a listening one of 2026-07-28, the standing one of a
//! session, and each answer that is streamed while its tool runs. That to `initialize` is over at once, and is not. A caller is
//! counted by who it is, one without a key by its address.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use futures::Stream;
use prometheus::IntGauge;

use super::sessions::Account;
use crate::refusal::{Code, Refusal};

#[derive(Debug)]
pub(super) struct OpenStreams {
    /// Only who has a stream open is in here.
    counts: Mutex<HashMap<Account, u32>>,
    most_of_one: NonZeroU32,
    gauge: IntGauge,
}

/// One stream that is open, until this is dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    streams: Arc<OpenStreams>,
    account: Account,
}

impl OpenStreams {
    pub(super) fn new(most_of_one: NonZeroU32, gauge: IntGauge) -> Self {
        Self {
            counts: Mutex::default(),
            most_of_one,
            gauge,
        }
    }

    /// Counts a stream that is about to be opened.
    pub(super) fn open(self: &Arc<Self>, account: Account) -> Result<OpenStream, Refusal> {
        let most = self.most_of_one.get();
        let mut counts = self.lock();
        let count = counts.get(&account).copied().unwrap_or(0);
        if count >= most {
            return Err(Refusal::new(
                Code::TooManyOpen,
                format!(
                    "this caller has {most} event streams open, which is all it may have; close one, or wait until one ends"
                ),
            ));
        }
        counts.insert(account, count + 1);
        self.gauge.inc();
        Ok(OpenStream {
            streams: Arc::clone(self),
            account,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut counts = self.streams.lock();
        if let Some(count) = counts.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.account);
            }
            self.streams.gauge.dec();
        }
    }
}

/// A body that keeps `held` until it has ended, or its reader has gone.
pub(super) fn holding<S, E, T>(stream: S, held: T) -> Body
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<axum::BoxError> + 'static,
    T: Send + Unpin + 'static,
{
    Body::from_stream(Holding {
        stream: Box::pin(stream),
        held: Some(held),
    })
}

struct Holding<S, T> {
    stream: Pin<Box<S>>,
    held: Option<T>,
}

impl<S: Stream, T: Unpin> Stream for Holding<S, T> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let next = self.stream.as_mut().poll_next(context);
        if let Poll::Ready(None) = next {
            self.held = None;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use futures::{StreamExt, stream};

    use super::*;

    fn streams(most: u32) -> Arc<OpenStreams> {
        let gauge = IntGauge::new("streams", "streams").unwrap();
        Arc::new(OpenStreams::new(NonZeroU32::new(most).unwrap(), gauge))
    }

    fn account(number: u8) -> Account {
        Account::Address(IpAddr::from([10, 0, 0, number]))
    }

    // RL-12
    #[test]
    fn each_caller_has_so_many_streams_and_no_more() {
        let streams = streams(2);
        let first = streams.open(account(1)).unwrap();
        let second = streams.open(account(1)).unwrap();
        let refusal = streams.open(account(1)).unwrap_err();
        assert_eq!(refusal.code, Code::TooManyOpen);
        let other = streams.open(account(2)).unwrap();
        assert_eq!(streams.gauge.get(), 3);
        drop(first);
        let third = streams.open(account(1)).unwrap();
        drop((second, third, other));
        assert_eq!(streams.gauge.get(), 0);
        assert!(streams.lock().is_empty());
    }

    #[tokio::test]
    async fn a_stream_counts_until_it_ends_or_is_dropped() {
        let streams = streams(2);
        let ends = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]);
        let ends = holding(ends, streams.open(account(1)).unwrap());
        let mut ends = ends.into_data_stream();
        assert!(ends.next().await.is_some());
        assert_eq!(streams.gauge.get(), 1);
        assert!(ends.next().await.is_none());
        assert_eq!(streams.gauge.get(), 0);
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let never = holding(never, streams.open(account(1)).unwrap());
        assert_eq!(streams.gauge.get(), 1);
        drop(never);
        assert_eq!(streams.gauge.get(), 0);
    }
}
