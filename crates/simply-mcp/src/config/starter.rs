//! The starter file: every setting with its documentation and its default, commented out.

use std::fmt::Write as _;

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
    write_children(&mut text, "", "", format);
    text
}

// Plain settings come first: in TOML, whatever follows the header of a section belongs to it.
fn write_children(text: &mut String, indent: &str, section: &str, format: StarterFormat) {
    let (sections, plain): (Vec<_>, Vec<_>) =
        catalog::children(section).partition(|child| child.kind == Kind::Section);
    for (index, setting) in plain.into_iter().enumerate() {
        if index > 0 || section.is_empty() {
            text.push('\n');
        }
        write_setting(text, indent, setting, format);
    }
    for section in sections {
        text.push('\n');
        write_section(text, indent, section, format);
    }
}

fn write_section(text: &mut String, indent: &str, section: &Setting, format: StarterFormat) {
    comment(text, indent, &section.documentation);
    match format {
        StarterFormat::Yaml => {
            line(text, &format!("{indent}{}:", section.name));
            write_children(text, &format!("{indent}  "), &section.key, format);
        }
        StarterFormat::Toml => {
            line(text, &format!("[{}]", section.key));
            write_children(text, indent, &section.key, format);
        }
    }
}

fn write_setting(text: &mut String, indent: &str, setting: &Setting, format: StarterFormat) {
    comment(text, indent, &setting.documentation);
    let shown = match (&setting.default, &setting.example) {
        (default, Some(example)) if default.is_null() => example,
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
