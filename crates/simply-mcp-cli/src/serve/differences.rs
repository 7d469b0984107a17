//! Which settings differ between two configurations, by name and never by value.

use serde_json::Value;
use simply_mcp::HttpConfig;

/// The keys of the settings that differ, as `server.port`. Secrets are compared by themselves: two of them look alike
/// wherever they are written.
pub(super) fn differences(old: &HttpConfig, new: &HttpConfig) -> Vec<String> {
    let mut found = Vec::new();
    walk(&value(old), &value(new), "", &mut found);
    let secrets = [
        ("mcp.state_key", old.mcp.state_key != new.mcp.state_key),
        (
            "rate_limit.store",
            old.rate_limit.store != new.rate_limit.store,
        ),
    ];
    for (key, differs) in secrets {
        if differs && !found.iter().any(|it| it == key) {
            found.push(key.to_owned());
        }
    }
    let is_in_auth = |key: &String| key.starts_with("auth.");
    if old.auth != new.auth && !found.iter().any(is_in_auth) {
        found.push("auth (a secret in it)".to_owned());
    }
    found
}

fn value(config: &HttpConfig) -> Value {
    // Sections serialise to maps of plain values, which JSON can write.
    serde_json::to_value(config).unwrap_or_default()
}

fn walk(old: &Value, new: &Value, key: &str, found: &mut Vec<String>) {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        if old != new {
            found.push(key.to_owned());
        }
        return;
    };
    let added = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(added) {
        let within = match key {
            "" => name.clone(),
            section => format!("{section}.{name}"),
        };
        let side = |map: &serde_json::Map<String, Value>| map.get(name).cloned();
        let (old, new) = (side(before), side(after));
        walk(
            &old.unwrap_or_default(),
            &new.unwrap_or_default(),
            &within,
            found,
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> HttpConfig {
        HttpConfig::from_value(value).unwrap()
    }

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        let old = config(json!({"server": {"port": 1}}));
        let new = config(json!({
            "server": {"port": 2},
            "audit": {"arguments": {"search": ["query"]}},
            "rate_limit": {"tools": {"search": {"cost": 2}}}
        }));
        assert_eq!(differences(&old, &old), Vec::<String>::new());
        let mut found = differences(&old, &new);
        found.sort();
        assert_eq!(
            found,
            [
                "audit.arguments.search",
                "rate_limit.tools.search",
                "server.port"
            ]
        );
    }

    #[test]
    fn a_secret_is_named_also_beside_another_setting_of_its_section() {
        let key = |path: &str, key: &str, password: &str| {
            let store = format!("redis://:{password}@127.0.0.1/");
            config(json!({
                "mcp": {"path": path, "state_key": key},
                "rate_limit": {"store": store}
            }))
        };
        let old = key("/mcp", "0123456789abcdef0123456789abcdef", "one");
        let new = key("/mcp", "fedcba9876543210fedcba9876543210", "two");
        assert_eq!(
            differences(&old, &new),
            ["mcp.state_key", "rate_limit.store"]
        );
        let new = key("/other", "fedcba9876543210fedcba9876543210", "one");
        assert_eq!(differences(&old, &new), ["mcp.path", "mcp.state_key"]);
    }
}
