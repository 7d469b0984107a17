//! A document that is no configuration, such as a file of keys: the same tree of values that know where they stand.

use std::path::Path;

use serde_json::Value;

use super::{Node, Problem, file::Source, from_yaml};

/// The language of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// YAML 1.2.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

impl Language {
    /// The language that the name of a file ends in: `.yaml`, `.yml` or `.json`.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Reads the text of the file at `path`, which is only named in reports.
///
/// # Errors
///
/// The first place at which it is not of that language. Nothing of the text is repeated.
pub(crate) fn parse(text: &str, language: Language, path: &Path) -> Result<Node, Vec<Problem>> {
    let source = Source::new(path);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match language {
        Language::Yaml => from_yaml::parse_large(text, &source),
        Language::Json => json(text, &source),
    }
}

// JSON is read twice: by its own parser, which says what is JSON, and by that of YAML, which knows the places. Where
// the two languages differ after all, the places are lost and the values are kept.
fn json(text: &str, source: &Source) -> Result<Node, Vec<Problem>> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let at = source.at(error.line() as u64, error.column() as u64);
        let message = match error.classify() {
            serde_json::error::Category::Eof => "this is not whole JSON: it ends too early",
            _ => "this is not proper JSON",
        };
        vec![Problem::of_source(at, message)]
    })?;
    Ok(from_yaml::parse_large(text, source)
        .unwrap_or_else(|_| Node::from_json(value, &source.whole())))
}
