//! Tells when a file has changed.
//!
//! It looks every half second at what the path leads to: device, inode, size, and the times of the last change of
//! content and of the entry. The operating system could tell of changes by itself, and would not tell of all of
//! them: Kubernetes swaps a symbolic link two directories away, an overlay or a network file system is changed from
//! another machine, a file is deleted and comes back as another one. What the path leads to is the same question for
//! all of these, and one `stat` in half a second costs nothing.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
    time::Duration,
};

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(500);

/// How long a file must have been left alone before it is reported: who writes it in place is not done at once.
const SETTLED: Duration = Duration::from_millis(100);

/// How often it looks again at a file that is still being written, before it is reported all the same.
const MOST_LOOKS: u32 = 4;

/// Watches some files. A change within a second of the last one may be reported together with it.
#[derive(Debug)]
pub(crate) struct Watch {
    files: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether a change was seen of which nobody has been told yet.
    seen: bool,
}

impl Watch {
    /// Watches from now on. Make it before the files are read for the first time, so that no change is missed
    /// between.
    pub(crate) fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let stamped = files.into_iter().map(|file| {
            let stamp = std::fs::metadata(&file).ok().as_ref().map(Stamp::of);
            (file, stamp)
        });
        Self {
            files: stamped.collect(),
            seen: false,
        }
    }

    /// Waits until one of the files is another one, has other content, is gone, or has come back: about half a
    /// second after it was written, and at most one. Nothing is lost when the wait is given up before its end.
    pub(crate) async fn changed(&mut self) {
        while !self.seen {
            tokio::time::sleep(PERIOD).await;
            self.look().await;
        }
        for _ in 0..MOST_LOOKS {
            tokio::time::sleep(SETTLED).await;
            if !self.look().await {
                break;
            }
        }
        self.seen = false;
    }

    /// Whether any file is not as it was at the last look.
    async fn look(&mut self) -> bool {
        let mut changed = false;
        for (file, last) in &mut self.files {
            let now = stamp(file).await;
            if now != *last {
                *last = now;
                changed = true;
                self.seen = true;
            }
        }
        changed
    }
}

async fn stamp(file: &Path) -> Option<Stamp> {
    // Off the threads that serve: a network file system may take its time.
    tokio::fs::metadata(file).await.ok().as_ref().map(Stamp::of)
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    #[cfg(unix)]
    file: (u64, u64),
    #[cfg(unix)]
    times: [(i64, i64); 2],
    #[cfg(not(unix))]
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            length: metadata.len(),
            file: (metadata.dev(), metadata.ino()),
            times: [
                (metadata.mtime(), metadata.mtime_nsec()),
                (metadata.ctime(), metadata.ctime_nsec()),
            ],
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far more than a change takes to be seen on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn is_told(watch: &mut Watch, what: &str) {
        let told = tokio::time::timeout(PATIENCE, watch.changed()).await;
        assert!(told.is_ok(), "nobody told of: {what}");
    }

    #[tokio::test]
    async fn every_way_to_change_a_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::new([folder.path().join("other"), file.clone()]);

        fs::write(&file, "two").unwrap();
        is_told(&mut watch, "writing in place, the same length").await;

        let new = folder.path().join("new");
        fs::write(&new, "two").unwrap();
        fs::rename(&new, &file).unwrap();
        is_told(&mut watch, "renaming over it, the same content").await;

        fs::write(&file, "").unwrap();
        is_told(&mut watch, "truncation").await;

        fs::remove_file(&file).unwrap();
        is_told(&mut watch, "deletion").await;

        fs::write(&file, "two").unwrap();
        is_told(&mut watch, "coming back").await;
    }

    // Kubernetes: keys.yaml -> ..data/keys.yaml, ..data -> ..2026_01_01; a new ..data is renamed over the old one.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_that_is_swapped_on_the_way_is_told() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("keys.yaml"), version).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/keys.yaml", at("keys.yaml")).unwrap();
        let mut watch = Watch::new([at("keys.yaml")]);

        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        is_told(&mut watch, "the swap").await;
        assert_eq!(fs::read_to_string(at("keys.yaml")).unwrap(), "..2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_stays_as_it_is_is_not_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        fs::write(&file, "one").unwrap();
        let mut watch = Watch::new([file]);
        let told = tokio::time::timeout(PERIOD * 20, watch.changed()).await;
        assert!(told.is_err());
    }
}
