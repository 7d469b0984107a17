//! TOML to a tree, with the place of every value.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Entry, Node, Origin, Problem, file::Source, node::Data};

/// The most mistakes of one file that are reported.
const MOST_MISTAKES: usize = 20;

/// Reads a TOML document; nothing but comments is an empty one.
///
/// # Errors
///
/// Every place at which it is not TOML.
pub(super) fn parse(text: &str, source: &Source) -> Result<Node, Vec<Problem>> {
    let places = Places { text, source };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(Node {
            origin: places.origin(table.span()),
            data: places.map(table.into_inner()),
        });
    }
    let problems = errors.iter().take(MOST_MISTAKES);
    Err(problems.map(|error| places.problem(error)).collect())
}

struct Places<'a> {
    text: &'a str,
    source: &'a Source,
}

impl Places<'_> {
    fn origin(&self, span: Range<usize>) -> Origin {
        let (line, column) = self.place(span.start);
        self.source.at(line, column)
    }

    fn place(&self, byte: usize) -> (u64, u64) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before[start..].chars().count() + 1;
        (line as u64, column as u64)
    }

    // The parser's messages name what it expected, never what stands there.
    fn problem(&self, error: &toml::de::Error) -> Problem {
        let Some(span) = error.span() else {
            return Problem::of_source(
                self.source.whole(),
                format!("this is not proper TOML: {}", error.message()),
            );
        };
        let first = (error.message() == "duplicate key")
            .then(|| self.first_of(span.clone()))
            .flatten();
        let origin = self.origin(span);
        match first {
            Some(first) => {
                let line = self.place(first).0;
                Problem::of_source(
                    origin,
                    format!("this key is set twice, first in line {line}; keep one of them"),
                )
            }
            None => Problem::of_source(
                origin,
                format!("this is not proper TOML: {}", error.message()),
            ),
        }
    }

    /// Where the key that stands in the span was set before. The parser names only the second place, and may have
    /// forgotten the first, so what stands before the second is read again.
    fn first_of(&self, second: Range<usize>) -> Option<usize> {
        let before = self.text.get(..second.start)?;
        let name = self.text.get(second)?.trim_matches(['"', '\'']);
        let (table, _) = DeTable::parse_recoverable(before);
        last_of(table.get_ref(), name)
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let origin = self.origin(value.span());
        let data = match value.into_inner() {
            DeValue::String(text) => Data::Text(text.into_owned()),
            DeValue::Boolean(truth) => Data::Boolean(truth),
            DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
                .map_or(Data::Float(f64::NAN), Data::Integer),
            DeValue::Float(number) => Data::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Datetime(time) => Data::Text(time.to_string()),
            DeValue::Array(items) => {
                Data::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => self.map(table),
        };
        Node { origin, data }
    }

    // The parser sorts by name; a reader expects the order of the file.
    fn map(&self, table: DeTable<'_>) -> Data {
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let entries = entries.into_iter().map(|(name, value)| Entry {
            origin: self.origin(name.span()),
            name: name.into_inner().into_owned(),
            value: self.node(value),
        });
        Data::Map(entries.collect())
    }
}

/// Where the last key of that name begins.
fn last_of(table: &DeTable<'_>, name: &str) -> Option<usize> {
    let here = table
        .keys()
        .filter(|key| key.get_ref() == name)
        .map(|key| key.span().start);
    let within = table.values().filter_map(|value| match value.get_ref() {
        DeValue::Table(inner) => last_of(inner, name),
        _ => None,
    });
    within.chain(here).max()
}
