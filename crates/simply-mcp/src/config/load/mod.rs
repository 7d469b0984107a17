//! From text to types: the sources are read, joined (flag over environment over file over default), typed and
//! checked. Nothing here knows a setting by name; all it knows comes from the catalog.

mod document;
mod environment;
mod file;
mod fit;
mod from_toml;
mod from_yaml;
mod node;
mod telemetry;
mod typed;
pub(super) mod unknown;
mod words;

use std::{collections::BTreeMap, ffi::OsString, fmt, path::PathBuf};

use super::{ConfigErrors, HttpConfig, Origin, Problem, Warning, check};
pub(crate) use document::{Language as DocumentLanguage, parse as parse_document};
pub(crate) use node::{Data, Entry, Node};
pub(crate) use telemetry::Telemetry;

pub(super) use environment::variable_name;
pub(super) use fit::expected;

/// Joins the sources of a configuration: flag over environment over file over default.
///
/// ```
/// use simply_mcp::config::Loader;
///
/// let loaded = Loader::new().flag("server.port", "9000").load()?;
/// assert_eq!(loaded.config.server.port, 9000);
/// # Ok::<(), simply_mcp::config::ConfigErrors>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Loader {
    file: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    flags: Vec<(String, String)>,
}

// The values of variables and flags may be secrets.
impl fmt::Debug for Loader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loader")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Loader {
    /// A loader with no source: it loads the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The file to read: YAML (`.yaml`, `.yml`) or TOML (`.toml`), at most 1 MiB. `None` reads no file.
    pub fn file(mut self, path: Option<PathBuf>) -> Self {
        self.file = path;
        self
    }

    /// Variables and their values. Those that do not begin with `MCP_HTTP_` and hold no API key are ignored.
    pub fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// The environment of the process.
    pub fn process_environment(self) -> Self {
        self.environment(environment::of_process())
    }

    /// A flag of the command line that sets the setting `key`. Errors call it by the last part of the key, so that
    /// `server.port` is `--port`.
    pub fn flag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.push((key.into(), value.into()));
        self
    }

    /// Reads everything.
    ///
    /// # Errors
    ///
    /// Every problem of every source, and every combination that is refused.
    pub fn load(self) -> Result<Loaded, ConfigErrors> {
        let mut report = Report::default();
        let mut tree = Node::empty(Origin::Default);
        if let Some(path) = &self.file {
            match file::read(path, &mut report.problems) {
                Some(node) => tree = node,
                None => report.unread = true,
            }
        }
        fit::fit(&mut tree, &mut report.problems);
        environment::apply(self.environment, &mut tree, &mut report);
        for (key, value) in self.flags {
            words::set(
                &mut tree,
                &key,
                &value,
                Origin::Flag(flag_name(&key)),
                &mut report.problems,
            );
        }
        finish(tree, report)
    }
}

/// A configuration, with what was noticed while it was read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The settings in force.
    pub config: HttpConfig,
    /// What the sources themselves gave cause for, such as variables that are not read. Those that the settings
    /// give cause for come from [`HttpConfig::warnings`].
    pub warnings: Vec<Warning>,
    origins: BTreeMap<String, Origin>,
}

impl Loaded {
    /// Where the setting of that key was set.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        origin_in(&self.origins, key)
    }

    /// Looks whether traces, where they are on, can be told as the standard variables of OpenTelemetry say.
    ///
    /// # Errors
    ///
    /// Each variable that says what cannot be done.
    pub fn check_telemetry(&self) -> Result<(), ConfigErrors> {
        if self.config.monitoring.tracing_enabled {
            Telemetry::of_process()?;
        }
        Ok(())
    }
}

/// Reads a value that a program gives.
///
/// # Errors
///
/// Every problem.
pub(super) fn from_value(value: serde_json::Value) -> Result<HttpConfig, ConfigErrors> {
    let mut report = Report::default();
    let mut tree = Node::from_json(value, &Origin::Given);
    fit::fit(&mut tree, &mut report.problems);
    finish(tree, report).map(|loaded| loaded.config)
}

/// What was noticed so far.
#[derive(Default)]
struct Report {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    /// The environment, for the keys in it: which variables hold them is a setting.
    variables: Vec<(OsString, OsString)>,
    /// Whether a file could not be read at all, so that nobody knows what it says.
    unread: bool,
}

fn finish(mut tree: Node, mut report: Report) -> Result<Loaded, ConfigErrors> {
    let mut config = typed::read(&mut tree, &mut report.problems);
    let origins = tree.origins();
    authenticate(&mut config, &mut report);
    if !report.unread && report.problems.len() < fit::MOST_PROBLEMS {
        let wrong = report.problems.clone();
        let fitting = check::problems(&config, &|key| origin_in(&origins, key));
        report.problems.extend(
            fitting
                .into_iter()
                .filter(|problem| !is_consequence(problem, &wrong)),
        );
    }
    ConfigErrors::from_problems(in_order(report.problems))?;
    Ok(Loaded {
        config,
        warnings: report.warnings,
        origins,
    })
}

// The file from top to bottom, then what stands above it.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| match problem.origin() {
        Origin::File { place, .. } => (0, *place),
        Origin::Variable(_) => (1, None),
        Origin::Flag(_) => (2, None),
        Origin::Default | Origin::Given => (3, None),
    });
    problems.dedup();
    if problems.len() >= fit::MOST_PROBLEMS {
        let message = "there may be more problems; these are the first";
        problems.push(Problem::of_source(Origin::Given, message));
    }
    problems
}

// A key in the environment turns authentication on, unless it is turned off in so many words.
fn authenticate(config: &mut HttpConfig, report: &mut Report) {
    let keys = environment::keys(&config.auth.key_env_var, report);
    if config.auth.enabled == Some(false) {
        report.warnings.extend(keys.into_iter().map(|keys| Warning {
            message:
                "the key is ignored, because auth.enabled is false; unset the variable".to_owned(),
            setting: keys.variable,
        }));
    } else {
        config.auth.environment_keys = keys;
    }
}

// Whoever wrote about `auth` and got it wrong should not hear that nothing was said about it.
fn is_consequence(problem: &Problem, wrong: &[Problem]) -> bool {
    wrong.iter().any(|earlier| {
        earlier.concerns("auth") && problem.concerns("server.host")
            || problem.key().is_some_and(|key| earlier.concerns(key))
    })
}

fn origin_in(origins: &BTreeMap<String, Origin>, key: &str) -> Origin {
    origins.get(key).cloned().unwrap_or(Origin::Default)
}

fn flag_name(key: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or(key);
    format!("--{}", name.replace('_', "-"))
}

#[cfg(test)]
mod tests;
