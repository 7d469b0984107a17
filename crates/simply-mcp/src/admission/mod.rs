//! Whether a caller may use a tool: what its key names, what its token's scopes allow, and how often.
//!
//! Both doors ask here, as soon as they know which tool is meant and before they look at anything else of the call.
//! A tool that a key may not use does not exist for it: it is not listed, and a call of it is answered like that of
//! a tool that nobody knows. A tool that needs scopes is not listed either, but a call of it says which scopes would
//! do (RFC 6750 §3.1), so that a client can go and get them. What costs more than the one request that the rate limit
//! door has counted, a tool with a cost or a batch, is counted further here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Extensions, Response, request::Parts};
use rmcp::model::Tool;

use crate::{
    auth::Challenges,
    config::RateLimit,
    facts::{self, Allowance, Caller, CountedFurther},
    rate_limit::Limiter,
    refusal::Refusal,
};

/// What decides over the use of tools. Without any rule it lets everything pass.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    scopes: HashMap<Box<str>, Scopes>,
    /// What is said to whom lacks them; there where tokens are accepted.
    challenges: Option<Arc<Challenges>>,
    limiter: Option<Arc<Limiter>>,
    limits: HashMap<Box<str>, Limit>,
    /// Whether the names in the rules have been compared with a list of the handler's.
    compared: AtomicBool,
}

/// How often a caller may call a tool, and what a call costs.
#[derive(Debug)]
struct Limit {
    own: Option<Allowance>,
    /// What is counted beyond the request itself.
    further: u32,
}

/// The scopes that a tool needs.
type Scopes = Vec<Box<str>>;

impl Admission {
    /// The same, with `auth.jwt.tool_scopes`.
    pub(crate) fn with_scopes(
        mut self,
        tools: &BTreeMap<String, Vec<String>>,
        challenges: Arc<Challenges>,
    ) -> Self {
        let tools = tools.iter().map(|(tool, scopes)| {
            let scopes = scopes.iter().map(|scope| scope.as_str().into()).collect();
            (tool.as_str().into(), scopes)
        });
        self.scopes = tools.collect();
        self.challenges = Some(challenges);
        self
    }

    /// The same, with `rate_limit.tools`; batches are counted in `limiter` as well.
    pub(crate) fn with_limits(mut self, settings: &RateLimit, limiter: Arc<Limiter>) -> Self {
        let limits = settings.tools.iter().map(|(tool, limit)| {
            let own = limit.limit.map(|requests| Allowance {
                limit: requests,
                window: limit.window_seconds.unwrap_or(settings.window_seconds),
            });
            let further = limit.cost.get() - 1;
            (tool.as_str().into(), Limit { own, further })
        });
        self.limits = limits.collect();
        self.limiter = Some(limiter);
        self
    }

    /// Whether the tool stands in the caller's list.
    pub(crate) fn lists(&self, caller: &Caller, tool: &str) -> bool {
        exists_for(caller, tool) && self.lacking(caller, tool).is_none()
    }

