//! The other end, as a handler sees it where there is none: one long-lived `Peer` a protocol version.
//!
//! rmcp gives a handler a `Peer` to talk back through, and only a running service can make one. The
//! direct way has no stream to talk back on, so one service a version runs over a transport that goes
//! nowhere: notifications are dropped, requests are answered with an error at once.

use std::{convert::Infallible, sync::OnceLock};

use http::request::Parts;
use rmcp::{
    RoleServer, ServerHandler,
    model::{
        ClientCapabilities, ClientJsonRpcMessage, ErrorData, Implementation,
        InitializeRequestParams, JsonRpcMessage, ProtocolVersion, RequestId, RequestMetaObject,
        ServerJsonRpcMessage,
    },
    service::{Peer, RequestContext, RunningService, serve_directly},
    transport::Transport,
};
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;

use crate::guard::Guarded;

type Running<H> = RunningService<RoleServer, Guarded<H>>;

/// Requests to nowhere that may wait for their error at once; more wait for a place.
const MOST_WAITING: usize = 64;

pub(crate) struct Peers<H: ServerHandler> {
    handler: Guarded<H>,
    /// In the order of `KNOWN_VERSIONS`; each started by the first request that needs it.
    running: Vec<OnceLock<Running<H>>>,
    /// What a REST call counts as: the newest version that the handler speaks.
    rest_version: ProtocolVersion,
    rest_meta: RequestMetaObject,
}

impl<H: ServerHandler> Peers<H> {
    pub(crate) fn new(handler: Guarded<H>) -> Self {
        let rest_version = handler
            .supported_protocol_versions()
            .iter()
            .max_by(|a, b| a.as_str().cmp(b.as_str()))
            .cloned()
            .unwrap_or(ProtocolVersion::LATEST);
        let mut rest_meta = RequestMetaObject::default();
        if rest_version.as_str() >= ProtocolVersion::V_2026_07_28.as_str() {
            rest_meta.set_protocol_version(rest_version.clone());
            rest_meta.set_client_capabilities(ClientCapabilities::default());
        }
        let running = ProtocolVersion::KNOWN_VERSIONS
            .iter()
            .map(|_| OnceLock::new())
            .collect();
        Self {
            handler,
            running,
            rest_version,
            rest_meta,
        }
    }

    /// What the handler learns of a request. Dropping the guard, as happens with the request's own
    /// future, tells the handler that nobody waits any more.
    pub(super) fn context(
        &self,
        version: &ProtocolVersion,
        id: RequestId,
        meta: RequestMetaObject,
        parts: Parts,
    ) -> (RequestContext<RoleServer>, DropGuard) {
        let mut context = RequestContext::new(id, self.peer(version));
        context.meta = meta;
        context.extensions.insert(parts);
        let guard = context.ct.clone().drop_guard();
        (context, guard)
    }

    /// The same for a call by REST: a client of the newest version that can do nothing but ask.
    pub(crate) fn rest_context(&self, parts: Parts) -> (RequestContext<RoleServer>, DropGuard) {
        self.context(
            &self.rest_version,
            RequestId::Number(0),
            self.rest_meta.clone(),
            parts,
        )
    }

    fn peer(&self, version: &ProtocolVersion) -> Peer<RoleServer> {
        let known = ProtocolVersion::KNOWN_VERSIONS;
        let index = known
            .iter()
            .position(|known| known == version)
            .unwrap_or(known.len() - 1);
        self.running[index]
            .get_or_init(|| self.start(&known[index]))
            .peer()
            .clone()
    }

    fn start(&self, version: &ProtocolVersion) -> Running<H> {
        let (answers, waiting) = mpsc::channel(MOST_WAITING);
        let info =
            InitializeRequestParams::new(ClientCapabilities::default(), Implementation::default())
                .with_protocol_version(version.clone());
        serve_directly(
            self.handler.clone(),
            Nowhere { answers, waiting },
            Some(info),
        )
    }
}

/// A transport whose other end is not there.
struct Nowhere {
    answers: mpsc::Sender<ClientJsonRpcMessage>,
    waiting: mpsc::Receiver<ClientJsonRpcMessage>,
}

impl Transport<RoleServer> for Nowhere {
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        let answers = self.answers.clone();
        async move {
            if let JsonRpcMessage::Request(request) = message {
                let error = ErrorData::invalid_request(
                    "this request has no stream on which its client could be asked back",
                    None,
                );
                // The receiver lives as long as the service that would miss the answer.
                let _ = answers
                    .send(JsonRpcMessage::error(error, Some(request.id)))
                    .await;
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.waiting.recv().await
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
