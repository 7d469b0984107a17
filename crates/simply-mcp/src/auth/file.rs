//! A keys file: its text, JSON or YAML, turned into entries, or into everything that is wrong with it.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{agreement, entry::KeyEntry, record};
use crate::config::{
    ConfigErrors, Data, DocumentLanguage, Node, Origin, Problem, Warning, parse_document,
};

/// The largest file that is read, in bytes: 32 MiB.
const LARGEST: u64 = 32 * 1024 * 1024;

/// A key in plain text with fewer characters can be guessed.
const SHORT: usize = 16;

/// Everything that is wrong with a keys file, each with file and line. It repeats no key.
pub type KeyFileError = ConfigErrors;

/// The keys of a file, in its order. Serialised it is the content of a keys file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// At most 100,000 keys. Two of them may have the same name, if they allow the same.
    pub keys: Vec<KeyEntry>,
}

impl KeyFile {
    /// Reads the file at `path`, JSON (`.json`) or YAML (`.yaml`, `.yml`), at most 32 MiB. It may be a symbolic link.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        Source::read(path.as_ref()).map(|source| source.into_file())
    }

    /// Reads `text` as the content of the file at `path`, whose name says the language and stands in the errors.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        Source::parse(text, path.as_ref()).map(|source| source.into_file())
    }
}

/// The keys that one source gave: a file, or a variable of the environment.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) entries: Vec<Placed>,
    /// What works, and the operator should know.
    pub(super) warnings: Vec<Warning>,
    /// Whether there is no list in it, not even an empty one: so a file looks that is just being written.
    pub(super) is_blank: bool,
}

/// An entry, with where it was written.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) entry: KeyEntry,
    pub(super) origin: Origin,
    /// As `keys[3]`.
    pub(super) place: String,
}

impl Source {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, KeyFileError> {
        let (text, metadata) = text(path).map_err(|message| whole(path, message))?;
        let mut source = Self::parse(&text, path)?;
        source.warnings.extend(exposed(path, &metadata, &source));
        Ok(source)
    }

    /// Reads the text of a file.
    fn parse(text: &str, path: &Path) -> Result<Self, KeyFileError> {
        let language = DocumentLanguage::of(path)
            .ok_or_else(|| whole(path, "the name of a keys file ends in .yaml, .yml or .json"))?;
        let tree = parse_document(text, language, path).map_err(errors)?;
        Self::of_tree(tree, &path.display().to_string())
    }

    /// Reads a variable of the environment: one key, which is then called `default`, or the JSON of a keys file.
    pub(super) fn of_variable(name: &str, text: &str) -> Result<Self, KeyFileError> {
        let origin = Origin::Variable(name.to_owned());
        // Secrets that were made with an editor or `echo` end with a line feed.
        let text = text.trim();
        if !text.starts_with('{') {
            let tree = bare(text, &origin);
            return Self::of_tree(tree, name);
        }
        let value = serde_json::from_str(text).map_err(|_| {
            let message = "the value begins like the JSON of a keys file, and is no proper JSON";
            errors(vec![Problem::of_source(origin.clone(), message)])
        })?;
        Self::of_tree(Node::from_json(value, &origin), name)
    }

    fn of_tree(tree: Node, shown: &str) -> Result<Self, KeyFileError> {
        let mut problems = Vec::new();
        let is_blank = !record::has_list(&tree);
        let entries = record::entries(tree, &mut problems);
        agreement::check(&entries, &mut problems);
        ConfigErrors::from_problems(problems)?;
        let warnings = short_keys(&entries, shown);
        Ok(Self {
            entries,
            warnings,
            is_blank,
        })
    }

    fn into_file(self) -> KeyFile {
        KeyFile {
            keys: self
                .entries
                .into_iter()
                .map(|placed| placed.entry)
                .collect(),
        }
    }
}

/// A keys file that holds `text` as its only key.
fn bare(text: &str, origin: &Origin) -> Node {
    let entry = serde_json::json!({ "keys": [{ "name": "default", "key": text }] });
    Node::from_json(entry, origin)
}

fn errors(problems: Vec<Problem>) -> ConfigErrors {
    ConfigErrors::of(problems)
}

fn whole(path: &Path, message: impl Into<String>) -> ConfigErrors {
    let origin = Origin::File {
        path: Arc::from(path),
        place: None,
    };
    errors(vec![Problem::of_source(origin, message)])
}

fn short_keys(entries: &[Placed], shown: &str) -> Vec<Warning> {
    let short = entries.iter().filter(|placed| {
        let key = placed.entry.key.as_ref();
        key.is_some_and(|key| key.expose().len() < SHORT)
    });
    short
        .take(10)
        .map(|placed| {
            let message = format!(
                "the key of {:?} has fewer than {SHORT} characters and can be guessed; `simply-mcp keys new` makes a \
                 better one",
                placed.entry.name
            );
            Warning::new(format!("{shown}: {}", placed.place), message)
        })
        .collect()
}

#[cfg(unix)]
fn exposed(path: &Path, metadata: &Metadata, source: &Source) -> Option<Warning> {
    use std::os::unix::fs::PermissionsExt;

    let plain = source
        .entries
        .iter()
        .any(|placed| placed.entry.key.is_some());
    (plain && metadata.permissions().mode() & 0o004 != 0).then(|| {
        let message = "every user of this machine can read the keys in it; run `chmod o-r` on it, or put key_hash in \
                       place of key";
        Warning::new(path.display().to_string(), message)
    })
}

#[cfg(not(unix))]
fn exposed(_: &Path, _: &Metadata, _: &Source) -> Option<Warning> {
    None
}

fn text(path: &Path) -> Result<(Zeroizing<String>, Metadata), String> {
    // Opening a pipe waits for somebody to write, perhaps for ever.
    let kind = path.metadata().map_err(|error| unreadable(&error))?;
    if !kind.is_file() && !kind.is_dir() {
        return Err("this is a device, a pipe or a socket; name a file".to_owned());
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let metadata = fill(path, &mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err("the file is larger than 32 MiB; keep fewer keys in it".to_owned());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok((Zeroizing::new(text.to_owned()), metadata)),
        Err(error) => {
            let good = &bytes[..error.valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            Err(format!(
                "line {line} is not UTF-8; save the file with that encoding"
            ))
        }
    }
}

fn fill(path: &Path, bytes: &mut Vec<u8>) -> io::Result<Metadata> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    // One byte more than allowed tells a file that is too large from one that just fits.
    file.take(LARGEST + 1).read_to_end(bytes)?;
    Ok(metadata)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file; `simply-mcp keys new --file FILE` writes one".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a directory; name the file in it".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "reading the file is not permitted to this user".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    }
}

/// What a value is, without what is in it.
pub(super) fn kind(data: &Data) -> &'static str {
    match data {
        Data::Null => "nothing",
        Data::Boolean(_) => "a yes or no",
        Data::Integer(_) | Data::Float(_) => "a number",
        Data::Text(_) => "text",
        Data::List(_) => "a list",
        Data::Map(_) => "a section",
    }
}
