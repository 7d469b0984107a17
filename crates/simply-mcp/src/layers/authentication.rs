//! Lets in whoever shows a good key or token, and tells all that stands behind who it is.
//!
//! | | |
//! | --- | --- |
//! | reads | section `auth`; `Authorization: Bearer KEY` (RFC 6750 §2.1); [`facts::client_address`] |
//! | writes | [`Caller`], [`SeenCaller`]; takes `Authorization` out of the request; [`AuthFailure`] and [`RefusedCaller`] of a refusal |
//! | sets | `WWW-Authenticate` on a 401 |
//! | answers | 401 `unauthorized`, one answer for all reasons; 401 `key_malformed` for a key that was mistyped; 429 `rate_limited` after 100 wrong ones of an address in a minute |
//! | default | on as soon as there is a key; then every route needs one, but health, metrics, and what says how to get a token |
//!
//! The credentials go no further than here: no handler, no child and no log sees them. Event streams end when their
//! caller's key is revoked or expires. Keys travel in clear text over plain HTTP: put TLS in front of an address that
//! other machines reach.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response, header};

use crate::{
    auth::{Authentication, Failure, while_good},
    body,
    facts::{self, AuthFailure, Caller, RefusedCaller, SeenCaller},
    handle::Handle,
    refusal::Refusal,
    traces::AuthenticationSpan,
};

pub(super) struct Authenticates<N> {
    next: N,
    /// `None` where nobody has to say who it is.
    authentication: Option<Arc<Authentication>>,
}

impl<N> Authenticates<N> {
    pub(super) fn new(next: N, authentication: Option<Arc<Authentication>>) -> Self {
        Self {
            next,
            authentication,
        }
    }
}

impl<N: Handle> Handle for Authenticates<N> {
    async fn handle(&self, mut request: Request<Body>) -> Response<Body> {
        let Some(authentication) = &self.authentication else {
            return self.next.handle(request).await;
        };
        let span = AuthenticationSpan::start(request.extensions());
        let identified = authentication.identify(request.headers()).await;
        if let Some(span) = span {
            span.end(identified.as_ref().err().map(|failure| failure.reason()));
        }
        let caller = match identified {
            Ok(caller) => caller,
            Err(failure) => return refused(authentication, failure, &request),
        };
        introduce(&mut request, &caller);
        let mut response = self.next.handle(request).await;
        if response.extensions().get::<Refusal>().is_some() {
            let caller = RefusedCaller(caller.clone());
            response.extensions_mut().insert(caller);
        }
        if caller.facts().is_none() || !body::is_event_stream(response.headers()) {
            return response;
        }
        response.map(|body| while_good(&caller, body))
    }
}

fn refused(
    authentication: &Authentication,
    failure: Failure,
    request: &Request<Body>,
) -> Response<Body> {
    let address = facts::client_address(request.extensions());
    let mut response = authentication.refuse(failure, address).into_response();
    let reason = AuthFailure(failure.reason());
    response.extensions_mut().insert(reason);
    response
}

/// Writes the caller where others read it, and takes away what it showed.
fn introduce(request: &mut Request<Body>, caller: &Caller) {
    request.headers_mut().remove(header::AUTHORIZATION);
    let extensions = request.extensions_mut();
    // The place is laid out beforehand: filling it takes no memory.
    if let Some(place) = extensions.get_mut::<Caller>() {
        place.clone_from(caller);
    } else {
        extensions.insert(caller.clone());
    }
    if let Some(seen) = extensions.get::<SeenCaller>() {
        // It is empty: a request passes this door once.
        let _ = seen.0.set(caller.clone());
    }
}
