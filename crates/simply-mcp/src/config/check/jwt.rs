//! Whether the issuers of tokens can be believed as they are configured.

use super::is_loopback;
use crate::config::{HttpConfig, Jwt, JwtIssuer, Origin, Problem};

/// Everything about `auth.jwt` that does not fit together.
pub(super) fn problems(config: &HttpConfig, origin: &dyn Fn(&str) -> Origin) -> Vec<Problem> {
    let jwt = &config.auth.jwt;
    let problem = |key: &str, message: String| Problem::of_setting(origin(key), key, message);
    let mut problems = Vec::new();
    if jwt.issuer.is_none() {
        problems.extend(orphans(jwt).map(|key| {
            problem(
                key,
                "this says nothing without auth.jwt.issuer; set the issuer as well".to_owned(),
            )
        }));
    }
    let mut seen = Vec::new();
    for (index, issuer) in jwt.issuers().enumerate() {
        let key = place(jwt, index);
        for message in of_issuer(&issuer, jwt) {
            problems.push(problem(&key, message));
        }
        if issuer.audience.is_empty()
            && config.server.public_url.is_none()
            && !is_loopback(config.server.host)
        {
            problems.push(problem(
                &key,
                "tokens are accepted only for this server, and nothing says what it is called in their `aud`; set \
                 server.public_url, or the issuer's audience"
                    .to_owned(),
            ));
        }
        if seen.contains(&issuer.issuer) {
            problems.push(problem(
                &key,
                format!("the issuer {:?} stands here twice", issuer.issuer),
            ));
        }
        seen.push(issuer.issuer);
    }
    let scopes = jwt.tool_scopes.iter().flat_map(|(tool, scopes)| {
        scopes
            .iter()
            .filter(|scope| !is_scope(scope))
            .map(move |scope| (tool, scope))
    });
    problems.extend(scopes.map(|(tool, scope)| {
        problem(
            "auth.jwt.tool_scopes",
            format!("{scope:?}, which {tool:?} needs, is not a scope (RFC 6749 §3.3)"),
        )
    }));
    problems
}

fn orphans(jwt: &Jwt) -> impl Iterator<Item = &'static str> {
    [
        ("auth.jwt.audience", !jwt.audience.is_empty()),
        ("auth.jwt.jwks_url", jwt.jwks_url.is_some()),
        ("auth.jwt.jwks_file", jwt.jwks_file.is_some()),
        ("auth.jwt.required_scopes", !jwt.required_scopes.is_empty()),
        (
            "auth.jwt.tool_scopes",
            !jwt.tool_scopes.is_empty() && !jwt.is_on(),
        ),
    ]
    .into_iter()
    .filter_map(|(key, is_set)| is_set.then_some(key))
}

/// Where the issuer of that number is configured.
fn place(jwt: &Jwt, index: usize) -> String {
    match (jwt.issuer.is_some(), index) {
        (true, 0) => "auth.jwt.issuer".to_owned(),
        _ => "auth.jwt.further_issuers".to_owned(),
    }
}

fn of_issuer(issuer: &JwtIssuer, jwt: &Jwt) -> Vec<String> {
    let name = &issuer.issuer;
    let mut messages = Vec::new();
    if name.is_empty() {
        messages.push("the issuer is empty; write what stands in the tokens' `iss`".to_owned());
    }
    let texts = issuer.audience.iter().chain([name]);
    if let Some(text) = texts.into_iter().find(|text| text.trim() != **text) {
        messages.push(format!(
            "{text:?} has space around it, which no token will have; leave it out"
        ));
    }
    if issuer.audience.iter().any(String::is_empty) {
        messages.push(format!(
            "an audience of {name:?} is empty, so tokens that are for nobody would pass; write what stands in their \
             `aud`"
        ));
    }
    match (&issuer.jwks_url, &issuer.jwks_file) {
        (None, None) => messages.push(format!(
            "nothing says where the public keys of {name:?} are; set jwks_url or jwks_file"
        )),
        (Some(_), Some(_)) => messages.push(format!(
            "{name:?} has both jwks_url and jwks_file; keep one of them"
        )),
        (Some(url), None) if !url.is_secure() && !jwt.allow_private_networks => messages.push(format!(
            "jwks_url of {name:?} is plain http, so anybody on the way could put keys of their own there; use \
             https, or set auth.jwt.allow_private_networks if the way is your own"
        )),
        _ => {}
    }
    if issuer.algorithms.is_empty() {
        messages.push(format!(
            "{name:?} has no algorithms, so no token would be accepted"
        ));
    }
    if let Some(scope) = issuer.required_scopes.iter().find(|scope| !is_scope(scope)) {
        messages.push(format!(
            "{scope:?}, which {name:?} requires, is not a scope (RFC 6749 §3.3)"
        ));
    }
    messages
}

/// RFC 6749 §3.3: printable ASCII without space, `"` and `\`.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::HttpConfig;

    fn refused(jwt: &serde_json::Value) -> String {
        match HttpConfig::from_value(json!({"auth": {"jwt": jwt}})) {
            Ok(_) => String::new(),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_the_way_out() {
        let issuer = "https://login.example.com";
        let url = "https://login.example.com/jwks";
        for (jwt, way_out) in [
            (json!({"issuer": issuer}), "set jwks_url or jwks_file"),
            (
                json!({"issuer": issuer, "jwks_url": url, "jwks_file": "f"}),
                "keep one of them",
            ),
            (
                json!({"issuer": issuer, "jwks_url": "http://a/"}),
                "allow_private_networks",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "algorithms": []}),
                "has no algorithms",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "required_scopes": ["a b"]}),
                "is not a scope",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "tool_scopes": {"t": ["a\"b"]}}),
                "is not a scope",
            ),
            (json!({"issuer": "", "jwks_url": url}), "issuer is empty"),
            (
                json!({"issuer": issuer, "jwks_url": url, "audience": ["a", ""]}),
                "for nobody would pass",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "audience": ["a "]}),
                "space around it",
            ),
            (
                json!({"issuer": format!(" {issuer}"), "jwks_url": url}),
                "space around it",
            ),
            (json!({"jwks_url": url}), "set the issuer as well"),
            (
                json!({"issuer": issuer, "jwks_url": url, "further_issuers": [{"issuer": issuer, "jwks_url": url}]}),
                "twice",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "algorithms": ["HS256"]}),
                "RS256",
            ),
            (
                json!({"issuer": issuer, "jwks_url": url, "further_issuers": [{"isuer": issuer}]}),
                "here there are",
            ),
        ] {
            let text = refused(&jwt);
            assert!(text.contains(way_out), "{jwt}: {text}");
        }
    }

    #[test]
    fn what_fits_together_passes() {
        let issuer = "https://login.example.com";
        assert_eq!(
            refused(&json!({"issuer": issuer, "jwks_url": "https://a/"})),
            ""
        );
        assert_eq!(
            refused(
                &json!({"issuer": issuer, "jwks_url": "http://10.0.0.1/", "allow_private_networks": true})
            ),
            ""
        );
        assert_eq!(
            refused(
                &json!({"further_issuers": [{"issuer": issuer, "jwks_file": "f"}], "tool_scopes": {"t": ["a:b"]}})
            ),
            ""
        );
    }
}
