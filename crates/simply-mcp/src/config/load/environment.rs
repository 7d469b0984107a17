//! The environment: `MCP_HTTP_<SECTION>__<KEY>`, and the variables that hold an API key.

use std::ffi::{OsStr, OsString};

use super::{Node, Origin, Problem, Report, Warning, unknown, words};
use crate::config::{
    EnvironmentKeys, Secret, VariableName,
    catalog::{self, Kind},
};

const PREFIX: &str = "MCP_HTTP_";
/// The variable that holds an API key, or a whole file of them, beside the one that `auth.key_env_var` names.
const KEY_VARIABLE: &str = "MCP_HTTP_API_KEY";
/// The variable that `auth.key_env_var` names by default.
const USUAL_KEY_VARIABLE: &str = "MCP_API_KEY";

/// Every variable of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
pub(super) fn of_process() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// The variable that sets the setting of that key.
pub(in crate::config) fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Sets what the variables set, in the order of their names; an empty variable counts as unset.
pub(super) fn apply(
    mut variables: Vec<(OsString, OsString)>,
    tree: &mut Node,
    report: &mut Report,
) {
    variables.retain(|(_, value)| !value.is_empty());
    variables.sort();
    for (name, value) in &variables {
        // A name that is not text is none of ours.
        let Some(name) = name.to_str() else { continue };
        if name == KEY_VARIABLE {
            continue;
        }
        if let Some(rest) = name.strip_prefix(PREFIX) {
            variable(name, rest, value, tree, report);
        }
    }
    report.variables = variables;
}

/// The keys that stand in the environment: in the variable that `named` is, and in `MCP_HTTP_API_KEY`.
pub(super) fn keys(named: &VariableName, report: &mut Report) -> Vec<EnvironmentKeys> {
    let mut keys = Vec::new();
    for (name, value) in std::mem::take(&mut report.variables) {
        let Some(name) = name.to_str() else { continue };
        if name != named.as_str() && name != KEY_VARIABLE {
            if name == USUAL_KEY_VARIABLE {
                report.warnings.push(Warning {
                    setting: name.to_owned(),
                    message: format!(
                        "this variable is not read, because auth.key_env_var names {named}; unset one of them"
                    ),
                });
            }
            continue;
        }
        match value.into_string() {
            Ok(text) => keys.push(EnvironmentKeys {
                variable: name.to_owned(),
                text: Secret::of_any_length(text),
            }),
            Err(_) => report.problems.push(Problem::of_source(
                Origin::Variable(name.to_owned()),
                "the value is not UTF-8 text",
            )),
        }
    }
    keys
}

fn variable(name: &str, rest: &str, value: &OsStr, tree: &mut Node, report: &mut Report) {
    let key = rest.to_ascii_lowercase().replace("__", ".");
    let setting = catalog::find(&key).filter(|setting| setting.kind != Kind::Section);
    if setting.is_none_or(|setting| variable_name(&setting.key) != name) {
        unknown_variable(name, &key, report);
        return;
    }
    let origin = Origin::Variable(name.to_owned());
    match value.to_str() {
        Some(word) => words::set(tree, &key, word, origin, &mut report.problems),
        None => report.problems.push(Problem::of_setting(
            origin,
            key,
            "the value is not UTF-8 text",
        )),
    }
}

// Kubernetes gives every container variables such as MCP_HTTP_PORT when a service is called mcp-http, so a name
// without a double underscore may be nobody's mistake.
fn unknown_variable(name: &str, key: &str, report: &mut Report) {
    if name.contains("__") {
        let message = unknown::message(key, &variable_name);
        let origin = Origin::Variable(name.to_owned());
        report.problems.push(Problem::of_source(origin, message));
        return;
    }
    let likely = catalog::all()
        .iter()
        .filter(|setting| setting.kind != Kind::Section)
        .find(|setting| setting.key.replace('.', "_") == key || setting.name == key);
    let message = match likely {
        Some(setting) => format!(
            "this variable is not read; {} is written {}",
            setting.key,
            variable_name(&setting.key)
        ),
        None => {
            "this variable is not read; settings are written MCP_HTTP_<SECTION>__<KEY>".to_owned()
        }
    };
    report.warnings.push(Warning {
        setting: name.to_owned(),
        message,
    });
}
