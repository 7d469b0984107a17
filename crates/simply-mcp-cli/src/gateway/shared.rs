//! What the handler, the supervisor and the child's voice have in common.
#![expect(
    deprecated,
    reason = "logging is deprecated in 2026-07-28, and still served to the clients that use it"
)]

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rmcp::model::{
    LoggingMessageNotificationParam, ResourceUpdatedNotificationParam, ServerConfig,
};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::audience::{Audience, Broadcast};
use super::catalog::Tools;
use super::error::CallError;
use super::handshake::{Greeting, Identity};
use super::link::Link;
use super::live::Live;
use super::options::{ChildCommand, GatewayOptions};
use super::wire::Listener;

/// How the child is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChildStatus {
    /// Whether it answers requests.
    pub is_up: bool,
    /// How often it was started again.
    pub restarts: u64,
    /// When it was ready to serve the last time it was started.
    pub started_at: Option<SystemTime>,
    /// How it ended the last time, or why it could not be started again.
    pub last_exit: Option<String>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) command: ChildCommand,
    pub(super) options: GatewayOptions,
    pub(super) audience: Arc<Audience>,
    pub(super) status: watch::Sender<ChildStatus>,
    /// Woken when the child says that its tools changed.
    pub(super) tools_changed: Notify,
    /// Cancelled when the gateway ends.
    pub(super) stop: CancellationToken,
    /// How the child likes to be greeted, once that is known.
    pub(super) greeting: tokio::sync::Mutex<Option<Greeting>>,
    view: RwLock<View>,
}

/// What requests read.
#[derive(Debug)]
struct View {
    live: Result<Arc<Live>, CallError>,
    config: ServerConfig,
    tools: Arc<Tools>,
}

impl Shared {
    pub(super) fn new(command: ChildCommand, options: GatewayOptions) -> Self {
        Self {
            command,
            options,
            audience: Arc::default(),
            status: watch::Sender::new(ChildStatus::default()),
            tools_changed: Notify::new(),
            stop: CancellationToken::new(),
            greeting: tokio::sync::Mutex::new(None),
            view: RwLock::new(View {
                live: Err(CallError::Down("has not started yet".into())),
                config: ServerConfig::default(),
                tools: Arc::default(),
            }),
        }
    }

    /// The child, if it is up.
    pub(super) fn live(&self) -> Result<Arc<Live>, CallError> {
        self.view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .live
            .clone()
    }

    /// Who the child says it is; the last word of one that is down.
    pub(super) fn config(&self) -> ServerConfig {
        self.view
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .config
            .clone()
    }

    /// The child's tools, as last listed.
    pub(super) fn tools(&self) -> Arc<Tools> {
        Arc::clone(
            &self
                .view
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .tools,
        )
    }

    pub(super) fn set_tools(&self, tools: Arc<Tools>) {
        self.view
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .tools = tools;
    }

    /// The child is up: requests go to it from now on.
    pub(super) fn up(&self, link: Arc<Link>, identity: &Identity, tools: Arc<Tools>) -> Arc<Live> {
        let live = Arc::new(Live::new(link, identity.clone()));
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            view.live = Ok(Arc::clone(&live));
            view.config = identity.config.clone();
            view.tools = tools;
        }
        self.status.send_modify(|status| {
            status.is_up = true;
            status.started_at = Some(SystemTime::now());
        });
        live
    }

    /// The child is down: requests are answered with this from now on.
    pub(super) fn down(&self, error: &CallError, exit: String) {
        self.view
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .live = Err(error.clone());
        self.status.send_modify(|status| {
            status.is_up = false;
            status.last_exit = Some(exit);
        });
    }
}

impl Listener for Shared {
    fn notification(&self, link: &Link, method: &str, params: Option<&RawValue>) {
        match method {
            "notifications/tools/list_changed" => self.tools_changed.notify_one(),
            "notifications/prompts/list_changed" => self.audience.tell(&Broadcast::PromptsChanged),
            "notifications/resources/list_changed" => {
                self.audience.tell(&Broadcast::ResourcesChanged)
            }
            "notifications/resources/updated" => {
                if let Some(update) = parse::<ResourceUpdatedNotificationParam>(params) {
                    self.audience.tell(&Broadcast::ResourceUpdated(update));
                }
            }
            "notifications/message" => {
                let message = parse::<LoggingMessageNotificationParam>(params);
                if let Some(message) = message.and_then(|message| link.log(message)) {
                    self.audience.tell(&Broadcast::Log(message));
                }
            }
            _ => tracing::trace!("the child sent a notification that is not passed on"),
        }
    }
}

fn parse<T: DeserializeOwned>(params: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(params?.get()).ok()
}
