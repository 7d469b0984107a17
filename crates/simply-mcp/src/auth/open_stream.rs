//! The end of what is still open when its caller may not call any more.

use std::{
    future,
    time::{Duration, SystemTime},
};

use axum::body::Body;
use futures::StreamExt;

use crate::facts::{Caller, Known};

/// How long is slept at a time: a wall clock may be set, and a machine may sleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The same body, which ends when the caller's key is revoked or has expired. The end is a clean one, as a client
/// sees it when a server is done: it comes again, and hears 401.
///
/// A key that is to end at another time, as an old one does in a rotation, keeps what it has open until then.
pub(crate) fn while_good(caller: &Caller, body: Body) -> Body {
    let ended = no_longer_good(caller.clone());
    Body::from_stream(body.into_data_stream().take_until(ended))
}

async fn no_longer_good(mut caller: Caller) {
    loop {
        let successor = match caller.facts() {
            Some(known) => changed(known).await,
            None => future::pending().await,
        };
        match successor {
            Some(successor) => caller = successor,
            None => return,
        }
    }
}

/// What the key has become; `None` where it is good no more.
async fn changed(known: &Known) -> Option<Caller> {
    tokio::select! {
        () = known.revoked.cancelled() => known.successor.get().cloned(),
        () = expired(known.expires_at) => None,
    }
}

async fn expired(at: Option<SystemTime>) {
    let Some(at) = at else {
        return future::pending().await;
    };
    while let Ok(left) = at.duration_since(SystemTime::now()) {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use bytes::Bytes;
    use futures::stream;
    use http_body_util::BodyExt;

    use super::*;
    use crate::facts::Principal;

    /// A body with one event, that never ends by itself.
    fn open() -> Body {
        let one = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"data: 1\n\n"))]);
        Body::from_stream(one.chain(stream::pending()))
    }

    fn known() -> Known {
        Known::new(Principal::Key("ci".into()))
    }

    // AUT-05
    #[tokio::test]
    async fn a_stream_ends_when_its_key_is_revoked() {
        let caller = Caller::known(Arc::new(known()));
        let mut body = while_good(&caller, open());
        assert!(body.frame().await.is_some());
        caller.facts().unwrap().revoked.cancel();
        assert!(body.frame().await.is_none());
    }

    // AUT-05
    #[tokio::test]
    async fn a_stream_goes_on_with_what_its_key_has_become_and_ends_with_it() {
        let caller = Caller::known(Arc::new(known()));
        let mut body = while_good(&caller, open());
        assert!(body.frame().await.is_some());
        let successor = Caller::known(Arc::new(known()));
        let known = caller.facts().unwrap();
        known.successor.set(successor.clone()).unwrap();
        known.revoked.cancel();
        let quiet = tokio::time::timeout(Duration::from_millis(50), body.frame());
        assert!(quiet.await.is_err(), "the stream ended");
        successor.facts().unwrap().revoked.cancel();
        assert!(body.frame().await.is_none());
    }

    // AUT-06
    #[tokio::test]
    async fn a_stream_ends_when_its_key_expires() {
        let mut known = known();
        known.expires_at = Some(SystemTime::now() + Duration::from_millis(200));
        let mut body = while_good(&Caller::known(Arc::new(known)), open());
        assert!(body.frame().await.is_some());
        assert!(body.frame().await.is_none());
    }
}
