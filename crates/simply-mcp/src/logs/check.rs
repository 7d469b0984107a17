//! Whether the files that the settings name can take lines.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
    if let (Some(log), Some(audit)) = (log, audit)
        && is_same(log, audit)
    {
        let message = "logging.file is the same file; choose another one for this record";
        problems.extend(problem("audit.file", message.to_owned()));
    }
    ConfigErrors::from_problems(problems)
}

/// Whether lines for both would end in one file, however the two are spelled and linked.
fn is_same(one: &Path, other: &Path) -> bool {
    // A hard link is seen by this alone.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let identity = |path| fs::metadata(path).map(|it| (it.dev(), it.ino()));
        if let (Ok(one), Ok(other)) = (identity(one), identity(other)) {
            return one == other;
        }
    }
    resolved(one) == resolved(other)
}

/// Where a file would be created, which `canonicalize` does not say of one that is not there yet.
fn resolved(path: &Path) -> PathBuf {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let Ok(target) = fs::read_link(&path) else {
            return path
                .file_name()
                .map_or(folder.clone(), |name| folder.join(name));
        };
        path = folder.join(target);
    }
    path
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

    #[test]
    fn one_file_is_found_under_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("file.log", at("link.log")).unwrap();
        let spelled = folder.path().join("..");
        let spelled = spelled.join(folder.path().file_name().unwrap());
        for exists in [false, true] {
            if exists {
                fs::write(at("file.log"), "").unwrap();
                fs::hard_link(at("file.log"), at("hard.log")).unwrap();
                assert!(is_same(&at("file.log"), &at("hard.log")));
            }
            assert!(is_same(&at("file.log"), &at("link.log")), "{exists}");
            assert!(is_same(&at("file.log"), &spelled.join("file.log")));
            assert!(!is_same(&at("file.log"), &at("other.log")));
        }
        let load = |log: PathBuf, audit: PathBuf| {
            let loader = Loader::new().flag("logging.file", log.to_str().unwrap());
            let loader = loader.flag("audit.file", audit.to_str().unwrap());
            check(&loader.load().unwrap())
        };
        let error = load(at("link.log"), at("file.log")).unwrap_err();
        assert!(error.to_string().contains("the same file"), "{error}");
        load(at("other.log"), at("file.log")).unwrap();
    }
}
