use simply_mcp::auth::{KeyEntry, KeyFile, KeyHash};

use super::*;

/// As it is written for a new key named `new`.
const HASH: &str = "sha256:11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";

fn entry() -> KeyEntry {
    let mut entry = KeyEntry::new("new", HASH.parse::<KeyHash>().unwrap());
    entry.tools = Some(vec!["echo".to_owned(), "1st".to_owned()]);
    entry
}

fn edited(text: &str, changes: &[Change]) -> Option<String> {
    let document = Document::parse(text.to_owned(), Language::Yaml).unwrap();
    document.edited(changes)
}

/// Short texts stand for what every entry has: `@` and a letter for a hash, `+` for the new entry of a block, and `*`
/// for that in brackets.
fn expand(text: &str) -> String {
    let block = |indent: &str, ending: &str| {
        [
            format!("{indent}- name: new"),
            format!("{indent}  key_hash: \"{HASH}\""),
            format!("{indent}  tools: [echo, \"1st\"]"),
        ]
        .join(ending)
    };
    let flow = format!("{{name: new, key_hash: \"{HASH}\", tools: [echo, \"1st\"]}}");
    let quoted =
        format!("{{\"name\": \"new\", \"key_hash\": \"{HASH}\", \"tools\": [\"echo\", \"1st\"]}}");
    let text = ["a", "b", "c"]
        .iter()
        .fold(text.to_owned(), |text, letter| {
            text.replace(
                &format!("@{letter}"),
                &format!("key_hash: \"{}\"", KeyHash::of(letter)),
            )
        });
    text.replace("<block>", &block("  ", "\n"))
        .replace("<block crlf>", &block("  ", "\r\n"))
        .replace("<block 0>", &block("", "\n"))
        .replace("<flow>", &flow)
        .replace("<quoted>", &quoted)
}

/// Checks a table of texts before and after, and that both are keys files.
fn check(changes: impl Fn() -> Vec<Change>, table: &[(&str, &str)]) {
    for (before, after) in table {
        let (before, after) = (expand(before), expand(after));
        assert!(KeyFile::parse(&before, "k.yaml").is_ok(), "{before}");
        let found = edited(&before, &changes());
        assert_eq!(found.as_deref(), Some(after.as_str()), "{before}");
        KeyFile::parse(&after, "k.yaml").unwrap();
    }
}

