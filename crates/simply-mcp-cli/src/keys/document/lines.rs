//! The lines of a YAML text, by their indentation.

use std::ops::Range;

/// The lines of a text, without their endings.
pub(super) struct Lines<'a> {
    text: &'a str,
    ranges: Vec<Range<usize>>,
}

impl<'a> Lines<'a> {
    /// Parts a text into its lines.
    pub(super) fn of(text: &'a str) -> Self {
        let mut start = 0;
        let ranges = text
            .split('\n')
            .map(|line| {
                let range = start..start + line.strip_suffix('\r').unwrap_or(line).len();
                start += line.len() + 1;
                range
            })
            .collect();
        Self { text, ranges }
    }

    /// How many there are, at least one.
    pub(super) fn count(&self) -> usize {
        self.ranges.len()
    }

    /// The line in which a byte stands, counted from zero.
    pub(super) fn index(&self, byte: usize) -> usize {
        self.ranges
            .partition_point(|range| range.start <= byte)
            .saturating_sub(1)
    }

    /// Where a line stands.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        self.ranges[index].clone()
    }

    /// What precedes a byte in its line.
    pub(super) fn before(&self, byte: usize) -> &'a str {
        let start = self.ranges[self.index(byte)].start;
        self.text.get(start..byte).unwrap_or_default()
    }

    /// The first line from `from` on that says something, blank lines and comments apart.
    pub(super) fn first_saying(&self, from: usize) -> Option<usize> {
        (from..self.count()).find(|index| !self.is_blank(*index) && !self.is_comment(*index))
    }

    /// The spaces that a line begins with.
    pub(super) fn indent(&self, index: usize) -> usize {
        let line = self.line(index);
        line.len() - line.trim_start_matches(' ').len()
    }

    /// Whether a line begins an entry of a list.
    pub(super) fn is_entry(&self, index: usize) -> bool {
        let line = self.line(index).trim_start_matches(' ');
        line == "-" || line.starts_with("- ") || line.starts_with("-\t")
    }

    /// Whether the document ends or begins here.
    pub(super) fn is_document_mark(&self, index: usize) -> bool {
        let line = self.line(index);
        ["---", "..."].into_iter().any(|mark| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        })
    }

    /// The end of the last line in `lines` that belongs to what stands deeper than `column`: it says something, or is
    /// a comment that stands deeper.
    pub(super) fn end_of_content(&self, lines: Range<usize>, column: usize) -> Option<usize> {
        let belongs = |index: &usize| {
            !self.is_blank(*index) && (!self.is_comment(*index) || self.indent(*index) > column)
        };
        lines
            .rev()
            .find(belongs)
            .map(|index| self.ranges[index].end)
    }

    fn line(&self, index: usize) -> &'a str {
        &self.text[self.ranges[index].clone()]
    }

    fn is_blank(&self, index: usize) -> bool {
        self.line(index).trim().is_empty()
    }

    fn is_comment(&self, index: usize) -> bool {
        self.line(index).trim_start().starts_with('#')
    }
}
