//! Reading an issuer's keys from a file.

use std::{fs::File, io::Read as _, path::Path};

use super::key_set::LARGEST;

/// Reads the file, which must be a plain one of bounded size: a pipe would never end.
///
/// # Errors
///
/// In words for the log.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown} cannot be read: {error}");
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    let mut document = Vec::new();
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    let file = File::open(path).map_err(failed)?;
    file.take(most + 1)
        .read_to_end(&mut document)
        .map_err(failed)?;
    if document.len() > LARGEST {
        return Err(format!("{shown} has more than {LARGEST} bytes"));
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_file_of_bounded_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwks.json");
        assert!(read(&path).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path).unwrap(), b"{}");
        std::fs::write(&path, vec![b' '; LARGEST + 1]).unwrap();
        assert!(read(&path).unwrap_err().contains("more than"));
        assert!(read(folder.path()).unwrap_err().contains("not a file"));
        assert!(
            read(Path::new("/dev/zero"))
                .unwrap_err()
                .contains("not a file")
        );
    }
}
