//! Whether a caller may use a tool: what its key names, what its token's scopes allow.
//!
//! Both doors ask here, as soon as they know which tool is meant and before they look at anything else of the call.
//! A tool that a key may not use does not exist for it: it is not listed, and a call of it is answered like that of
//! a tool that nobody knows. A tool that needs scopes is not listed either, but a call of it says which scopes would
//! do (RFC 6750 §3.1), so that a client can go and get them.

use std::collections::{BTreeMap, HashMap};

use http::{Extensions, HeaderValue, request::Parts};

use crate::{
    facts::Caller,
    refusal::{Code, Refusal},
};

/// What decides over the use of tools. Without any rule it lets everything pass.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    scopes: HashMap<Box<str>, Needed>,
}

/// The scopes that a tool needs.
#[derive(Debug)]
struct Needed {
    scopes: Vec<Box<str>>,
    /// For whom has a token with too little in it.
    insufficient: HeaderValue,
    /// For whom has none.
    missing: HeaderValue,
}

/// How a client is told to come back with more (RFC 6750 §3): both from the scopes that are needed.
pub(crate) trait Challenge {
    /// `Bearer error="insufficient_scope", …`
    fn insufficient(&self, scopes: &[Box<str>]) -> HeaderValue;
    /// `Bearer …`
    fn missing(&self, scopes: &[Box<str>]) -> HeaderValue;
}

impl Admission {
    /// The rules of `auth.jwt.tool_scopes`.
    pub(crate) fn with_scopes(
        tools: &BTreeMap<String, Vec<String>>,
        challenge: &impl Challenge,
    ) -> Self {
        let scopes = tools
            .iter()
            .filter(|(_, scopes)| !scopes.is_empty())
            .map(|(tool, scopes)| {
                let scopes: Vec<Box<str>> =
                    scopes.iter().map(|scope| scope.as_str().into()).collect();
                let needed = Needed {
                    insufficient: challenge.insufficient(&scopes),
                    missing: challenge.missing(&scopes),
                    scopes,
                };
                (tool.as_str().into(), needed)
            })
            .collect();
        Self { scopes }
    }

    /// Whether the tool stands in the caller's list.
    pub(crate) fn lists(&self, caller: &Caller, tool: &str) -> bool {
        exists_for(caller, tool) && self.lacking(caller, tool).is_none()
    }

    /// Whether two callers may be shown different lists.
    pub(crate) fn varies(&self, caller: &Caller) -> bool {
        !self.scopes.is_empty() || caller.facts().is_some_and(|known| known.tools.is_some())
    }

    /// Whether the caller may call the tool.
    ///
    /// # Errors
    ///
    /// A challenge that names the scopes which are needed. A tool that does not exist for the caller is no error
    /// here: its call goes on, and the guard answers it as it answers unknown names.
    pub(crate) fn call(&self, parts: &Parts, tool: &str) -> Result<(), Refusal> {
        let caller = caller(&parts.extensions);
        if !exists_for(caller, tool) {
            return Ok(());
        }
        let Some(needed) = self.lacking(caller, tool) else {
            return Ok(());
        };
        let scopes = needed.scopes.join(" ");
        if caller.id().is_none() {
            return Err(Refusal::challenge(
                Code::Unauthorized,
                format!("this tool needs a token with the scopes {scopes:?}"),
                needed.missing.clone(),
            ));
        }
        Err(Refusal::challenge(
            Code::InsufficientScope,
            format!("this tool needs the scopes {scopes:?}; get a token that has them"),
            needed.insufficient.clone(),
        ))
    }

    /// What the caller would need to call the tool, if it lacks any of it. A key has no scopes and needs none: what
    /// it may call stands with the key.
    fn lacking(&self, caller: &Caller, tool: &str) -> Option<&Needed> {
        if caller.facts().is_some_and(|known| known.scopes.is_none()) {
            return None;
        }
        let needed = self.scopes.get(tool)?;
        let has_all = needed.scopes.iter().all(|scope| caller.has_scope(scope));
        (!has_all).then_some(needed)
    }
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
    use std::sync::Arc;

    use http::{Request, StatusCode, header};
    use serde_json::json;

    use super::*;
    use crate::facts::{Known, Principal};

    struct Plain;

    impl Challenge for Plain {
        fn insufficient(&self, scopes: &[Box<str>]) -> HeaderValue {
            HeaderValue::from_str(&format!("insufficient {}", scopes.join(" "))).unwrap()
        }

        fn missing(&self, scopes: &[Box<str>]) -> HeaderValue {
            HeaderValue::from_str(&format!("missing {}", scopes.join(" "))).unwrap()
        }
    }

    fn admission() -> Admission {
        let tools = json!({"delete": ["files:write", "files:read"], "free": []});
        Admission::with_scopes(&serde_json::from_value(tools).unwrap(), &Plain)
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

    fn call(caller: Caller, tool: &str) -> Result<(), (StatusCode, String)> {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions.insert(caller);
        admission().call(&parts, tool).map_err(|refusal| {
            let response = refusal.into_response();
            let challenge = response.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap();
            (response.status(), challenge.to_owned())
        })
    }

    // AUT-10, JWT-11
    #[test]
    fn a_token_needs_every_scope_of_a_tool_to_see_and_to_call_it() {
        let rules = admission();
        for (caller, lists, outcome) in [
            (token(&["files:write", "files:read", "x"]), true, Ok(())),
            (
                token(&["files:write"]),
                false,
                Err((403, "insufficient files:write files:read")),
            ),
            (
                token(&[]),
                false,
                Err((403, "insufficient files:write files:read")),
            ),
            (
                Caller::anonymous(),
                false,
                Err((401, "missing files:write files:read")),
            ),
            (key(None), true, Ok(())),
            (key(Some(&["delete"])), true, Ok(())),
            // The guard answers it.
            (key(Some(&["other"])), false, Ok(())),
        ] {
            assert_eq!(rules.lists(&caller, "delete"), lists, "{caller:?}");
            let outcome = outcome.map_err(|(status, challenge): (u16, &str)| {
                (StatusCode::from_u16(status).unwrap(), challenge.to_owned())
            });
            assert_eq!(call(caller, "delete"), outcome);
        }
        assert!(rules.lists(&token(&[]), "free") && rules.lists(&Caller::anonymous(), "other"));
    }

    #[test]
    fn a_list_that_depends_on_the_caller_is_known_to_do_so() {
        assert!(admission().varies(&Caller::anonymous()));
        assert!(!Admission::default().varies(&key(None)));
        assert!(Admission::default().varies(&key(Some(&[]))));
    }
}
