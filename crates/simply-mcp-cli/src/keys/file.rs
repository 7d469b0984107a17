//! A keys file that is open for a change.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use simply_mcp::auth::{KeyEntry, KeyFile};

use super::{
    document::{Change, Document, Language},
    lock::Lock,
    name,
    replace::replace,
};
use crate::{
    exit::{BadUsage, BrokenKeysFile},
    output,
};

/// A keys file that no other command changes meanwhile.
pub(super) struct EditedFile {
    /// The path as it was given.
    shown: PathBuf,
    /// The file itself, past all links.
    path: PathBuf,
    directory: PathBuf,
    document: Document,
    entries: Vec<KeyEntry>,
    _lock: Lock,
}

/// The file cannot be changed so that everything else stays.
#[derive(Debug, thiserror::Error)]
#[error(
    "{path} is left as it was: it is written in a way that this command cannot change safely. Write `keys:` with an entry a \
     line and try again, or do it by hand: {advice}"
)]
pub(super) struct Unsafe {
    path: String,
    advice: String,
}

impl EditedFile {
    /// Opens a file that is there.
    ///
    /// # Errors
    ///
    /// When it is not there, cannot be read, or is broken.
    pub(super) fn open(shown: &Path) -> anyhow::Result<Self> {
        Self::locked(shown, false)
    }

    /// Opens a file, or begins one that is still to be written.
    ///
    /// # Errors
    ///
    /// When its directory is not there, or the file cannot be read or is broken.
    pub(super) fn open_or_begin(shown: &Path) -> anyhow::Result<Self> {
        Self::locked(shown, true)
    }

    fn locked(shown: &Path, begin: bool) -> anyhow::Result<Self> {
        let language = language(shown)?;
        let (path, directory) = resolve(shown)?;
        let lock = Lock::of(&directory)?;
        let (document, entries) = match fs::symlink_metadata(&path) {
            Err(error) if begin && error.kind() == io::ErrorKind::NotFound => {
                (Document::new(language), Vec::new())
            }
            _ => read(shown, language)?,
        };
        Ok(Self {
            shown: shown.to_owned(),
            path,
            directory,
            document,
            entries,
            _lock: lock,
        })
    }

    /// The entries, in the order of the file.
    pub(super) fn entries(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The entries of a name with their indexes.
    ///
    /// # Errors
    ///
    /// When there is none; the text names the one that may have been meant.
    pub(super) fn named(&self, wanted: &str) -> anyhow::Result<Vec<(usize, &KeyEntry)>> {
        let found: Vec<(usize, &KeyEntry)> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.name == wanted)
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let names = self.entries.iter().map(|entry| entry.name.as_str());
        let advice = match name::nearest(wanted, names) {
            Some(near) => format!("did you mean {near}?"),
            None => "`simply-mcp keys list` shows those that are there".to_owned(),
        };
        bail!(
            "{} has no key named {wanted:?}; {advice}",
            self.shown.display()
        )
    }

    /// Makes the changes and writes the file.
    ///
    /// # Errors
    ///
    /// [`Unsafe`] when the file's layout does not allow it, when there are too many keys, and those of the file system. In
    /// each case the file is as it was.
    pub(super) fn save(&self, changes: &[Change]) -> anyhow::Result<()> {
        let text = self.document.edited(changes).ok_or_else(|| Unsafe {
            path: self.shown.display().to_string(),
            advice: self.document.by_hand(changes),
        })?;
        // No server may ever see a file that it refuses.
        KeyFile::parse(&text, &self.shown).with_context(|| {
            format!(
                "{} is left as it was, because the change would break it",
                self.shown.display()
            )
        })?;
        if let Some(advice) = replace(&self.path, &self.directory, &text)? {
            output::note(&format!("warning: {advice}"));
        }
        Ok(())
    }
}

/// The language that the name of a keys file tells.
///
/// # Errors
///
/// [`BadUsage`] when it tells none.
pub(super) fn language(path: &Path) -> Result<Language, BadUsage> {
    Language::of(path).ok_or_else(|| {
        BadUsage(format!(
            "{}: the name of a keys file ends in .yaml, .yml or .json",
            path.display()
        ))
    })
}

/// The entries of a file that is only read.
///
/// # Errors
///
/// Everything that is wrong with it.
pub(super) fn entries(path: &Path) -> anyhow::Result<Vec<KeyEntry>> {
    language(path)?;
    Ok(KeyFile::read(path).map_err(BrokenKeysFile)?.keys)
}

fn read(path: &Path, language: Language) -> anyhow::Result<(Document, Vec<KeyEntry>)> {
    // It knows pipes, devices and files that are too large, none of which may be read to the end.
    entries(path)?;
    let text =
        fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let entries = KeyFile::parse(&text, path).map_err(BrokenKeysFile)?.keys;
    let document = Document::parse(text, language)
        .with_context(|| format!("{} cannot be changed by this command", path.display()))?;
    Ok((document, entries))
}

/// The file behind all links, and its directory.
fn resolve(shown: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let path = match fs::canonicalize(shown) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => absent(shown)?,
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be opened", shown.display()));
        }
    };
    let directory = path
        .parent()
        .with_context(|| format!("{} is no file", shown.display()))?;
    Ok((path.clone(), directory.to_owned()))
}

fn absent(shown: &Path) -> anyhow::Result<PathBuf> {
    if fs::symlink_metadata(shown).is_ok() {
        bail!(
            "{} is a symbolic link to a file that is not there; remove the link, or make the file",
            shown.display()
        );
    }
    let file = shown
        .file_name()
        .with_context(|| format!("{} is no file", shown.display()))?;
    let parent = shown
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::canonicalize(parent.unwrap_or(Path::new("."))).with_context(|| {
        format!(
            "{} cannot be made: its directory has to be there first",
            shown.display()
        )
    })?;
    Ok(directory.join(file))
}