    /// The names in the rules that stand in no complete list of the handler's: somebody misspelt them, and the tool that
    /// was meant has no rule. Said once, as tools may come and go.
    pub(crate) fn misspelt(&self, all: &[Tool]) -> Vec<&str> {
        if self.compared.swap(true, Ordering::Relaxed) {
            return Vec::new();
        }
        let names = self.scopes.keys().chain(self.limits.keys());
        let mut missing: Vec<&str> = names
            .map(|name| &**name)
            .filter(|name| all.iter().all(|tool| tool.name != *name))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Whether two callers may be shown different lists.
    pub(crate) fn varies(&self, caller: &Caller) -> bool {
        !self.scopes.is_empty() || caller.facts().is_some_and(|known| known.tools.is_some())
    }

    /// Whether the caller may call the tool now. Counts the call where the tool has a limit or a cost.
    ///
    /// # Errors
    ///
    /// A challenge that names the scopes which are needed; 429 for a call too many. A tool that does not exist for
    /// the caller is no error here: its call goes on, and the guard answers it as it answers unknown names.
    pub(crate) async fn call(&self, parts: &Parts, tool: &str) -> Result<Further, Refusal> {
        let caller = caller(&parts.extensions);
        if !exists_for(caller, tool) {
            return Ok(Further::Nothing);
        }
        if let (Some(scopes), Some(challenges)) = (self.lacking(caller, tool), &self.challenges) {
            let scopes = scopes.iter().map(|scope| &**scope);
            return Err(match caller.id() {
                Some(_) => challenges.insufficient_scope(caller.issuer(), scopes),
                None => challenges.missing_token(scopes),
            });
        }
        let (Some(limiter), Some(limit)) = (&self.limiter, self.limits.get(tool)) else {
            return Ok(Further::Nothing);
        };
        let address = facts::client_address(&parts.extensions);
        if let Some(own) = limit.own {
            limiter.charge_tool(caller, address, tool, own).await?;
        }
        if limit.further == 0 {
            return Ok(Further::Nothing);
        }
        charge(limiter, parts, limit.further).await?;
        Ok(Further::Counted)
    }

    /// Counts a batch of `items`, of which the door has counted one.
    ///
    /// # Errors
    ///
    /// 429 where less is left, 400 where it is more than the whole allowance.
    pub(crate) async fn batch(&self, parts: &Parts, items: usize) -> Result<Further, Refusal> {
        let further = u32::try_from(items.saturating_sub(1)).unwrap_or(u32::MAX);
        let Some(limiter) = &self.limiter else {
            return Ok(Further::Nothing);
        };
        charge(limiter, parts, further).await?;
        // The calls within it may have been counted further too.
        Ok(Further::Counted)
    }

    /// What the caller would need to call the tool, if it lacks any of it. A key has no scopes and needs none: what
    /// it may call stands with the key.
    fn lacking(&self, caller: &Caller, tool: &str) -> Option<&Scopes> {
        if caller.facts().is_some_and(|known| known.scopes.is_none()) {
            return None;
        }
        let scopes = self.scopes.get(tool)?;
        let has_all = scopes.iter().all(|scope| caller.has_scope(scope));
        (!has_all).then_some(scopes)
    }
}

/// Whether more was counted than the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Further {
    Nothing,
    Counted,
}

impl Further {
    /// Tells the rate limit door, so that its headers say what is left.
    pub(crate) fn note<B>(self, response: &mut Response<B>) {
        if self == Self::Counted {
            response.extensions_mut().insert(CountedFurther);
        }
    }
}

async fn charge(limiter: &Limiter, parts: &Parts, further: u32) -> Result<(), Refusal> {
    let caller = caller(&parts.extensions);
    let address = facts::client_address(&parts.extensions);
    limiter.charge(caller, address, further).await
}

/// Whether the caller's key, if it names tools, names this one.
pub(crate) fn exists_for(caller: &Caller, tool: &str) -> bool {
    let tools = caller.facts().and_then(|known| known.tools.as_ref());
    tools.is_none_or(|tools| tools.contains(tool))
}

/// Who asks, as the doors found out.
pub(crate) fn caller(extensions: &Extensions) -> &Caller {
    const NOBODY: &Caller = &Caller::nobody();
    extensions.get::<Caller>().unwrap_or(NOBODY)
}

#[cfg(test)]
mod tests {
    use http::{Request, StatusCode, header};
    use serde_json::json;

    use super::*;
    use crate::{
        facts::{Known, Principal},
        metrics::Metrics,
        rate_limit::Backend,
        refusal::Code,
    };

    fn admission() -> Admission {
        let tools = json!({"delete": ["files:write", "files:read"], "free": []});
        let tools = serde_json::from_value(tools).unwrap();
        Admission::default().with_scopes(&tools, Arc::new(Challenges::of_keys()))
    }

    fn token(scopes: &[&str]) -> Caller {
        let mut known = Known::new(Principal::Token {
            issuer: "i".into(),
            subject: "s".into(),
            client: None,
        });
        known.scopes = Some(scopes.iter().map(|scope| (*scope).into()).collect());
        Caller::known(Arc::new(known))
    }

    fn key(tools: Option<&[&str]>) -> Caller {
        let mut known = Known::new(Principal::Key("k".into()));
        known.tools = tools.map(|tools| tools.iter().map(|tool| (*tool).into()).collect());
        Caller::known(Arc::new(known))
    }

