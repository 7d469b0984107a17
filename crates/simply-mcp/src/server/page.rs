//! Lists in pages.

use std::sync::Arc;

use indexmap::IndexMap;
use rmcp::model::{ErrorData, PaginatedRequestParams};

/// How many entries a page has: few servers need a second one, and no answer grows without a bound.
pub(super) const PAGE_SIZE: usize = 1000;

/// The start of every cursor that we give.
const CURSOR_PREFIX: &str = "after-";

/// One page of a list, and the cursor of the next.
///
/// # Errors
///
/// -32602 for a cursor that this list never gave.
pub(super) fn page<T, Item>(
    entries: &IndexMap<String, Arc<T>>,
    request: Option<PaginatedRequestParams>,
    item: impl Fn(&T) -> Item,
) -> Result<(Vec<Item>, Option<String>), ErrorData> {
    let start = match request.and_then(|request| request.cursor) {
        Some(cursor) => offset(&cursor, entries.len())?,
        None => 0,
    };
    let end = (start + PAGE_SIZE).min(entries.len());
    let items = entries
        .values()
        .skip(start)
        .take(PAGE_SIZE)
        .map(|entry| item(entry))
        .collect();
    let next = (end < entries.len()).then(|| format!("{CURSOR_PREFIX}{end}"));
    Ok((items, next))
}

fn offset(cursor: &str, length: usize) -> Result<usize, ErrorData> {
    cursor
        .strip_prefix(CURSOR_PREFIX)
        .and_then(|number| number.parse().ok())
        .filter(|offset| (1..length).contains(offset))
        .ok_or_else(|| {
            let message = "the cursor is not one of this list: start again without it";
            ErrorData::invalid_params(message, None)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize) -> IndexMap<String, Arc<usize>> {
        (0..count)
            .map(|number| (number.to_string(), Arc::new(number)))
            .collect()
    }

    fn at(cursor: &str) -> Option<PaginatedRequestParams> {
        Some(PaginatedRequestParams::default().with_cursor(Some(cursor.to_owned())))
    }

    #[test]
    fn pages_follow_each_other_in_order_and_end() {
        let entries = entries(PAGE_SIZE + 1);
        let (first, next) = page(&entries, None, |number| *number).unwrap();
        assert_eq!((first.len(), first[0]), (PAGE_SIZE, 0));
        let (second, end) = page(&entries, at(&next.unwrap()), |number| *number).unwrap();
        assert_eq!((second, end), (vec![PAGE_SIZE], None));
    }

    #[test]
    fn a_full_page_without_more_gives_no_cursor() {
        assert_eq!(
            page(&entries(PAGE_SIZE), None, |number| *number).unwrap().1,
            None
        );
    }

    #[test]
    fn a_cursor_that_was_never_given_is_refused() {
        for cursor in [
            "",
            "1",
            "after-",
            "after-x",
            "after--1",
            "after-0",
            "after-99999",
        ] {
            assert!(
                page(&entries(5), at(cursor), |number| *number).is_err(),
                "{cursor}"
            );
        }
    }
}
