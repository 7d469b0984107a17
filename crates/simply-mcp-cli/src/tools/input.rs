//! Text that the command line gives, names a file for, or pipes in.

use std::{
    convert::Infallible,
    fmt,
    io::{Read as _, Write as _},
    process::ExitCode,
    str::FromStr,
};

use anyhow::Context as _;
use rmcp::model::JsonObject;
use serde_json::Value;

/// Bytes that are read from a file or from standard input: above what a server takes by default.
const MAX_INPUT: u64 = 64 * 1024 * 1024;

/// Where a text comes from.
#[derive(Clone)]
pub(super) enum Input {
    Literal(String),
    File(String),
    Stdin,
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix('@') {
            Some(path) => Self::File(path.to_owned()),
            None if text == "-" => Self::Stdin,
            None => Self::Literal(text.to_owned()),
        })
    }
}

/// Shows no literal: it may be a key.
impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(_) => formatter.write_str("Literal(***)"),
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Stdin => formatter.write_str("Stdin"),
        }
    }
}

/// Reads the text, without the white space around it.
///
/// # Errors
///
/// Returns an error that names the file which cannot be read.
pub(super) fn text(input: Input) -> anyhow::Result<String> {
    let mut text = String::new();
    match input {
        Input::Literal(literal) => text = literal,
        Input::Stdin => {
            std::io::stdin()
                .take(MAX_INPUT)
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
        }
        Input::File(path) => {
            std::fs::File::open(&path)
                .and_then(|file| file.take(MAX_INPUT).read_to_string(&mut text))
                .with_context(|| format!("cannot read {path}"))?;
        }
    }
    Ok(text.trim().to_owned())
}

/// Reads a JSON object.
///
/// # Errors
///
/// Returns an error that says where the text stops being one.
pub(super) fn object(input: Input) -> anyhow::Result<JsonObject> {
    let text = text(input)?;
    let value: Value = serde_json::from_str(&text).context(
        "the arguments are not JSON; quote them for the shell, as in '{\"message\": \"hi\"}'",
    )?;
    match value {
        Value::Object(object) => Ok(object),
        _ => anyhow::bail!("the arguments must be a JSON object, as in '{{\"message\": \"hi\"}}'"),
    }
}

/// Says what was wrong with the command line, and gives the exit code for that.
///
/// # Errors
///
/// Returns the error of writing to standard error.
pub(super) fn usage(problem: &anyhow::Error) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stderr(), "error: {problem:#}")?;
    Ok(ExitCode::from(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_at_sign_names_a_file_and_a_dash_standard_input() {
        assert!(matches!("@a".parse(), Ok(Input::File(path)) if path == "a"));
        assert!(matches!("-".parse(), Ok(Input::Stdin)));
        assert!(matches!("{}".parse(), Ok(Input::Literal(text)) if text == "{}"));
    }

    #[test]
    fn arguments_are_an_object() {
        assert!(object(Input::Literal(r#"{"a": 1}"#.to_owned())).is_ok());
        for wrong in ["[1]", "1", "{", "", "null"] {
            assert!(object(Input::Literal(wrong.to_owned())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert!(!format!("{:?}", Input::Literal("canary".to_owned())).contains("canary"));
    }
}
