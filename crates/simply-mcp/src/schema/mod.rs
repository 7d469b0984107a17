//! A tool's input schema, compiled once, and what is said about arguments that do not fit it.
//!
//! The dialect is the one that `$schema` names, JSON Schema 2020-12 where it names none (MCP
//! 2026-07-28, basic/index, "JSON Schema Usage"). Nothing outside of the schema is ever fetched,
//! patterns run in linear time, and [`bounds`] refuses schemas whose shape could exhaust the stack
//! or the processor.

mod bounds;
mod edges;
mod problems;
mod size;

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use rmcp::model::JsonObject;
use serde_json::Value;

pub(crate) use self::problems::{InvalidArguments, Mismatch};
use self::{bounds::Shape, problems::MAX_MISMATCHES};

/// Bytes one compiled `pattern` may take. Real patterns take a few kilobytes; the limit only meets
/// counted repetitions of repetitions.
const MAX_PATTERN_BYTES: usize = 4 * 1024 * 1024;

/// The most values in arguments for which every mismatch is collected. For larger ones the first
/// mismatch is reported alone, because the validator holds all of them in memory at once.
const MAX_VALUES_FOR_ALL_MISMATCHES: usize = 10_000;

/// The most work spent on explaining, in visits of a subschema at a value.
const MAX_EXPLAINING_WORK: usize = 200_000;

/// The member of a failed result's `_meta` by which `McpServer` tells the guard that arguments which fit the schema
/// could not be read as what the tool takes. The guard takes it out.
pub(crate) const UNREAD: &str = "simply-mcp/unread-arguments";

/// A schema that arguments can be checked against.
pub(crate) struct CompiledSchema {
    validator: Validator,
    shape: Shape,
}

impl CompiledSchema {
    /// Compiles `schema`.
    ///
    /// # Errors
    ///
    /// Returns a [`SchemaProblem`] where the schema is not valid in its dialect, refers to anything
    /// outside of itself, has a pattern that no linear-time engine can run (look-around,
    /// back-references), or exceeds a bound of [`bounds`].
    pub(crate) fn compile(schema: &JsonObject) -> Result<Self, SchemaProblem> {
        let shape = Shape::of(schema)?;
        let schema = Value::Object(schema.clone());
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012.detect(&schema))
            .with_retriever(NothingElsewhere)
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN_BYTES))
            // JSON Schema 2020-12 §7.2.1: `format` is a remark unless a dialect says otherwise. Servers differ in what
            // they take for a URI, and a call that works without us must work with us.
            .should_validate_formats(false)
            .build(&schema)
            .map_err(|error| SchemaProblem(problems::of_schema(&error)))?;
        Ok(Self { validator, shape })
    }

    /// Checks `arguments`, which reports the first few mismatches.
    ///
    /// # Errors
    ///
    /// Returns what does not fit, and where.
    pub(crate) fn check(&self, arguments: &Value) -> Result<(), InvalidArguments> {
        if let Some(limit) = self.shape.deepest_arguments()
            && size::deeper_than(arguments, limit)
        {
            return Err(InvalidArguments::new(vec![Mismatch::at_root(format!(
                "nested more than {limit} levels deep"
            ))]));
        }
        if self.validator.is_valid(arguments) {
            return Ok(());
        }
        Err(InvalidArguments::new(self.explain(arguments)))
    }

    fn explain(&self, arguments: &Value) -> Vec<Mismatch> {
        let depth = size::depth(arguments);
        if self.shape.explaining_work(depth) > MAX_EXPLAINING_WORK {
            return vec![Mismatch::at_root("no alternative fits".to_owned())];
        }
        if size::more_values_than(arguments, MAX_VALUES_FOR_ALL_MISMATCHES) {
            return match self.validator.validate(arguments) {
                Ok(()) => Vec::new(),
                Err(error) => problems::of_arguments(&error),
            };
        }
        let mut mismatches = Vec::new();
        for error in self.validator.iter_errors(arguments) {
            mismatches.extend(problems::of_arguments(&error));
            if mismatches.len() > MAX_MISMATCHES {
                break;
            }
        }
        mismatches
    }
}

impl fmt::Debug for CompiledSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CompiledSchema")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// Why a schema cannot be enforced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SchemaProblem(String);

/// Answers every reference that leaves the schema with an error: a schema comes from whoever wrote
/// the tool, and must not make this process connect anywhere.
struct NothingElsewhere;

impl jsonschema::Retrieve for NothingElsewhere {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!(
            "{} is outside of the schema, and nothing is fetched",
            uri.as_str()
        )
        .into())
    }
}

#[cfg(test)]
mod tests;