#[test]
fn an_entry_is_added_in_the_style_of_the_file() {
    check(
        || vec![Change::add(&entry())],
        &[
            // Nothing yet.
            ("", "keys:\n<block>\n"),
            ("# mine", "# mine\nkeys:\n<block>\n"),
            ("---\n# mine\n", "---\n# mine\nkeys:\n<block>\n"),
            ("keys:", "keys:\n<block>"),
            ("keys:\n", "keys:\n<block>\n"),
            (
                "keys: # none yet\n\n# end\n",
                "keys: # none yet\n<block>\n\n# end\n",
            ),
            ("keys: []\n", "keys:\n<block>\n"),
            (
                "keys: [ ]  # none yet\r\n",
                "keys:  # none yet\r\n<block crlf>\r\n",
            ),
            ("keys: ~\n", "keys:\n<block>\n"),
            ("\"keys\": null", "\"keys\":\n<block>"),
            // An entry a line, deeper than `keys` or as deep.
            (
                "keys:\n  - name: a\n    @a\n",
                "keys:\n  - name: a\n    @a\n<block>\n",
            ),
            (
                "keys:\n- name: a\n  @a",
                "keys:\n- name: a\n  @a\n<block 0>",
            ),
            (
                "keys:\r\n  - name: a\r\n    @a\r\n",
                "keys:\r\n  - name: a\r\n    @a\r\n<block crlf>\r\n",
            ),
            (
                "keys:\n  -\n    name: a\n    @a\n",
                "keys:\n  -\n    name: a\n    @a\n<block>\n",
            ),
            (
                "keys:\n  - {name: a, @a}\n",
                "keys:\n  - {name: a, @a}\n<block>\n",
            ),
            // Comments and blank lines stay where they are.
            (
                "# top\n\nkeys: # list\n  # first\n  - name: a # x\n    @a\n    # of a\n\n  # second\n  - @b\n    name: b\n    # of b\n\n# end\n",
                "# top\n\nkeys: # list\n  # first\n  - name: a # x\n    @a\n    # of a\n\n  # second\n  - @b\n    name: b\n    # of b\n<block>\n\n# end\n",
            ),
            // The end of the document.
            (
                "---\nkeys:\n  - name: a\n    @a\n...\n",
                "---\nkeys:\n  - name: a\n    @a\n<block>\n...\n",
            ),
            (
                "keys:\n- name: a\n  @a\n...\n",
                "keys:\n- name: a\n  @a\n<block 0>\n...\n",
            ),
            // Values of several lines.
            (
                "keys:\n  - name: a\n    @a\n    tools:\n    - x\n    - z\n",
                "keys:\n  - name: a\n    @a\n    tools:\n    - x\n    - z\n<block>\n",
            ),
            (
                "keys:\n  - @a\n    name: >-\n      a\n      # no comment\n",
                "keys:\n  - @a\n    name: >-\n      a\n      # no comment\n<block>\n",
            ),
            // Anchors.
            (
                "keys:\n  - &one\n    name: a\n    @a\n    tools: &t [x]\n  - {name: b, @b, tools: *t}\n",
                "keys:\n  - &one\n    name: a\n    @a\n    tools: &t [x]\n  - {name: b, @b, tools: *t}\n<block>\n",
            ),
            (
                "keys:\n  - {\n    name: a, # }\n    @a\n  }\n",
                "keys:\n  - {\n    name: a, # }\n    @a\n  }\n<block>\n",
            ),
            // Brackets.
            ("keys: [{name: a, @a}]\n", "keys: [{name: a, @a}, <flow>]\n"),
            ("{keys: []}\n", "{keys: [<flow>]}\n"),
            (
                "keys:\n  [{name: a, @a}, ] # x\n",
                "keys:\n  [{name: a, @a}, <flow> ] # x\n",
            ),
            (
                "keys: [\n  {name: a, @a} # ]\n] # end\n",
                "keys: [\n  {name: a, @a}, # ]\n  <flow>\n] # end\n",
            ),
            (
                "keys: [\n  {name: a, @a}, # ]\n]\n",
                "keys: [\n  {name: a, @a}, # ]\n  <flow>,\n]\n",
            ),
            (
                "keys: [\n  {name: a, @a}]\n",
                "keys: [\n  {name: a, @a},\n  <flow>]\n",
            ),
            ("{\"keys\": []}", "{\"keys\": [<quoted>]}"),
        ],
    );
}

