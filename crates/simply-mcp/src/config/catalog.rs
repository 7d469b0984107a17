//! Every setting with its kind, default and documentation, read from the schema of [`HttpConfig`]:
//! the one place that the loader, `explain` and the starter file learn from.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::HttpConfig;

static CATALOG: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let mut settings = settings_of("", &schema());
    let order = declared_order();
    settings.sort_by_key(|setting| order.iter().position(|key| *key == setting.key));
    settings
});

/// What a setting, or a section, is.
#[derive(Debug, PartialEq)]
pub(super) struct Setting {
    /// The whole key, as `server.port`.
    pub(super) key: String,
    /// The last part of the key.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) secret: bool,
    pub(super) documentation: String,
    pub(super) default: Value,
    pub(super) example: Option<Value>,
}

/// What a value looks like, before its own type reads it.
#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Section,
    Boolean,
    Integer {
        least: i128,
        most: i128,
    },
    Text {
        choices: Vec<String>,
    },
    List(Box<Self>),
    /// Names of the operator's choice, each with a value.
    Map(Box<Self>),
    /// An item of a list or a map that has settings of its own.
    Record(Vec<Setting>),
}

/// The JSON Schema (2020-12) of the whole configuration.
pub(super) fn schema() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<HttpConfig>()
        .to_value()
}

/// Every setting and section, each section before its settings, in the order in which they are declared.
pub(super) fn all() -> &'static [Setting] {
    &CATALOG
}

/// The setting or section of that key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    all().iter().find(|setting| setting.key == key)
}

/// What stands directly in a section; the empty key is the top.
pub(super) fn children(section: &str) -> impl Iterator<Item = &'static Setting> {
    all()
        .iter()
        .filter(move |setting| parent(&setting.key) == section)
}

/// The key without its last part.
pub(super) fn parent(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// A section's key and a name within it, joined.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

// A schema sorts by name. What is serialised stands in the order of the source, which is the order for readers.
fn declared_order() -> Vec<String> {
    let mut sections: Vec<&str> = Vec::new();
    let yaml = HttpConfig::default().to_yaml();
    let keys = yaml.lines().filter_map(|line| {
        let name = line.trim_start();
        let depth = (line.len() - name.len()) / 2;
        sections.truncate(depth);
        sections.push(name.split_once(':')?.0);
        Some(sections.join("."))
    });
    keys.collect()
}

fn settings_of(section: &str, schema: &Value) -> Vec<Setting> {
    let properties = schema["properties"].as_object();
    let mut settings = Vec::new();
    for (name, schema) in properties.into_iter().flatten() {
        let key = join(section, name);
        let inner = settings_of(&key, schema);
        settings.push(setting(key, name, schema));
        settings.extend(inner);
    }
    settings
}

fn setting(key: String, name: &str, schema: &Value) -> Setting {
    let examples = schema["examples"].as_array();
    let kind = kind(schema);
    let mut documentation = documentation(schema);
    if let Kind::Text { choices } = &kind
        && !choices.is_empty()
    {
        documentation = format!("{documentation} One of {}.", choices.join(", "));
    }
    Setting {
        key,
        name: name.to_owned(),
        kind,
        nullable: types(schema).any(|kind| kind == "null"),
        secret: schema["writeOnly"] == true,
        documentation,
        default: schema["default"].clone(),
        example: examples.and_then(|examples| examples.first().cloned()),
    }
}

// A blank line in a description parts paragraphs; a single line end is only where the source wraps.
fn documentation(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n")
}

fn kind(schema: &Value) -> Kind {
    match types(schema).find(|kind| *kind != "null") {
        Some("object") if schema["additionalProperties"].is_object() => {
            Kind::Map(Box::new(item_kind(&schema["additionalProperties"])))
        }
        Some("object") => Kind::Section,
        Some("boolean") => Kind::Boolean,
        Some("integer") => Kind::Integer {
            least: bound(&schema["minimum"]).unwrap_or(i64::MIN.into()),
            most: bound(&schema["maximum"]).unwrap_or(i64::MAX.into()),
        },
        Some("array") => Kind::List(Box::new(item_kind(&schema["items"]))),
        _ => Kind::Text {
            choices: choices(schema),
        },
    }
}

fn item_kind(schema: &Value) -> Kind {
    match kind(schema) {
        Kind::Section => Kind::Record(settings_of("", schema)),
        kind => kind,
    }
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let kinds = &schema["type"];
    let several = kinds.as_array().into_iter().flatten();
    std::iter::once(kinds)
        .chain(several)
        .filter_map(Value::as_str)
}

fn bound(number: &Value) -> Option<i128> {
    number.as_i64().map(i128::from)
}

fn choices(schema: &Value) -> Vec<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|one| {
            std::iter::once(&one["const"]).chain(one["enum"].as_array().into_iter().flatten())
        });
    listed
        .chain(described)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_in_the_order_of_the_source() {
        let keys: Vec<&str> = all().iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(
            keys[..4],
            ["environment", "server", "server.host", "server.port"]
        );
        assert!(
            keys.iter()
                .all(|key| declared_order().iter().any(|known| known == key))
        );
    }

    #[test]
    fn every_setting_has_a_kind_a_default_and_documentation() {
        for setting in all() {
            assert!(!setting.documentation.is_empty(), "{}", setting.key);
            assert!(
                setting.nullable || !setting.default.is_null(),
                "{}",
                setting.key
            );
        }
        assert!(find("mcp.state_key").unwrap().secret);
        assert!(find("server.public_url").unwrap().nullable);
        assert_eq!(
            find("server.port").unwrap().kind,
            Kind::Integer {
                least: 0,
                most: 65535
            }
        );
        assert_eq!(
            find("logging.format").unwrap().kind,
            Kind::Text {
                choices: vec!["json".to_owned(), "text".to_owned()]
            }
        );
    }

    #[test]
    fn a_setting_that_may_be_absent_shows_an_example() {
        for setting in all() {
            assert_eq!(
                setting.default.is_null(),
                setting.example.is_some(),
                "{}",
                setting.key
            );
        }
    }
}
