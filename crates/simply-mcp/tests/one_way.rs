//! Rooms import along arrows, and no arrow points back. `ARROWS` is the whole map: a room that is not in it, or that
//! reaches for one it may not know, fails here. Tests inside of `src/` may reach anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may know, besides `LEAVES`. `transport` is the floor plan and knows them all.
const ARROWS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("body", &["refusal"]),
    ("error", &["config"]),
    ("handle", &[]),
    ("facts", &[]),
    ("trace_context", &[]),
    ("schema", &[]),
    ("panics", &[]),
    ("refusal", &["facts"]),
    ("logs", &["config"]),
    ("watch", &[]),
    ("metrics", &[]),
    ("audit", &["config", "logs"]),
    ("traces", &["config", "logs"]),
    ("calls", &["audit", "metrics", "traces"]),
    ("store", &["config", "logs", "metrics"]),
    ("rate_limit", &["config", "logs", "metrics", "store"]),
    (
        "auth",
        &["config", "logs", "metrics", "rate_limit", "watch"],
    ),
    ("admission", &["auth", "config", "logs", "rate_limit"]),
    ("listen", &["config", "logs", "metrics"]),
    (
        "layers",
        &["config", "logs", "auth", "rate_limit", "metrics", "traces"],
    ),
    ("routes", &["config", "logs", "metrics", "rest", "mcp"]),
    ("rest", &["config", "logs", "admission", "guard"]),
    (
        "mcp",
        &["config", "logs", "admission", "guard", "metrics", "store"],
    ),
    ("guard", &["logs", "admission", "calls"]),
    ("server", &["logs"]),
];

/// Small rooms that every other room may know, but `config` and they themselves (for these, `ARROWS` says it all).
const LEAVES: &[&str] = &[
    "body",
    "error",
    "facts",
    "handle",
    "panics",
    "refusal",
    "schema",
    "trace_context",
];

/// The room that joins all others, which therefore nobody knows.
const FLOOR_PLAN: &str = "transport";

