//! Which settings differ between two configurations, by name and never by value.

use serde_json::Value;
use simply_mcp::HttpConfig;

/// The keys of the settings that differ, as `server.port`. Of a secret only its section is named: two secrets look
/// alike wherever they are written.
pub(super) fn differences(old: &HttpConfig, new: &HttpConfig) -> Vec<String> {
    let mut found = Vec::new();
    walk(&value(old), &value(new), "", &mut found);
    let secrets = [
        ("auth", old.auth != new.auth),
        ("mcp", old.mcp != new.mcp),
        ("rate_limit", old.rate_limit != new.rate_limit),
    ];
    for (section, differs) in secrets {
        let is_named = found
            .iter()
            .any(|key| key.split('.').next() == Some(section));
        if differs && !is_named {
            found.push(format!("{section} (a secret in it)"));
        }
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
    fn of_a_secret_only_its_section_is_named() {
        let key = |key: &str| config(json!({"mcp": {"state_key": key}}));
        let found = differences(
            &key("0123456789abcdef0123456789abcdef"),
            &key("fedcba9876543210fedcba9876543210"),
        );
        assert_eq!(found, ["mcp (a secret in it)"]);
    }
}
