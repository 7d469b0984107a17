//! The starter file: every setting with its documentation and its default, commented out.

use std::fmt::Write as _;

use serde_json::Value;

use super::catalog::{self, Kind, Setting};

/// The width at which comments wrap, in columns.
const WIDTH: usize = 100;

/// The language of a starter file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StarterFormat {
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
}

/// A configuration file that documents every setting and changes none.
#[must_use]
pub fn starter_file(format: StarterFormat) -> String {
    let mut text = String::new();
    comment(
        &mut text,
        "",
        "Configuration of simply-mcp. Every line that is commented out shows the default (or an example, where the \
         default is nothing); remove the # to change it. `simply-mcp check --config FILE` finds mistakes, and \
         `simply-mcp config explain KEY` says what a setting is set to and by whom.",
    );
    let (sections, plain): (Vec<_>, Vec<_>) =
        catalog::children("").partition(|setting| setting.kind == Kind::Section);
    for setting in plain {
        text.push('\n');
        write_setting(&mut text, "", setting, format);
    }
    for section in sections {
        text.push('\n');
        write_section(&mut text, section, format);
    }
    text
}

fn write_section(text: &mut String, section: &Setting, format: StarterFormat) {
    comment(text, "", &section.documentation);
    let (header, indent) = match format {
        StarterFormat::Yaml => (format!("{}:", section.name), "  "),
        StarterFormat::Toml => (format!("[{}]", section.key), ""),
    };
    line(text, &header);
    for (index, setting) in catalog::children(&section.key).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        write_setting(text, indent, setting, format);
    }
}

fn write_setting(text: &mut String, indent: &str, setting: &Setting, format: StarterFormat) {
    comment(text, indent, &setting.documentation);
    let shown = match (&setting.default, &setting.example) {
        (Value::Null, Some(example)) => example,
        (default, _) => default,
    };
    let (name, separator) = match format {
        StarterFormat::Yaml => (&setting.name, ":"),
        StarterFormat::Toml => (&setting.name, " ="),
    };
    line(text, &format!("{indent}# {name}{separator} {shown}"));
}

fn comment(text: &mut String, indent: &str, documentation: &str) {
    for paragraph in documentation.split("\n\n") {
        let mut row = String::new();
        for word in paragraph.split_whitespace() {
            if !row.is_empty() && indent.len() + 3 + row.len() + word.len() > WIDTH {
                line(text, &format!("{indent}# {row}"));
                row.clear();
            }
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
        line(text, &format!("{indent}# {row}"));
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes every line");
}