#[test]
fn no_arrow_points_back() {
    let mut wrong = vec![];
    for source in sources() {
        let Some(room) = room_of(&source) else {
            continue;
        };
        for to in wrong_arrows(
            &room,
            &production_code(&read(&source)),
            module_depth(&source),
        ) {
            wrong.push(format!("{}: {room} must not know {to}", shown(&source)));
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that point back:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_room_is_on_the_map() {
    let unknown: Vec<String> = sources()
        .iter()
        .filter_map(|source| room_of(source))
        .filter(|room| room != FLOOR_PLAN && allowed(room).is_none())
        .collect();
    assert!(
        unknown.is_empty(),
        "ARROWS does not say what these rooms may know: {unknown:?}"
    );
}

#[test]
fn the_map_itself_has_no_circle() {
    for (room, _) in ARROWS {
        let mut reached = vec![];
        let mut next = allowed(room).expect("the room is in the map");
        while let Some(other) = next.pop() {
            assert_ne!(other, *room, "{room} knows itself by a detour");
            if !reached.contains(&other) {
                reached.push(other);
                next.extend(allowed(other).expect("the map names only rooms that are in it"));
            }
        }
    }
}

#[test]
fn only_configuration_loading_reads_the_environment() {
    let readers = files_with(&["std::env", "env::var", "env::args"]);
    let wrong: Vec<_> = readers
        .iter()
        .filter(|source| !source.starts_with("config/load"))
        .collect();
    assert!(wrong.is_empty(), "these read the environment: {wrong:?}");
}

#[test]
fn the_library_parses_no_command_line() {
    let manifest = read(&manifest_folder().join("Cargo.toml"));
    assert!(
        !manifest.contains("clap"),
        "clap belongs into the program's crate"
    );
    assert_eq!(files_with(&["clap::"]), Vec::<String>::new());
}

#[test]
fn only_the_mcp_room_knows_the_transports_of_rmcp() {
    let knowing = files_with(&["rmcp::transport"]);
    let wrong: Vec<_> = knowing
        .iter()
        .filter(|source| !source.starts_with("mcp/"))
        .collect();
    assert!(
        wrong.is_empty(),
        "an upgrade of rmcp would reach these too: {wrong:?}"
    );
}

#[test]
fn an_arrow_that_points_back_is_found_however_it_is_written() {
    for text in [
        "use crate::transport::HttpTransport;",
        "use crate::{facts::Caller, transport};",
        "use crate::{\n    facts::{Caller, PeerAddress},\n    transport::HttpTransport,\n};",
        "pub(crate) fn f(it: crate::transport::HttpTransport) {}",
        "use super::super::transport;",
        "use super::super::{facts, transport::HttpTransport};",
    ] {
        assert_eq!(wrong_arrows("rest", text, 2), ["transport"], "{text}");
    }
    assert_eq!(
        wrong_arrows("config", "use crate::facts::Caller;", 2),
        ["facts"]
    );
    assert_eq!(wrong_arrows("guard", "use crate::mcp::Direct;", 2), ["mcp"]);
    assert_eq!(wrong_arrows("schema", "use super::guard;", 1), ["guard"]);
}

#[test]
fn an_arrow_that_points_forward_is_none_of_these() {
    let forward = [
        "use crate::guard::Guard;",
        "use crate::facts::Caller;",
        "use super::transport;",
        "use super::*;",
    ];
    let comment =
        production_code("//! See [`crate::transport`].\nlet url = 1; // crate::transport\n");
    let tests = production_code(
        "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use crate::transport::X;\n}\n",
    );
    for text in forward
        .into_iter()
        .chain([comment.as_str(), tests.as_str()])
    {
        assert_eq!(wrong_arrows("rest", text, 2), Vec::<&str>::new(), "{text}");
    }
}

/// Rooms that `text`, which lies in `room` at `depth` modules below the root, names without being allowed to.
fn wrong_arrows(room: &str, text: &str, depth: usize) -> Vec<&'static str> {
    if room == FLOOR_PLAN {
        return vec![];
    }
    let named = rooms_named(text, depth);
    let allowed = allowed(room).unwrap_or_default();
    let every_room = ARROWS.iter().map(|(other, _)| *other).chain([FLOOR_PLAN]);
    every_room
        .filter(|other| *other != room && !allowed.contains(other))
        .filter(|other| named.iter().any(|name| name == other))
        .collect()
}

fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let (_, listed) = ARROWS.iter().find(|(name, _)| *name == room)?;
    let leaves = if room == "config" || LEAVES.contains(&room) {
        &[]
    } else {
        LEAVES
    };
    Some(listed.iter().chain(leaves).copied().collect())
}

/// The names that follow the root of the crate, written as `crate::` or as enough `super::`.
fn rooms_named(text: &str, depth: usize) -> Vec<String> {
    [String::from("crate::"), "super::".repeat(depth)]
        .iter()
        .flat_map(|prefix| {
            text.match_indices(prefix.as_str())
                .map(|(at, _)| &text[at + prefix.len()..])
        })
        .flat_map(first_names)
        .collect()
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![leading_name(path)];
    };
    let mut names = vec![leading_name(group)];
    let mut open = 1_u32;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 1 => names.push(leading_name(&group[at + 1..])),
            _ => {}
        }
        if open == 0 {
            break;
        }
    }
    names
}

fn leading_name(path: &str) -> String {
    let name = path.trim_start().chars();
    name.take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

/// `text` without comments, and without the tests at its end.
fn production_code(text: &str) -> String {
    let (code, _tests) = text
        .split_once("#[cfg(test)]\nmod tests {")
        .unwrap_or((text, ""));
    let lines = code
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(before, _)| before));
    lines.collect::<Vec<_>>().join("\n")
}

fn files_with(words: &[&str]) -> Vec<String> {
    let names = |text: &str| words.iter().any(|word| text.contains(word));
    sources()
        .iter()
        .filter(|source| names(&production_code(&read(source))))
        .map(|source| shown(source))
        .collect()
}

/// All files of the library but those that hold only tests.
fn sources() -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![manifest_folder().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a source folder can be listed") {
            let path = entry.expect("a source folder can be listed").path();
            if path.file_stem().is_some_and(|name| name == "tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    assert!(
        found.len() > 5,
        "the library's sources are not where this test looks for them"
    );
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("a source file can be read")
}

/// The first part of a file's module path; none for the root.
fn room_of(source: &Path) -> Option<String> {
    let first = relative(source).iter().next()?.to_str()?;
    let room = first.strip_suffix(".rs").unwrap_or(first);
    (room != "lib").then(|| room.into())
}

fn module_depth(source: &Path) -> usize {
    let parts = relative(source).iter().count();
    if source.file_name().is_some_and(|name| name == "mod.rs") {
        parts - 1
    } else {
        parts
    }
}

fn shown(source: &Path) -> String {
    relative(source).display().to_string()
}

fn relative(source: &Path) -> &Path {
    source
        .strip_prefix(manifest_folder().join("src"))
        .expect("a source lies in src/")
}

fn manifest_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