#[test]
fn an_entry_is_disabled_where_it_stands() {
    check(
        || vec![Change::disable(1)],
        &[
            (
                "keys:\n  - name: a\n    @a\n  # b\n  - name: b # x\n    @b # y\n\n  - name: c\n    @c\n",
                "keys:\n  - name: a\n    @a\n  # b\n  - name: b # x\n    @b # y\n    enabled: false\n\n  - name: c\n    @c\n",
            ),
            (
                "keys:\n- {name: a, @a}\n-  @b\n   name: b",
                "keys:\n- {name: a, @a}\n-  @b\n   name: b\n   enabled: false",
            ),
            (
                "keys:\n- {name: a, @a}\n- name: b\n  enabled: true # yes\n  @b\n",
                "keys:\n- {name: a, @a}\n- name: b\n  enabled: false # yes\n  @b\n",
            ),
            (
                "keys:\n- {name: a, @a}\n- name: b\n  enabled: # yes\n  @b\n",
                "keys:\n- {name: a, @a}\n- name: b\n  enabled: false # yes\n  @b\n",
            ),
            (
                "keys:\r\n- {name: a, @a}\r\n- &b\r\n  name: b\r\n  @b\r\n  tools:\r\n  - x\r\n",
                "keys:\r\n- {name: a, @a}\r\n- &b\r\n  name: b\r\n  @b\r\n  tools:\r\n  - x\r\n  enabled: false\r\n",
            ),
            (
                "keys: [{name: a, @a}, {name: b, @b}]",
                "keys: [{name: a, @a}, {name: b, @b, enabled: false}]",
            ),
            (
                "keys: [{name: a, @a},\n {name: b, @b, } # x\n ]",
                "keys: [{name: a, @a},\n {name: b, @b, enabled: false } # x\n ]",
            ),
            (
                "{\"keys\": [{name: a, @a}, {\"name\": \"b\", @b, \"enabled\":true}]}",
                "{\"keys\": [{name: a, @a}, {\"name\": \"b\", @b, \"enabled\":false}]}",
            ),
            (
                "keys:\n- {name: a, enabled: &on true, @a}\n- {name: b, enabled: *on, @b}\n",
                "keys:\n- {name: a, enabled: &on true, @a}\n- {name: b, enabled: false, @b}\n",
            ),
        ],
    );
}

#[test]
fn several_changes_are_made_at_once() {
    check(
        || {
            let end = "2027-01-31".parse().unwrap();
            vec![
                Change::expire(0, end),
                Change::expire(1, end),
                Change::add(&entry()),
            ]
        },
        &[
            (
                "keys:\n  - name: a\n    expires_at: \"2028-01-01\" # x\n    @a\n  - name: b\n    @b",
                "keys:\n  - name: a\n    expires_at: \"2027-01-31T00:00:00Z\" # x\n    @a\n  - name: b\n    @b\n    expires_at: \"2027-01-31T00:00:00Z\"\n<block>",
            ),
            (
                "keys: [{name: a, expires_at: '2028-01-01', @a}, {name: b, @b}]\n",
                "keys: [{name: a, expires_at: \"2027-01-31T00:00:00Z\", @a}, {name: b, @b, expires_at: \"2027-01-31T00:00:00Z\"}, <flow>]\n",
            ),
            (
                "keys:\n- name: a\n  @a\n  expires_at: 2028-01-01T00:00:00Z\n- name: b\n  @b\n# end\n",
                "keys:\n- name: a\n  @a\n  expires_at: \"2027-01-31T00:00:00Z\"\n- name: b\n  @b\n  expires_at: \"2027-01-31T00:00:00Z\"\n<block 0>\n# end\n",
            ),
        ],
    );
}

// What is shared cannot be changed for one of those who share it.
#[test]
fn a_change_that_would_change_something_else_is_not_made() {
    for text in [
        "keys:\n- {name: a, @a}\n- {name: b, enabled: &on true, @b}\n- {name: c, enabled: *on, @c}\n",
        "x: &e {name: b, @b}\nkeys:\n- {name: a, @a}\n- *e\n",
    ] {
        let text = expand(text);
        assert_eq!(edited(&text, &[Change::disable(1)]), None, "{text}");
    }
}

#[test]
fn what_to_do_by_hand_is_said_with_the_line() {
    let text = expand("keys:\n- {name: a, @a}\n- name: b\n  @b\n");
    let document = Document::parse(text, Language::Yaml).unwrap();
    let said = document.by_hand(&[Change::disable(1), Change::add(&entry())]);
    let entry = expand("<block>");
    assert_eq!(
        said,
        format!("in the entry in line 3, write enabled: false\nunder `keys`, add\n{entry}")
    );
}

