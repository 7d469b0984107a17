//! What can be wrong with a configuration, and where it was written.

use std::{fmt, path::Path, sync::Arc};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The program that uses the library gave it.
    Given,
    /// A file, at a line and a column that both count from one; neither is known for the file as a whole.
    File {
        /// The path as it was given.
        path: Arc<Path>,
        /// Line and column.
        place: Option<(u64, u64)>,
    },
    /// An environment variable, by its name.
    Variable(String),
    /// A flag of the command line, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Given => formatter.write_str("given by the program"),
            Self::File { path, place: None } => write!(formatter, "{}", path.display()),
            Self::File {
                path,
                place: Some((line, column)),
            } => write!(formatter, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) origin: Origin,
    pub(super) key: Option<String>,
    pub(super) message: String,
}

impl Problem {
    pub(crate) fn of_setting(
        origin: Origin,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            origin,
            key: Some(key.into()),
            message: message.into(),
        }
    }

    pub(crate) fn of_source(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            key: None,
            message: message.into(),
        }
    }

    /// Where it was written.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The setting it is about, as `server.port`; `None` when it is about a whole file.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// What is wrong, and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is about the setting, or about something within it.
    pub(super) fn concerns(&self, setting: &str) -> bool {
        self.key
            .as_deref()
            .and_then(|key| key.strip_prefix(setting))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default | Origin::Given => {}
            origin => write!(formatter, "{origin}: ")?,
        }
        if let Some(key) = &self.key {
            write!(formatter, "{key}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration, one problem a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<Problem>,
}

impl ConfigErrors {
    /// These problems, of which there is at least one.
    pub(crate) fn of(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// All problems when there is one, and nothing to complain about otherwise.
    pub(crate) fn from_problems(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    /// The problems of several looks at the same configuration, all together.
    ///
    /// # Errors
    ///
    /// Every problem, where there is one.
    pub fn all(looks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let failed = looks.into_iter().filter_map(Result::err);
        Self::from_problems(failed.flat_map(|errors| errors.problems).collect())
    }

    /// Every problem: those of the file from top to bottom, then those of the environment, then those of the flags.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Something that works, and that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub(super) setting: String,
    pub(super) message: String,
}

impl Warning {
    pub(crate) fn new(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            setting: setting.into(),
            message: message.into(),
        }
    }

    /// The setting or variable that ends the warning.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// What is the case, and what ends it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.setting, self.message)
    }
}
