//! What to start, and the limits of the gateway in front of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The MCP server to start: an argument vector, never a shell line.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub program: OsString,
    /// Its arguments, passed on exactly.
    pub arguments: Vec<OsString>,
    /// Variables it gets beside the short list that every child gets.
    pub environment: Vec<ChildVariable>,
}

impl ChildCommand {
    /// A command without arguments.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Splits a command line that the operating system already split: the program first, then its arguments.
    pub fn from_command_line(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        let program = words.next()?;
        Some(Self::new(program).arguments(words))
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to its environment.
    #[must_use]
    pub fn variable(mut self, variable: ChildVariable) -> Self {
        self.environment.push(variable);
        self
    }

    /// The command as a person would type it, for messages.
    pub(super) fn for_display(&self) -> String {
        let mut text = self.program.to_string_lossy().into_owned();
        for argument in &self.arguments {
            text.push(' ');
            text.push_str(&argument.to_string_lossy());
        }
        text
    }
}

/// One variable for the child's environment: what `serve --env NAME[=VALUE]` takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildVariable {
    /// `NAME`: our own variable of that name is passed on, where it is set.
    Inherit(String),
    /// `NAME=VALUE`: the child gets this value.
    Set(String, String),
}

impl FromStr for ChildVariable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if name.is_empty() || text.contains('\0') {
            return Err("write NAME to pass a variable on, or NAME=VALUE to set one".to_owned());
        }
        Ok(match value {
            Some(value) => Self::Set(name.to_owned(), value.to_owned()),
            None => Self::Inherit(name.to_owned()),
        })
    }
}

/// Limits of the gateway. The defaults fit one child behind one server.
#[derive(Debug, Clone)]
pub struct GatewayOptions {
    /// How long the child may take from its start to its answer to the handshake. Default 30 seconds.
    pub start_timeout: Duration,
    /// How long one request may wait for the child without a sign of life; progress starts it anew. Default 10
    /// minutes: the transport's own `request_timeout` usually ends it long before, and this one only sees to it that
    /// a request that the child forgot does not hold its place for ever.
    pub request_timeout: Duration,
    /// How long the child may leave its input unread before it counts as stuck, and is ended and started again.
    /// Default 30 seconds.
    pub stall_timeout: Duration,
    /// How many requests the child may have in hand at once; one more is refused at once. Default 256: more than a
    /// single process answers in a second, little enough that a silent one costs only small change.
    pub max_in_flight: usize,
    /// How a child that ended is started again.
    pub restart: RestartPolicy,
    /// The binary that is run as the child's guard. Default: the running one.
    pub guard_program: Option<PathBuf>,
    /// Variables of our environment that hold secrets of ours, beside those whose names say so: the child never
    /// inherits them, even where it is told to. Default none.
    pub withheld: Vec<String>,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            start_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(600),
            stall_timeout: Duration::from_secs(30),
            max_in_flight: 256,
            restart: RestartPolicy::default(),
            guard_program: None,
            withheld: Vec::new(),
        }
    }
}

/// When a child that ended is started again: exponential, with jitter, with a ceiling.
#[derive(Debug, Clone)]
pub struct RestartPolicy {
    /// The wait before the first restart. Default half a second.
    pub first_delay: Duration,
    /// The longest wait. Default 30 seconds.
    pub longest_delay: Duration,
    /// A child that stayed up this long starts again from `first_delay`. Default 60 seconds.
    pub stable_after: Duration,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(30),
            stable_after: Duration::from_secs(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_a_name_or_a_name_with_a_value() {
        assert_eq!("A".parse(), Ok(ChildVariable::Inherit("A".to_owned())));
        assert_eq!(
            "A=b=c".parse(),
            Ok(ChildVariable::Set("A".to_owned(), "b=c".to_owned()))
        );
        assert!("=x".parse::<ChildVariable>().is_err());
    }
}