#[test]
fn json_keeps_its_order_and_its_line_endings() {
    let text = "{\"keys\":[{\"enabled\":true,\"name\":\"ü\\n\",\"rate_limit\":5}]}\r\n";
    let document = Document::parse(text.to_owned(), Language::Json).unwrap();
    let edited = document.edited(&[Change::disable(0)]).unwrap();
    assert_eq!(
        edited,
        "{\r\n  \"keys\": [\r\n    {\r\n      \"enabled\": false,\r\n      \"name\": \"ü\\n\",\r\n      \"rate_limit\": 5\r\n    }\r\n  ]\r\n}\r\n"
    );
}

#[test]
fn a_new_file_is_a_keys_file_in_both_languages() {
    for (language, path) in [(Language::Yaml, "k.yaml"), (Language::Json, "k.json")] {
        let text = Document::new(language)
            .edited(&[Change::add(&entry())])
            .unwrap();
        assert_eq!(KeyFile::parse(&text, path).unwrap().keys, [entry()]);
    }
}
// The library's own reader, which shares nothing with the editor, says what the new text means.
#[test]
fn whatever_the_layout_is_a_change_is_made_exactly_or_not_at_all() {
    let seeds = [
        "keys:\n  - name: a\n    @a\n    tools:\n    - x\n    # of a\n\n  # second\n  - {name: b, @b, enabled: true} # x\n# end\n",
        "keys: [\n  {name: a, @a}, # ]\n  {\"name\": \"b\", @b, expires_at: 2028-01-01}\n]\n",
        "keys:\r\n- &a\r\n  name: 'a'\r\n  @a\r\n- name: \"b\"\r\n  @b\r\n  tools: [x,\r\n   z]\r\n",
        "# é\nkeys:\n-\n  @a\n  name: a é\n- name: |-\n    b\n  @b\n  enabled:\n",
        "---\nkeys: # x\n\n  -   name: a\n      @a\n  - name: b\n    enabled: true\n    @b\n...\n",
    ]
    .map(expand);
    let (mut made, mut refused) = (0, 0);
    for round in 0..4_000 {
        let text = disturbed(&seeds[round % seeds.len()], round);
        let Ok(file) = KeyFile::parse(&text, "k.yaml") else {
            continue;
        };
        let mut intended = file.keys;
        let mut changes = Vec::new();
        let end = "2027-01-31".parse().unwrap();
        if let Some(last) = intended.len().checked_sub(1) {
            intended[0].expires_at = Some(end);
            intended[last].enabled = false;
            changes = vec![Change::expire(0, end), Change::disable(last)];
        }
        intended.push(entry());
        changes.push(Change::add(&entry()));
        let document = Document::parse(text.clone(), Language::Yaml).unwrap();
        document.by_hand(&changes);
        match document.edited(&changes) {
            None => refused += 1,
            Some(new) => {
                let keys = KeyFile::parse(&new, "k.yaml").unwrap().keys;
                assert_eq!(keys, intended, "{text}\n{new}");
                made += 1;
            }
        }
    }
    assert!(made > 10 * refused, "{made} made, {refused} refused");
}

/// The text with one to three small disturbances, the same ones for the same number.
fn disturbed(text: &str, number: usize) -> String {
    const BITS: [&str; 26] = [
        "\n",
        " ",
        "  ",
        "#",
        " # x",
        "- ",
        ":",
        ",",
        "{",
        "}",
        "[",
        "]",
        "'",
        "\"",
        "&x ",
        "*x",
        "|",
        "\t",
        "é",
        "\r\n",
        "...",
        "\u{feff}",
        "~",
        "    # c\n",
        "\n\n",
        "<<: ",
    ];
    let mut state = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit as u64).unwrap()
    };
    let mut text = text.to_owned();
    for _ in 0..=below(3) {
        let place = below(text.len() + 1);
        let place = (0..=place)
            .rev()
            .find(|place| text.is_char_boundary(*place))
            .unwrap();
        if below(4) == 0 && place < text.len() {
            text.remove(place);
        } else {
            text.insert_str(place, BITS[below(BITS.len())]);
        }
    }
    text
}
