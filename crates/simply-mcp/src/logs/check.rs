//! Whether the files that the settings name can take lines.

use super::LogFile;
use crate::config::{ConfigErrors, Loaded, Problem};

/// Looks whether the files of `logging.file` and `audit.file` could be opened. It creates nothing.
///
/// # Errors
///
/// Each of them that could not, with what to do, and that both are the same file.
pub fn check(loaded: &Loaded) -> Result<(), ConfigErrors> {
    let (log, audit) = (&loaded.config.logging.file, &loaded.config.audit.file);
    let problem =
        |key: &str, message: String| Some(Problem::of_setting(loaded.origin(key), key, message));
    let unusable = [("logging.file", log), ("audit.file", audit)]
        .into_iter()
        .filter_map(|(key, path)| {
            let error = LogFile::at(path.as_ref()?).check().err()?;
            problem(key, error.to_string())
        });
    let mut problems: Vec<Problem> = unusable.collect();
    if log.is_some() && log == audit {
        let message = "logging.file is the same file; choose another one for this record";
        problems.extend(problem("audit.file", message.to_owned()));
    }
    ConfigErrors::from_problems(problems)
}

#[cfg(test)]
mod tests {
    use crate::config::Loader;

    use super::*;

    #[test]
    fn files_that_cannot_be_opened_are_named_with_their_settings() {
        let load = |log: &str, audit: &str| {
            let loader = Loader::new().flag("logging.file", log);
            loader.flag("audit.file", audit).load().unwrap()
        };
        let said = check(&load("/nowhere/log", "/")).unwrap_err().to_string();
        assert!(
            said.contains("logging.file: /nowhere/log: the directory /nowhere does not exist"),
            "{said}"
        );
        assert!(said.contains("audit.file: /: "), "{said}");
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        check(&load(&file("log"), &file("audit"))).unwrap();
        let said = check(&load(&file("log"), &file("log"))).unwrap_err();
        assert!(said.to_string().contains("the same file"), "{said}");
    }
}
