//! What doors and rooms ask: may this caller do this now.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{Clock, Decision, Identity, Memory, series::AllSeries, shared::Shared};
use crate::{
    config::{RateLimit, Strategy},
    facts::{Allowance, Caller},
    metrics::Metrics,
    refusal::{Code, Refusal, Scope, Wait},
    store::Store,
};

/// The least time between two log lines about what `rate_limit.shadow` let pass, in nanoseconds.
const SHADOW_PAUSE: u64 = 1_000_000_000;

/// Where the counts are kept.
#[derive(Debug)]
pub(crate) enum Backend {
    /// In this process.
    Memory(Memory),
    /// At the store that all replicas share.
    Shared(Box<Shared>),
}

impl Backend {
    /// At `store`, else in this process.
    pub(crate) fn new(settings: &RateLimit, store: Option<Store>) -> Self {
        match store {
            Some(store) => Self::Shared(Box::new(Shared::new(settings, store))),
            None => Self::Memory(Memory::new(settings.strategy)),
        }
    }
}

/// The limits of one transport: section `rate_limit`.
#[derive(Debug)]
pub(crate) struct Limiter {
    backend: Backend,
    clock: Clock,
    strategy: Strategy,
    default: Allowance,
    shadow: bool,
    series: AllSeries,
    /// When the next line about the shadow may be written, and how many were not.
    shadow_line_at: AtomicU64,
    shadow_unsaid: AtomicU64,
}

/// What became of a request at the limit.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// How the allowance stands; `None` where it could not be counted.
    pub(crate) decision: Option<Decision>,
    /// Why it does not pass.
    pub(crate) refusal: Option<Refusal>,
}

/// Whose allowance it is, and what a request is called there.
struct Counted<'a> {
    caller: &'a Caller,
    allowance: Allowance,
    tool: Option<&'a str>,
    cost: u32,
    /// What it costs when it is sent again: what the door has counted for it already, it counts again.
    again: u32,
}

impl Limiter {
    /// Counts in `backend` as `settings` say.
    pub(crate) fn new(settings: &RateLimit, backend: Backend, metrics: &Metrics) -> Self {
        Self::with_clock(settings, backend, metrics, Clock::monotonic())
    }

    pub(super) fn with_clock(
        settings: &RateLimit,
        backend: Backend,
        metrics: &Metrics,
        clock: Clock,
    ) -> Self {
        Self {
            backend,
            clock,
            strategy: settings.strategy,
            default: Allowance {
                limit: settings.default_limit,
                window: settings.window_seconds,
            },
            shadow: settings.shadow,
            series: AllSeries::new(metrics),
            shadow_line_at: AtomicU64::new(0),
            shadow_unsaid: AtomicU64::new(0),
        }
    }

    /// Counts `cost` requests of `identity`, all of them or none.
    ///
    /// # Errors
    ///
    /// A refusal where the counts cannot be asked and nothing may pass uncounted.
    pub(crate) async fn take(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
    ) -> Result<Decision, Refusal> {
        match &self.backend {
            Backend::Memory(memory) => Ok(memory.take(identity, allowance, cost, self.clock.now())),
            Backend::Shared(shared) => {
                let now = self.clock.now();
                shared.take(identity, allowance, cost, now).await
            }
        }
    }

    /// Counts `cost` requests against the allowance of the caller, or of its address where it is anonymous, and says
    /// how the allowance stands. The door asks this once for each request.
    pub(crate) async fn ask(&self, caller: &Caller, address: Option<IpAddr>, cost: u32) -> Verdict {
        let counted = Counted {
            caller,
            allowance: self.allowance_of(caller),
            tool: None,
            cost,
            again: cost,
        };
        self.judge(Identity::of(caller, address), &counted).await
    }

    /// How the allowance of the caller stands, with nothing counted.
    pub(crate) async fn standing(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
    ) -> Option<Decision> {
        let allowance = self.allowance_of(caller);
        let asked = self.take(Identity::of(caller, address), allowance, 0).await;
        asked.ok()
    }

    /// Counts `cost` more requests beside the one of the door: a batch, or a tool that costs more than one. Whoever
    /// calls it puts [`CountedFurther`](crate::facts::CountedFurther) into the extensions of an answer that passes.
    ///
    /// # Errors
    ///
    /// 429 `rate_limited` where less is left, 400 where it is more than the whole allowance.
    pub(crate) async fn charge(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
        cost: u32,
    ) -> Result<(), Refusal> {
        let counted = Counted {
            caller,
            allowance: self.allowance_of(caller),
            tool: None,
            cost,
            again: cost.saturating_add(1),
        };
        let identity = Identity::of(caller, address);
        self.judge(identity, &counted).await.outcome()
    }

    /// Counts one call against the allowance that the caller has for `tool`.
    ///
    /// # Errors
    ///
    /// 429 `rate_limited` where it is used up.
    pub(crate) async fn charge_tool(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
        tool: &str,
        allowance: Allowance,
    ) -> Result<(), Refusal> {
        let identity = Identity::of(caller, address).with_tool(tool);
        let counted = Counted {
            caller,
            allowance,
            tool: Some(tool),
            cost: 1,
            again: 1,
        };
        self.judge(identity, &counted).await.outcome()
    }

