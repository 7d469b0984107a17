//! A new key is shown: the key alone on stdout, everything else on stderr.

use simply_mcp::auth::{ApiKey, KeyEntry};

use super::{
    document::Change,
    file::{EditedFile, Unsafe},
    target::Found,
};
use crate::output;

/// Writes the file, and shows the key once it counts.
///
/// # Errors
///
/// When the file cannot be written. A key is shown all the same when the operator is asked to write the entry by hand.
pub(super) fn save_and_show(
    file: &EditedFile,
    changes: &[Change],
    key: &ApiKey,
) -> anyhow::Result<()> {
    let saved = file.save(changes);
    let by_hand = saved
        .as_ref()
        .is_err_and(|error| error.downcast_ref::<Unsafe>().is_some());
    if saved.is_ok() || by_hand {
        output::result(key.expose())?;
    }
    if by_hand {
        output::note(
            "The key on stdout is shown only this once, and is good once its entry is in the file.",
        );
    }
    saved
}

/// Says what became of it, and what comes next.
pub(super) fn explain(found: &Found, entry: &KeyEntry) {
    let file = found.file.display();
    let name = &entry.name;
    output::note(&format!(
        "The new key is named {name} and stands, as a hash, in {file}."
    ));
    output::note("It is shown only this once: keep it where its user finds it.");
    if let Some(expiry) = entry.expires_at {
        output::note(&format!("It ends at {expiry}."));
    }
    output::note("");
    if !found.configured {
        output::note(&format!(
            "Serve with it:  MCP_HTTP_AUTH__KEYS_FILE={} simply-mcp serve",
            for_a_shell(&file.to_string())
        ));
    }
    output::note(&format!(
        "Call with it:   curl -H \"Authorization: Bearer $KEY\" {}/tools",
        found.url
    ));
}

/// A word as a shell takes it for one.
fn for_a_shell(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        for (word, pasted) in [
            ("/etc/simply-mcp/keys.yaml", "/etc/simply-mcp/keys.yaml"),
            ("my keys.yaml", "'my keys.yaml'"),
            ("it's.yaml", r"'it'\''s.yaml'"),
        ] {
            assert_eq!(for_a_shell(word), pasted);
        }
    }
}
