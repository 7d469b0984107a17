//! Results on standard output, for people and for pipes.

use std::io::{self, Write};

use rmcp::model::{CallToolResult, ContentBlock, Tool};
use serde::Serialize;

/// Columns that a name may take before its description moves away.
const WIDEST_NAME: usize = 32;

/// Prints tools as `name  description`, aligned, one a line.
pub(super) fn tools(tools: &[Tool]) -> anyhow::Result<()> {
    let widest = tools
        .iter()
        .map(|tool| tool.name.chars().count())
        .max()
        .unwrap_or_default();
    let width = widest.min(WIDEST_NAME);
    let mut text = String::new();
    for tool in tools {
        let name = on_one_line(&tool.name);
        let described = tool.description.as_deref().unwrap_or_default();
        let first = on_one_line(described.trim().lines().next().unwrap_or_default());
        let line = format!("{name:width$}  {first}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    print(io::stdout(), &text)
}

/// Prints what the server answered.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    print(io::stdout(), &(serde_json::to_string_pretty(value)? + "\n"))
}

/// Prints a tool's result: its structured content as JSON, else its texts. A failure goes to
/// standard error.
pub(super) fn result(result: &CallToolResult) -> anyhow::Result<()> {
    if result.is_error == Some(true) {
        let text = content(&result.content)?;
        let text = if text.is_empty() {
            "the tool failed and does not say why\n".to_owned()
        } else {
            text
        };
        return print(io::stderr(), &text);
    }
    match &result.structured_content {
        Some(structured) => json(structured),
        None => print(io::stdout(), &content(&result.content)?),
    }
}

fn content(blocks: &[ContentBlock]) -> anyhow::Result<String> {
    let mut text = String::new();
    for block in blocks {
        match block.as_text() {
            Some(block) => text.push_str(&block.text),
            None => text.push_str(&serde_json::to_string(block)?),
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

/// A foreign server's words must not steer the terminal.
fn on_one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Writes, and takes a reader that has had enough (`| head`) for no failure.
fn print(mut out: impl Write, text: &str) -> anyhow::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
