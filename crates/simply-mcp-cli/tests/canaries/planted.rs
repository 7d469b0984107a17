//! Secrets that must stay where they were put, and the ways in which they may be found elsewhere.

/// One secret: from where it may leak, and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Canary {
    pub(crate) place: &'static str,
    pub(crate) text: &'static str,
}

/// Characters from the start of a secret that are too many to be found.
const PREFIX: usize = 6;

impl Canary {
    pub(crate) const fn new(place: &'static str, text: &'static str) -> Self {
        Self { place, text }
    }

    /// How `output` shows it: as it is, or cut, in base64, or percent-encoded.
    pub(crate) fn found_in(&self, output: &str) -> Option<String> {
        self.spellings()
            .into_iter()
            .find(|spelling| output.contains(spelling))
    }

    fn spellings(self) -> Vec<String> {
        let prefix = &self.text[..PREFIX];
        let encoded: String = prefix
            .bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        let mut spellings = vec![prefix.to_owned(), encoded.to_ascii_lowercase(), encoded];
        // Wherever it stands in what was encoded, one of three encodings of its middle does not depend on the rest.
        for skipped in 0..3 {
            let whole = (self.text.len() - skipped) / 3 * 3;
            spellings.push(base64(&self.text.as_bytes()[skipped..skipped + whole]));
        }
        spellings
    }
}

/// Base64 without padding, for whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks_exact(3)
        .flat_map(|group| {
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift) as usize & 63]))
        })
        .collect()
}

#[test]
fn a_canary_is_found_in_every_spelling() {
    let canary = Canary::new("test", "Wq/7=ArgumentX9");
    for output in [
        "x Wq/7=ArgumentX9 y",
        "cut: Wq/7=A…",
        "?a=Wq%2F7%3DArgument",
        "?a=wq%2f7%3dargument",
        "V3EvNz1Bcmd1bWVudFg5",
        "eCBXcS83PUFyZ3VtZW50WDkgeQ==",
    ] {
        assert!(canary.found_in(output).is_some(), "{output}");
    }
    assert_eq!(canary.found_in("Wq/7 and =Arg"), None);
}
