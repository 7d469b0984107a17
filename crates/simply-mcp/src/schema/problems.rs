//! The words for arguments that do not fit: where (RFC 6901), and what, with little of the value.

use std::fmt::{self, Write as _};

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

/// The most mismatches that are reported; more help nobody and a caller can provoke thousands.
pub(crate) const MAX_MISMATCHES: usize = 10;

/// Characters of a value that a message repeats.
const MAX_VALUE: usize = 60;

/// Characters of one message and of one pointer.
const MAX_MESSAGE: usize = 300;

/// One place where the arguments do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// JSON pointer (RFC 6901) into the arguments; empty for the arguments as a whole. For a
    /// missing property, where it is missing.
    pub(crate) pointer: String,
    /// What is wrong there.
    pub(crate) message: String,
}

impl Mismatch {
    pub(super) fn at_root(message: String) -> Self {
        Self {
            pointer: String::new(),
            message,
        }
    }
}

/// Arguments that do not fit a tool's input schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidArguments {
    mismatches: Vec<Mismatch>,
    more: bool,
}

impl InvalidArguments {
    pub(super) fn new(mut mismatches: Vec<Mismatch>) -> Self {
        if mismatches.is_empty() {
            mismatches.push(Mismatch::at_root("they do not fit".to_owned()));
        }
        let more = mismatches.len() > MAX_MISMATCHES;
        mismatches.truncate(MAX_MISMATCHES);
        Self { mismatches, more }
    }

    /// The first mismatches, at least one and at most [`MAX_MISMATCHES`].
    #[cfg(test)]
    pub(super) fn mismatches(&self) -> &[Mismatch] {
        &self.mismatches
    }
}

impl fmt::Display for InvalidArguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("arguments do not fit the tool's input schema")?;
        for (index, Mismatch { pointer, message }) in self.mismatches.iter().enumerate() {
            formatter.write_str(if index == 0 { ": " } else { "; " })?;
            if pointer.is_empty() {
                formatter.write_str(message)?;
            } else {
                write!(formatter, "{pointer}: {message}")?;
            }
        }
        if self.more {
            formatter.write_str("; and more")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidArguments {}

/// The mismatches behind one error of the validator: as many as it names properties.
pub(super) fn of_arguments(error: &ValidationError<'_>) -> Vec<Mismatch> {
    let pointer = error.instance_path().as_str();
    let below = |names: &[String], message: &str| {
        let at = |name: &String| Mismatch {
            pointer: child(pointer, name),
            message: message.to_owned(),
        };
        names.iter().take(MAX_MISMATCHES + 1).map(at).collect()
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default().to_owned();
            below(&[name], "required property is missing")
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            below(unexpected, "the schema has no such property")
        }
        _ => vec![Mismatch {
            pointer: shortened(pointer, MAX_MESSAGE),
            message: message(error),
        }],
    }
}

/// Why a schema does not compile, without a dump of the schema.
pub(super) fn of_schema(error: &ValidationError<'_>) -> String {
    let pointer = shortened(error.instance_path().as_str(), MAX_MESSAGE);
    let message = shortened(
        &error.masked_with(preview(error.instance())).to_string(),
        MAX_MESSAGE,
    );
    if pointer.is_empty() {
        message
    } else {
        format!("{pointer}: {message}")
    }
}

fn message(error: &ValidationError<'_>) -> String {
    let value = preview(error.instance());
    match error.kind() {
        ValidationErrorKind::Type { kind } => format!("{value} is not {}", types(kind)),
        ValidationErrorKind::FalseSchema => "nothing may stand here".to_owned(),
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            format!("{value} fits none of the alternatives")
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{value} fits more than one of the alternatives, and must fit exactly one")
        }
        ValidationErrorKind::Not { .. } => format!("{value} fits what is ruled out"),
        ValidationErrorKind::UnevaluatedItems { .. } => "it has items too many".to_owned(),
        ValidationErrorKind::PropertyNames { error } => {
            format!("a property's name does not fit: {}", message(error))
        }
        _ => shortened(&error.masked_with(value).to_string(), MAX_MESSAGE),
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => with_article(*one).to_owned(),
        TypeKind::Multiple(several) => {
            let names: Vec<_> = several.iter().map(with_article).collect();
            names.join(" or ")
        }
    }
}

fn with_article(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

/// A value as a message may repeat it: numbers and the like shortened, the rest by kind. A string may be a secret, and
/// whoever sent it knows it; a message is read, kept and logged by others.
fn preview(value: &Value) -> String {
    match value {
        Value::Array(_) => "the array".to_owned(),
        Value::Object(_) => "the object".to_owned(),
        Value::String(_) => "the string".to_owned(),
        scalar => shortened(&scalar.to_string(), MAX_VALUE),
    }
}

fn child(pointer: &str, name: &str) -> String {
    let mut path = shortened(pointer, MAX_MESSAGE);
    path.push('/');
    for character in name.chars().take(MAX_VALUE) {
        match character {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            other => path.push(other),
        }
    }
    if name.chars().nth(MAX_VALUE).is_some() {
        path.push('…');
    }
    path
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut short = text[..end].to_owned();
            let _ = short.write_char('…');
            short
        }
    }
}