    /// What `/health` says of it.
    pub(crate) fn component(&self) -> serde_json::Value {
        serde_json::json!({ "status": "enabled", "strategy": self.strategy })
    }

    fn allowance_of(&self, caller: &Caller) -> Allowance {
        let own = caller.facts().and_then(|known| known.allowance);
        own.unwrap_or(self.default)
    }

    async fn judge(&self, identity: Identity, counted: &Counted<'_>) -> Verdict {
        let decision = match self.decide(identity, counted).await {
            Ok(decision) => decision,
            Err(refusal) => {
                return Verdict {
                    decision: None,
                    refusal: (!self.shadow).then_some(refusal),
                };
            }
        };
        self.measure(counted, &decision);
        let refused = !decision.admitted && !self.passes_in_shadow(counted);
        Verdict {
            decision: Some(decision),
            refusal: refused.then(|| counted.refusal(&decision)),
        }
    }

    async fn decide(&self, identity: Identity, counted: &Counted<'_>) -> Result<Decision, Refusal> {
        let Counted {
            allowance,
            cost,
            again,
            ..
        } = *counted;
        let decision = self.take(identity, allowance, cost).await?;
        if decision.admitted || again == cost {
            return Ok(decision);
        }
        // Only the count knows how long the whole request has to wait. Should it have room by now, it has passed.
        self.take(identity, allowance, again).await
    }

    fn measure(&self, counted: &Counted<'_>, decision: &Decision) {
        self.series.with(counted.caller.label(), |series| {
            if !decision.admitted {
                series.exceeded.inc();
            } else if counted.tool.is_none() {
                series.hit.inc_by(u64::from(counted.cost));
            }
            if counted.tool.is_none() {
                series.remaining.set(i64::from(decision.remaining));
            }
        });
    }

    fn passes_in_shadow(&self, counted: &Counted<'_>) -> bool {
        if self.shadow {
            self.say_in_shadow(counted);
        }
        self.shadow
    }

    // A client that is over its limit may send thousands of requests a second.
    fn say_in_shadow(&self, counted: &Counted<'_>) {
        let now = self.clock.now();
        let due = self.shadow_line_at.load(Ordering::Relaxed);
        let next = now.saturating_add(SHADOW_PAUSE);
        let mine = now >= due
            && self
                .shadow_line_at
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if !mine {
            self.shadow_unsaid.fetch_add(1, Ordering::Relaxed);
            return;
        }
        tracing::warn!(
            key = counted.caller.label(),
            tool = counted.tool,
            limit = counted.allowance.limit,
            window_seconds = counted.allowance.window.as_secs(),
            unsaid = self.shadow_unsaid.swap(0, Ordering::Relaxed),
            "a request is over its limit, and passes because rate_limit.shadow is on"
        );
    }
}

impl Verdict {
    fn outcome(self) -> Result<(), Refusal> {
        self.refusal.map_or(Ok(()), Err)
    }
}

impl Counted<'_> {
    fn refusal(&self, decision: &Decision) -> Refusal {
        let limit = self.allowance.limit.get();
        let window = seconds(self.allowance.window);
        let who = self.scope().who();
        let rule = match self.tool {
            Some(tool) => {
                let times = counted(limit.into(), "time");
                format!("{who} may call the tool {tool:?} {times} in {window}")
            }
            None => {
                let requests = counted(limit.into(), "request");
                format!("{who} may make {requests} in {window}")
            }
        };
        let Some(retry_after) = decision.retry_after else {
            return Refusal::new(
                Code::BadRequest,
                format!(
                    "{rule}, and this alone counts as {}, so waiting does not help; send fewer messages in a batch, or \
                     ask the operator for more",
                    self.again
                ),
            );
        };
        let wait = Wait {
            retry_after,
            limit,
            scope: self.tool.map_or_else(|| self.scope(), |_| Scope::Tool),
        };
        let detail = format!(
            "{rule}; wait {}, then send this again",
            seconds(retry_after)
        );
        Refusal::rate_limited(detail, wait)
    }

    fn scope(&self) -> Scope {
        match (self.caller.name(), self.caller.issuer()) {
            (None, _) => Scope::Address,
            (Some(_), None) => Scope::Key,
            (Some(_), Some(_)) => Scope::Token,
        }
    }
}

impl Scope {
    const fn who(self) -> &'static str {
        match self {
            Self::Key => "this key",
            Self::Token => "this token's subject",
            Self::Address | Self::Tool => "this address",
        }
    }
}

/// Whole seconds that are enough, as a person says them.
fn seconds(time: Duration) -> String {
    counted(time.as_nanos().div_ceil(1_000_000_000).max(1), "second")
}

fn counted(number: u128, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {what}{ending}")
}
