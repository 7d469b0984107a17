//! Changes of a YAML text as insertions and replacements, so that everything else stays byte for byte.
//!
//! YAML has more ways to say a thing than this file knows. It need not be right about all of them: whoever applies
//! what it proposes reads the new text again, and takes it only when it says what was intended.

use std::ops::Range;

use super::{
    Edit,
    flow::{self, Inside},
    lines::Lines,
    node::{Node, Place, Value},
    write::{self, Quotes},
};

/// Text that takes the place of other text.
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// A text and what it says.
pub(super) struct Yaml<'a> {
    text: &'a str,
    ending: &'a str,
    tree: &'a Node,
    lines: Lines<'a>,
}

impl<'a> Yaml<'a> {
    /// Takes a text, its line ending, and what it says.
    pub(super) fn new(text: &'a str, ending: &'a str, tree: &'a Node) -> Self {
        let lines = Lines::of(text);
        Self {
            text,
            ending,
            tree,
            lines,
        }
    }

    /// The splices that make an edit. `None` when the text is in a form that is not known here.
    pub(super) fn splices(&self, edit: &Edit) -> Option<Vec<Splice>> {
        match edit {
            Edit::Add(entry) => self.add(entry),
            Edit::Set { index, name, value } => Some(vec![self.set(
                &self.items()?[*index],
                *index,
                name,
                value,
            )?]),
        }
    }

    /// The line in which an entry begins, counted from one.
    pub(super) fn line_of(&self, index: usize) -> Option<usize> {
        let place = self.items()?.get(index)?.place?;
        Some(self.lines.index(place.start) + 1)
    }

