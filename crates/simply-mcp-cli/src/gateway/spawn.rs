//! Starts the child behind its guard: no shell, exact arguments, a short list of environment variables, three pipes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::error::GatewayError;
use super::guard_process::GUARD_ARGUMENT;
use super::options::{ChildCommand, ChildVariable, GatewayOptions};

/// Variables that every child gets where we have them. Everything else, our secrets first of all, stays with us.
const PASSED_ON: &[&str] = &[
    "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TEMP", "TERM", "TMP", "TMPDIR", "TZ",
    "USER",
];
/// So does every variable of the locale.
const PASSED_ON_PREFIX: &str = "LC_";
/// Our own settings and keys. They are passed on only with a value written out (`--env NAME=VALUE`).
const OURS: &[&str] = &["MCP_HTTP_", "MCP_API_KEY"];

/// A child that runs behind its guard.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) guard: Child,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// Starts the child.
///
/// # Errors
///
/// The program is not found, or the guard cannot be started.
pub(super) fn spawn(
    command: &ChildCommand,
    options: &GatewayOptions,
) -> Result<Spawned, GatewayError> {
    let environment = environment_for(&command.environment, &options.withheld, our_environment());
    if !is_found(&command.program, environment.get(OsStr::new("PATH"))) {
        return Err(GatewayError::NotFound {
            command: command.for_display(),
        });
    }
    let mut guard = Command::new(options.guard_program.clone().unwrap_or_else(own_program));
    guard
        .arg(GUARD_ARGUMENT)
        .arg(std::process::id().to_string())
        .arg("--")
        .arg(&command.program)
        .args(&command.arguments)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A Ctrl-C in our terminal is ours to handle: we end the child when its requests are done.
        .process_group(0);
    let cannot_start = |cause: std::io::Error| GatewayError::CannotStart {
        command: command.for_display(),
        cause,
    };
    let mut guard = guard.spawn().map_err(cannot_start)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (guard.stdin.take(), guard.stdout.take(), guard.stderr.take())
    else {
        return Err(cannot_start(std::io::Error::other(
            "the standard streams are missing",
        )));
    };
    Ok(Spawned {
        guard,
        stdin,
        stdout,
        stderr,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child's environment is made of ours; nothing is configured by it"
)]
fn our_environment() -> std::env::VarsOs {
    std::env::vars_os()
}

/// Our own binary, also where it was replaced by a newer one since we started.
fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("simply-mcp"))
}

fn environment_for(
    wanted: &[ChildVariable],
    withheld: &[String],
    ours: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let inherited = |name: &str| {
        wanted
            .iter()
            .any(|variable| matches!(variable, ChildVariable::Inherit(wanted) if wanted == name))
    };
    let mut environment: BTreeMap<OsString, OsString> = ours
        .filter(|(name, _)| {
            name.to_str().is_some_and(|name| {
                let passed = PASSED_ON.contains(&name)
                    || name.starts_with(PASSED_ON_PREFIX)
                    || inherited(name);
                let is_ours = OURS.iter().any(|prefix| name.starts_with(prefix))
                    || withheld.iter().any(|secret| secret == name);
                passed && !is_ours
            })
        })
        .collect();
    for variable in wanted {
        if let ChildVariable::Set(name, value) = variable {
            environment.insert(name.into(), value.into());
        }
    }
    environment
}

/// Whether the program exists, so that the commonest mistake gets the clearest message.
fn is_found(program: &OsStr, search_path: Option<&OsString>) -> bool {
    if Path::new(program).components().count() > 1 {
        return Path::new(program).is_file();
    }
    match search_path {
        Some(directories) => {
            std::env::split_paths(directories).any(|directory| directory.join(program).is_file())
        }
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(wanted: &[ChildVariable], ours: &[(&str, &str)]) -> Vec<String> {
        environment_without(&[], wanted, ours)
    }

    fn environment_without(
        withheld: &[String],
        wanted: &[ChildVariable],
        ours: &[(&str, &str)],
    ) -> Vec<String> {
        let ours = ours
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        environment_for(wanted, withheld, ours)
            .into_iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect()
    }

    #[test]
    fn gw_07_only_the_short_list_and_what_was_named_reaches_the_child() {
        let ours = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("AWS_SECRET", "x"),
            ("TOKEN", "t"),
            ("UNSET", ""),
        ];
        let wanted = [
            ChildVariable::Inherit("TOKEN".to_owned()),
            ChildVariable::Set("DEBUG".to_owned(), "1".to_owned()),
        ];
        assert_eq!(
            environment(&wanted, &ours),
            ["DEBUG=1", "LC_ALL=C", "PATH=/bin", "TOKEN=t"]
        );
    }

    #[test]
    fn gw_07_our_own_keys_are_never_inherited_even_when_named() {
        let ours = [
            ("MCP_API_KEY", "s"),
            ("MCP_HTTP_API_KEY", "s"),
            ("MCP_HTTP_AUTH__KEYS_FILE", "f"),
        ];
        let wanted = ours.map(|(name, _)| ChildVariable::Inherit(name.to_owned()));
        assert_eq!(environment(&wanted, &ours), Vec::<String>::new());
    }

    // AUT-08
    #[test]
    fn the_variable_that_holds_our_key_is_never_inherited_whatever_it_is_called() {
        let withheld = ["LC_KEY".to_owned(), "GATE_KEY".to_owned()];
        let ours = [("LC_KEY", "s"), ("GATE_KEY", "s"), ("LC_ALL", "C")];
        let wanted = [ChildVariable::Inherit("GATE_KEY".to_owned())];
        assert_eq!(environment_without(&withheld, &wanted, &ours), ["LC_ALL=C"]);
    }

    #[test]
    fn a_program_is_looked_up_in_the_search_path() {
        assert!(is_found(OsStr::new("sh"), Some(&"/usr/bin:/bin".into())));
        assert!(!is_found(
            OsStr::new("no-such-program"),
            Some(&"/usr/bin:/bin".into())
        ));
        assert!(!is_found(OsStr::new("/no/such/program"), None));
    }
}
