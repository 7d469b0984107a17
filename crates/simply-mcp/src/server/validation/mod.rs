//! What is wrong with a registration: all of it at once, in words.

use rmcp::model::Tool;

use super::registry::Registry;

mod header_annotations;

/// The longest tool name (SEP-986).
const MAX_TOOL_NAME: usize = 128;

/// One thing that is wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {reason}")]
pub struct ServerError {
    subject: String,
    reason: String,
}

impl ServerError {
    pub(super) fn new(subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn repeated(subject: String) -> Self {
        Self::new(
            subject,
            "it is registered twice; give each a name of its own",
        )
    }
}

/// Everything that is wrong with a server; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server cannot be served as it is registered:{}", lines(.0))]
pub struct ServerErrors(Vec<ServerError>);

impl ServerErrors {
    /// The faults, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ServerError> {
        self.0.iter()
    }
}

fn lines(errors: &[ServerError]) -> String {
    errors.iter().map(|error| format!("\n  {error}")).collect()
}

pub(super) fn check(registry: &Registry) -> Result<(), ServerErrors> {
    let mut errors = registry.faults.clone();
    for entry in registry.tools.values() {
        check_tool(&entry.definition, &mut errors);
    }
    for name in registry.prompts.keys().filter(|name| name.is_empty()) {
        errors.push(ServerError::new(
            format!("prompt `{name}`"),
            "it needs a name",
        ));
    }
    for (uri, entry) in &registry.resources {
        check_uri(
            &format!("resource {uri}"),
            uri,
            &entry.definition.name,
            &mut errors,
        );
    }
    for (uri, entry) in &registry.templates {
        let subject = format!("resource template {uri}");
        check_uri(&subject, uri, &entry.definition.name, &mut errors);
    }
    check_completions(registry, &mut errors);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ServerErrors(errors))
    }
}

fn check_tool(tool: &Tool, errors: &mut Vec<ServerError>) {
    let subject = format!("tool {}", tool.name);
    if !is_tool_name(&tool.name) {
        let reason = format!(
            "its name must be 1 to {MAX_TOOL_NAME} of the letters A-Z, a-z, digits, `_`, `-` and `.`"
        );
        errors.push(ServerError::new(&subject, reason));
    }
    if tool
        .description
        .as_deref()
        .is_none_or(|text| text.trim().is_empty())
    {
        errors.push(ServerError::new(
            &subject,
            "it needs a description, which models choose it by",
        ));
    }
    let kind = tool.input_schema.get("type");
    if !tool.input_schema.is_empty() && kind.is_none_or(|kind| kind != "object") {
        errors.push(ServerError::new(
            &subject,
            "its input schema must have \"type\": \"object\"",
        ));
    }
    for reason in header_annotations::faults(&tool.input_schema) {
        errors.push(ServerError::new(&subject, reason));
    }
}

fn is_tool_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=MAX_TOOL_NAME).contains(&name.len()) && name.bytes().all(is_allowed)
}

fn check_uri(subject: &str, uri: &str, name: &str, errors: &mut Vec<ServerError>) {
    if name.is_empty() {
        errors.push(ServerError::new(subject, "it needs a name"));
    }
    if !has_scheme(uri) {
        errors.push(ServerError::new(
            subject,
            "its URI needs a scheme, such as `notes://`",
        ));
    }
}

/// RFC 3986, section 3.1.
fn has_scheme(uri: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && scheme.bytes().all(is_allowed)
            && !rest.is_empty()
    })
}

fn check_completions(registry: &Registry, errors: &mut Vec<ServerError>) {
    let mut report = |name: &str, argument: &str| {
        let subject = format!("completion of {name}, {argument}");
        errors.push(ServerError::new(
            subject,
            "there is no such prompt, template or argument",
        ));
    };
    for (prompt, argument) in registry.prompt_completions.keys() {
        let entry = registry.prompts.get(prompt);
        let mut arguments = entry
            .iter()
            .flat_map(|entry| entry.definition.arguments.iter().flatten());
        if !arguments.any(|known| known.name == *argument) {
            report(prompt, argument);
        }
    }
    for (template, variable) in registry.template_completions.keys() {
        let entry = registry.templates.get(template);
        if !entry.is_some_and(|entry| entry.template.names().any(|known| known == variable)) {
            report(template, variable);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::McpServer;

    fn faults(server: &McpServer) -> String {
        server.check().unwrap_err().to_string()
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let server = McpServer::new("s", "1")
            .tool("bad name", "text", async || "")
            .tool("twice", "text", async || "")
            .tool("twice", "text", async || "")
            .tool("mute", " ", async || "")
            .resource("no-scheme", "name", async || "")
            .resource_template("a://{+b}", "name", async || "")
            .complete_prompt("nowhere", "x", async || vec!["a"]);
        let text = faults(&server);
        for expected in [
            "tool bad name: its name must be",
            "tool twice: it is registered twice",
            "tool mute: it needs a description",
            "resource no-scheme: its URI needs a scheme",
            "resource template a://{+b}: `{+b}` is not a simple variable",
            "completion of nowhere, x: there is no such prompt",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn arguments_that_are_no_object_are_a_fault() {
        let server = McpServer::new("s", "1").tool("t", "text", async |_: String| "");
        assert!(faults(&server).contains("its arguments must be a struct or a map"));
    }

    #[test]
    fn tool_names_have_one_to_128_of_the_allowed_letters() {
        for good in ["a", "A.b-c_9", &"x".repeat(128)] {
            assert!(super::is_tool_name(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(!super::is_tool_name(bad), "{bad}");
        }
    }
}