    async fn call(caller: Caller, tool: &str) -> Result<Further, (StatusCode, String)> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions.insert(caller);
        admission().call(&parts, tool).await.map_err(|refusal| {
            let response = refusal.into_response();
            let challenge = response.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap();
            (response.status(), challenge.to_owned())
        })
    }

    // AUT-10, JWT-11
    #[tokio::test]
    async fn a_token_needs_every_scope_of_a_tool_to_see_and_to_call_it() {
        let rules = admission();
        for (caller, lists, outcome) in [
            (
                token(&["files:write", "files:read", "x"]),
                true,
                Ok(Further::Nothing),
            ),
            (
                token(&["files:write"]),
                false,
                Err((
                    403,
                    "Bearer error=\"insufficient_scope\", scope=\"files:read files:write\"",
                )),
            ),
            (
                token(&[]),
                false,
                Err((
                    403,
                    "Bearer error=\"insufficient_scope\", scope=\"files:read files:write\"",
                )),
            ),
            (
                Caller::anonymous(),
                false,
                Err((401, "Bearer scope=\"files:read files:write\"")),
            ),
            (key(None), true, Ok(Further::Nothing)),
            (key(Some(&["delete"])), true, Ok(Further::Nothing)),
            // The guard answers it.
            (key(Some(&["other"])), false, Ok(Further::Nothing)),
        ] {
            assert_eq!(rules.lists(&caller, "delete"), lists, "{caller:?}");
            let outcome = outcome.map_err(|(status, challenge): (u16, &str)| {
                (StatusCode::from_u16(status).unwrap(), challenge.to_owned())
            });
            assert_eq!(call(caller, "delete").await, outcome);
        }
        assert!(rules.lists(&token(&[]), "free") && rules.lists(&Caller::anonymous(), "other"));
    }

    #[test]
    fn a_rule_for_a_tool_that_is_not_there_is_noticed_once() {
        let rules = admission();
        let tool = |name: &'static str| Tool::new(name, "", Arc::new(serde_json::Map::new()));
        assert_eq!(rules.misspelt(&[tool("delete"), tool("fre")]), ["free"]);
        assert!(rules.misspelt(&[]).is_empty());
    }

    #[test]
    fn a_list_that_depends_on_the_caller_is_known_to_do_so() {
        assert!(admission().varies(&Caller::anonymous()));
        assert!(!Admission::default().varies(&key(None)));
        assert!(Admission::default().varies(&key(Some(&[]))));
    }

    fn limited() -> Admission {
        let settings = json!({"rate_limit": {
            "enabled": true,
            "default_limit": 10,
            "tools": {"dear": {"cost": 4}, "rare": {"limit": 1}, "both": {"limit": 2, "window_seconds": 1, "cost": 2}},
        }});
        let settings = crate::HttpConfig::from_value(settings).unwrap().rate_limit;
        let backend = Backend::new(&settings, None);
        let limiter = Limiter::new(&settings, backend, &Metrics::new());
        Admission::default().with_limits(&settings, Arc::new(limiter))
    }

    fn from(caller: Caller) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions.insert(caller);
        parts
    }

    fn data(refusal: &Refusal) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_slice(&refusal.to_json_rpc("c")).unwrap();
        body["error"]["data"].clone()
    }

    // RL-10
    #[tokio::test]
    async fn a_dear_tool_and_a_batch_cost_what_they_say() {
        let (rules, parts) = (limited(), from(key(None)));
        assert_eq!(rules.call(&parts, "plain").await.unwrap(), Further::Nothing);
        for _ in 0..2 {
            // Three each, beside the one that the door counts.
            assert_eq!(rules.call(&parts, "dear").await.unwrap(), Further::Counted);
        }
        assert_eq!(rules.batch(&parts, 1).await.unwrap(), Further::Counted);
        assert_eq!(rules.batch(&parts, 5).await.unwrap(), Further::Counted);
        let refusal = rules.call(&parts, "dear").await.unwrap_err();
        assert_eq!(
            (refusal.code, data(&refusal)["scope"].as_str()),
            (Code::RateLimited, Some("key"))
        );
        let refusal = rules.batch(&parts, 100).await.unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest, "it would never pass");
    }

    #[tokio::test]
    async fn the_limit_of_a_tool_is_each_callers_own() {
        let rules = limited();
        for caller in [key(None), token(&[]), Caller::anonymous()] {
            let parts = from(caller);
            assert_eq!(rules.call(&parts, "rare").await.unwrap(), Further::Nothing);
            let refusal = rules.call(&parts, "rare").await.unwrap_err();
            assert_eq!(refusal.code, Code::RateLimited);
            assert_eq!(data(&refusal)["scope"], "tool");
            assert_eq!(data(&refusal)["limit"], 1);
            assert_eq!(rules.call(&parts, "both").await.unwrap(), Further::Counted);
        }
    }
}