    fn items(&self) -> Option<&'a [Node]> {
        self.tree.member("keys")?.1.items()
    }

    fn set(&self, item: &Node, index: usize, name: &str, value: &Node) -> Option<Splice> {
        let place = item.place.filter(|place| !place.alias)?;
        if let Some((_, old)) = item.member(name) {
            return self.replace(old, value);
        }
        let name = Node::text(name);
        if place.length > 0 {
            let member = write::member(&name, value, self.quotes_in(item));
            return Some(append_inside(
                &flow::inside(self.text, place.start)?,
                &member,
            ));
        }
        let column = self.lines.before(place.start).chars().count();
        let member = write::member(&name, value, Quotes::Needed);
        let end = self.end_of_item(index)?;
        Some(insert(
            end,
            format!("{}{}{member}", self.ending, " ".repeat(column)),
        ))
    }

    fn replace(&self, old: &Node, value: &Node) -> Option<Splice> {
        let place = old.place?;
        if matches!(old.value, Value::List(_) | Value::Map(_)) {
            return None;
        }
        let quotes = self.quotes(place);
        let text = write::inline(value, quotes);
        if place.length > 0 {
            let range = place.start..place.start + place.length;
            return Some(Splice { range, text });
        }
        // Nothing is said after the colon.
        let colon = self.text.get(place.start..)?.starts_with(':');
        colon.then(|| insert(place.start + 1, format!(" {text}")))
    }

    fn add(&self, entry: &Node) -> Option<Vec<Splice>> {
        let Some((name, list)) = self.tree.member("keys") else {
            return matches!(self.tree.value, Value::Null).then(|| vec![self.begin(entry)]);
        };
        let place = list.place?;
        let lines = self.tree.place?.length == 0;
        let blank = |inside: &Inside| {
            let between = self.text.get(place.start + 1..inside.close);
            between.is_some_and(|between| between.trim().is_empty())
        };
        match &list.value {
            Value::Null if lines => self.first_entry(name.place?, place.start, place.length, entry),
            Value::List(items) if place.length > 0 => {
                let inside = flow::inside(self.text, place.start)?;
                if items.is_empty() && lines && blank(&inside) {
                    let length = inside.close + 1 - place.start;
                    return self.first_entry(name.place?, place.start, length, entry);
                }
                self.add_inside(items.last(), &inside, entry)
            }
            Value::List(_) => {
                let dash = self.dash()?;
                let end = self
                    .lines
                    .end_of_content(dash.line..self.end_of_list()?, dash.column)?;
                Some(vec![self.entry_after(end, dash.column, entry)])
            }
            _ => None,
        }
    }

    /// The list, at the end of a text that says nothing.
    fn begin(&self, entry: &Node) -> Splice {
        let ending = self.ending;
        let parted = self.text.is_empty() || self.text.ends_with('\n');
        let before = if parted { "" } else { ending };
        let entry = write::entry(entry, "  ", ending);
        insert(
            self.text.len(),
            format!("{before}keys:{ending}{entry}{ending}"),
        )
    }

    /// The first entry, after a `keys:` that says that there is none.
    fn first_entry(
        &self,
        name: Place,
        start: usize,
        length: usize,
        entry: &Node,
    ) -> Option<Vec<Splice>> {
        let column = self.lines.before(name.start).chars().count() + 2;
        let end = self.lines.range(self.lines.index(start + length)).end;
        let mut splices = vec![self.entry_after(end, column, entry)];
        if length > 0 {
            let before = self.text.get(..start)?.trim_end_matches(' ');
            let removed = Splice {
                range: before.len()..start + length,
                text: String::new(),
            };
            splices.insert(0, removed);
        }
        Some(splices)
    }

    fn entry_after(&self, end: usize, column: usize, entry: &Node) -> Splice {
        let entry = write::entry(entry, &" ".repeat(column), self.ending);
        insert(end, format!("{}{entry}", self.ending))
    }

    /// One more entry of a list in brackets, in a line of its own where the last one has one.
    fn add_inside(
        &self,
        last: Option<&Node>,
        inside: &Inside,
        entry: &Node,
    ) -> Option<Vec<Splice>> {
        let entry = write::inline(entry, self.quotes_in(self.tree));
        let Some(last) = last else {
            return Some(vec![append_inside(inside, &entry)]);
        };
        let indent = self.lines.before(last.place?.start);
        if !indent.trim().is_empty() {
            return Some(vec![append_inside(inside, &entry)]);
        }
        let line = self.lines.range(self.lines.index(inside.end)).end;
        let place = if inside.close < line {
            inside.end
        } else {
            line
        };
        let (comma, comma_too) = match inside.last {
            b',' => ("", ","),
            _ => (",", ""),
        };
        Some(vec![
            insert(inside.end, comma.to_owned()),
            insert(place, format!("{}{indent}{entry}{comma_too}", self.ending)),
        ])
    }

    fn end_of_item(&self, index: usize) -> Option<usize> {
        let dash = self.dash()?;
        let items = self.items()?;
        let first = self.lines.index(items.get(index)?.place?.start);
        let end = match items.get(index + 1) {
            None => self.end_of_list()?,
            Some(next) => {
                let next = self.lines.index(next.place?.start);
                (first..=next).rev().find(|line| {
                    self.lines.is_entry(*line) && self.lines.indent(*line) == dash.column
                })?
            }
        };
        self.lines.end_of_content(first..end, dash.column)
    }

    /// The line after the last one of the list, which has no brackets.
    fn end_of_list(&self) -> Option<usize> {
        let dash = self.dash()?;
        let last = self.items()?.last()?.place?;
        // A closing bracket may stand as deep as the dash.
        let last = match last.length {
            0 => last.start,
            _ => flow::inside(self.text, last.start).map_or(last.start, |inside| inside.close),
        };
        let mut line = self.lines.index(last) + 1;
        while let Some(next) = self.lines.first_saying(line) {
            let indent = self.lines.indent(next);
            let within =
                indent > dash.column || (indent == dash.column && self.lines.is_entry(next));
            if !within || self.lines.is_document_mark(next) {
                return Some(next);
            }
            line = next + 1;
        }
        Some(self.lines.count())
    }

    /// Where the first dash of the list stands.
    fn dash(&self) -> Option<Dash> {
        let (name, _) = self.tree.member("keys")?;
        let line = self
            .lines
            .first_saying(self.lines.index(name.place?.start) + 1)?;
        self.lines.is_entry(line).then(|| Dash {
            line,
            column: self.lines.indent(line),
        })
    }

    /// The quotes for names in a map: those that it has.
    fn quotes_in(&self, map: &Node) -> Quotes {
        let first = map.members().and_then(|members| members.first()?.0.place);
        first.map_or(Quotes::Needed, |place| self.quotes(place))
    }

    /// The quotes of a text.
    fn quotes(&self, place: Place) -> Quotes {
        match self.text.as_bytes().get(place.start) {
            Some(b'"') => Quotes::Always,
            _ => Quotes::Needed,
        }
    }
}

struct Dash {
    line: usize,
    column: usize,
}

fn append_inside(inside: &Inside, text: &str) -> Splice {
    let parting = match inside.last {
        // A bracket that closes is the end of a value, and this one opens.
        b'[' | b'{' => "",
        b',' => " ",
        _ => ", ",
    };
    insert(inside.end, format!("{parting}{text}"))
}

fn insert(at: usize, text: String) -> Splice {
    Splice {
        range: at..at,
        text,
    }
}
