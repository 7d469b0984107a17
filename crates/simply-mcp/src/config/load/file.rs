//! One file, from the disk to a tree.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use super::{Node, Origin, Problem, from_toml, from_yaml};

/// The largest file that is read: 1 MiB, a thousand times what a configuration needs.
const LARGEST: u64 = 1024 * 1024;

/// Where in a file something stands, for all parsers.
#[derive(Clone)]
pub(super) struct Source {
    path: Arc<Path>,
}

impl Source {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: Arc::from(path),
        }
    }

    pub(super) fn whole(&self) -> Origin {
        Origin::File {
            path: Arc::clone(&self.path),
            place: None,
        }
    }

    /// A place in it; both numbers count from one.
    pub(super) fn at(&self, line: u64, column: u64) -> Origin {
        Origin::File {
            path: Arc::clone(&self.path),
            place: Some((line, column)),
        }
    }
}

/// Reads a file in the language that its name ends in. `None` when nothing can be said about what is in it; then
/// a problem says why.
pub(super) fn read(path: &Path, problems: &mut Vec<Problem>) -> Option<Node> {
    let source = Source::new(path);
    let parsed = text(path)
        .map_err(|message| vec![Problem::of_source(source.whole(), message)])
        .and_then(|text| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            match language(path) {
                Some(Language::Yaml) => from_yaml::parse(text, &source),
                Some(Language::Toml) => from_toml::parse(text, &source),
                None => Err(vec![Problem::of_source(
                    source.whole(),
                    "the name of a configuration file ends in .yaml, .yml or .toml",
                )]),
            }
        });
    parsed.map_err(|found| problems.extend(found)).ok()
}

enum Language {
    Yaml,
    Toml,
}

fn language(path: &Path) -> Option<Language> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "yaml" | "yml" => Some(Language::Yaml),
        "toml" => Some(Language::Toml),
        _ => None,
    }
}

fn text(path: &Path) -> Result<String, String> {
    // Opening a pipe waits for somebody to write, perhaps for ever.
    let kind = path
        .metadata()
        .map_err(|error| unreadable(&error))?
        .file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err("this is a device, a pipe or a socket; name a file".to_owned());
    }
    let bytes = bytes(path).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err("the file is larger than 1 MiB, which no configuration needs".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..good]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        format!("line {line} is not UTF-8; save the file with that encoding")
    })
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that just fits.
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file; `simply-mcp config init FILE` writes one".to_owned()
        }
        io::ErrorKind::IsADirectory => "this is a directory; name the file in it".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "reading the file is not permitted to this user".to_owned()
        }
        _ => format!("the file cannot be read: {error}"),
    }
}
