//! YAML to a tree, with the place of every value.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned, options::DuplicateKeyPolicy};

use super::{Entry, Node, Problem, file::Source, node::Data};

/// The most values that aliases may repeat; a configuration needs none.
const MOST_REPEATED: usize = 10_000;
/// The deepest nesting; a configuration has three levels.
const DEEPEST: usize = 32;

/// The most values of a document that is no configuration, such as a file of many keys.
const MOST_VALUES: usize = 4_000_000;
/// The most bytes of such a document.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Reads one YAML document; nothing but comments is an empty one.
///
/// # Errors
///
/// The first place at which it is not YAML.
pub(super) fn parse(text: &str, source: &Source) -> Result<Node, Vec<Problem>> {
    let budget = serde_saphyr::budget! { max_depth: DEEPEST, flow_nesting_limit: DEEPEST };
    parse_within(text, source, budget)
}

/// The same for documents that may be large.
///
/// # Errors
///
/// The first place at which it is not YAML.
pub(super) fn parse_large(text: &str, source: &Source) -> Result<Node, Vec<Problem>> {
    let budget = serde_saphyr::budget! {
        max_depth: DEEPEST,
        flow_nesting_limit: DEEPEST,
        max_events: 2 * MOST_VALUES,
        max_nodes: MOST_VALUES,
        max_total_scalar_bytes: MOST_BYTES,
        max_total_comment_bytes: MOST_BYTES,
    };
    parse_within(text, source, budget)
}

fn parse_within(
    text: &str,
    source: &Source,
    budget: Option<serde_saphyr::Budget>,
) -> Result<Node, Vec<Problem>> {
    let options = serde_saphyr::options! {
        budget: budget,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED },
        // Both places of a key that stands there twice are wanted, so the visitor below gets both.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // A snippet could show a secret.
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Yaml>>(text, options) {
        Ok(document) => Ok(node(document, source)),
        Err(error) => Err(vec![problem(&error, source)]),
    }
}

fn problem(error: &Error, source: &Source) -> Problem {
    let origin = error
        .location()
        .filter(|location| *location != Location::UNKNOWN)
        .map_or_else(
            || source.whole(),
            |location| source.at(location.line(), location.column()),
        );
    Problem::of_source(origin, format!("this is not proper YAML: {}", what(error)))
}

// Some texts of the library quote the file, and a quotation could be a secret; only those pass that do not.
fn what(error: &Error) -> String {
    match error {
        Error::MultipleDocuments { .. } => {
            "there is more than one document (---); keep one".to_owned()
        }
        Error::UnknownAnchor { .. } => {
            "an alias (*) names an anchor (&) that is not there".to_owned()
        }
        Error::Budget { .. } | Error::AliasError { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "aliases or nesting make it larger than any configuration".to_owned()
        }
        // The parser's own texts are fixed and say what it expected.
        Error::ExternalMessage { msg, .. } => msg.clone(),
        _ => "keys are plain text, and values are plain text, numbers, true or false, without tags (!)".to_owned(),
    }
}

fn node(spanned: Spanned<Yaml>, source: &Source) -> Node {
    let origin = place(spanned.referenced, source);
    let data = match spanned.value {
        Yaml::Scalar(data) => data,
        Yaml::List(items) => Data::List(items.into_iter().map(|item| node(item, source)).collect()),
        Yaml::Map(entries) => Data::Map(
            entries
                .into_iter()
                .map(|(name, value)| Entry {
                    origin: place(name.referenced, source),
                    name: name.value,
                    value: node(value, source),
                })
                .collect(),
        ),
    };
    Node { origin, data }
}

fn place(location: Location, source: &Source) -> super::Origin {
    if location == Location::UNKNOWN {
        source.whole()
    } else {
        source.at(location.line(), location.column())
    }
}

enum Yaml {
    Scalar(Data),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Null))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Boolean(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Integer(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Integer(number.into())))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Integer(number)))
    }

    // What does not fit is far outside the range of every setting, and stays so.
    fn visit_u128<E>(self, number: u128) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Integer(
            i128::try_from(number).unwrap_or(i128::MAX),
        )))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Float(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Text(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Yaml, E> {
        Ok(Yaml::Scalar(Data::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Yaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Yaml, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Yaml::Map(entries))
    }
}
