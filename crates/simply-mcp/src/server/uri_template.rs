//! URI templates: RFC 6570 level 1, matched backwards from a URI to its variables.

use rmcp::model::JsonObject;
use serde_json::Value;

/// A template such as `notes://{year}/{name}`.
///
/// A variable stands for one or more characters of one path segment, as level 1 expansion would write
/// them: reserved characters are percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UriTemplate {
    /// The text before the first variable.
    prefix: String,
    /// Each variable, and the text that follows it.
    variables: Vec<(String, String)>,
}

impl UriTemplate {
    /// Reads a template; the error says what is wrong with it.
    pub(super) fn parse(template: &str) -> Result<Self, String> {
        let mut pieces = template.split('{');
        let prefix = pieces.next().unwrap_or_default().to_owned();
        let mut variables: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            let (name, literal) = piece
                .split_once('}')
                .ok_or_else(|| format!("`{{{piece}` has no closing brace"))?;
            check_name(name)?;
            if variables.iter().any(|(other, _)| other == name) {
                return Err(format!("the variable {name} stands twice"));
            }
            if variables
                .last()
                .is_some_and(|(_, literal)| literal.is_empty())
            {
                return Err(format!(
                    "nothing separates the variable {name} from the one before"
                ));
            }
            variables.push((name.to_owned(), literal.to_owned()));
        }
        let literals = variables
            .iter()
            .map(|(_, literal)| literal)
            .chain([&prefix]);
        if literals.into_iter().any(|literal| literal.contains('}')) {
            return Err("a closing brace has no opening one".to_owned());
        }
        Ok(Self { prefix, variables })
    }

    /// The names of the variables, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// The variables of a URI that this template can make, decoded; else `None`.
    pub(super) fn matches(&self, uri: &str) -> Option<JsonObject> {
        let mut rest = uri.strip_prefix(&self.prefix)?;
        let mut values = JsonObject::new();
        for (index, (name, literal)) in self.variables.iter().enumerate() {
            let is_last = index + 1 == self.variables.len();
            // The last literal is anchored to the end, so that `{file}.md` reads `a.md.md` whole.
            let (value, after) = if is_last {
                (rest.strip_suffix(literal.as_str())?, "")
            } else {
                rest.split_once(literal.as_str())?
            };
            values.insert(name.clone(), Value::String(decode(value)?));
            rest = after;
        }
        rest.is_empty().then_some(values)
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
    if !name.is_empty() && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!(
        "`{{{name}}}` is not a simple variable: letters, digits, `_` and `.` (RFC 6570 level 1)"
    ))
}

/// Decodes one value; `None` where expansion could not have written it.
fn decode(value: &str) -> Option<String> {
    if value.is_empty() || value.contains(['/', '?', '#']) {
        return None;
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matched(template: &str, uri: &str) -> Option<Value> {
        UriTemplate::parse(template)
            .unwrap()
            .matches(uri)
            .map(Value::Object)
    }

    #[test]
    fn variables_are_found_between_the_texts() {
        assert_eq!(
            matched("notes://{year}/{name}.md", "notes://2026/a.md.md"),
            Some(json!({"year": "2026", "name": "a.md"}))
        );
        assert_eq!(matched("test://{id}", "test://7"), Some(json!({"id": "7"})));
        assert_eq!(matched("test://plain", "test://plain"), Some(json!({})));
    }

    #[test]
    fn a_variable_never_crosses_a_segment_and_is_never_empty() {
        assert_eq!(matched("notes://{name}", "notes://a/b"), None);
        assert_eq!(matched("notes://{name}", "notes://"), None);
        assert_eq!(matched("notes://{name}", "notes://a?b"), None);
        assert_eq!(matched("notes://{a}/{b}", "notes://1"), None);
        assert_eq!(matched("test://plain", "test://plainer"), None);
    }

    #[test]
    fn values_are_percent_decoded_and_broken_ones_do_not_match() {
        assert_eq!(
            matched("n://{a}", "n://caf%C3%A9%20x"),
            Some(json!({"a": "café x"}))
        );
        for broken in ["n://%", "n://%4", "n://%zz", "n://%ff"] {
            assert_eq!(matched("n://{a}", broken), None, "{broken}");
        }
    }

    #[test]
    fn templates_beyond_level_one_are_refused() {
        for bad in [
            "a://{",
            "a://{}",
            "a://{+path}",
            "a://{a,b}",
            "a://{a}{b}",
            "a://{a}/{a}",
            "a://}",
        ] {
            assert!(UriTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
