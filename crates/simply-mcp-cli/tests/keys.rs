//! `simply-mcp keys`, as a shell sees it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "support/shell.rs"]
mod shell;

use std::{
    fs, iter,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use shell::{Answer, Shell};
use simply_mcp::auth::{KeyEntry, KeyFile, KeyHash, Spelling};

fn words(line: &str) -> Vec<&str> {
    iter::once("keys").chain(line.split_whitespace()).collect()
}

/// What the tests of keys do in it.
impl Shell {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn entries(&self, name: &str) -> Vec<KeyEntry> {
        KeyFile::read(self.path(name)).unwrap().keys
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn keys_command(&self, line: &str) -> Command {
        self.command(&words(line))
    }

    fn keys(&self, line: &str) -> Answer {
        self.run(&words(line))
    }

    /// Runs what must succeed.
    fn ok(&self, line: &str) -> Answer {
        let answer = self.keys(line);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer
    }

    /// Runs what must fail with this code and leave the file as it was.
    fn fails(&self, line: &str, code: i32, file: &str) -> Answer {
        let before = fs::read(self.path(file)).ok();
        let answer = self.keys(line);
        assert_eq!(answer.code, Some(code), "{answer:?}");
        assert_eq!(answer.stdout, "");
        assert_eq!(fs::read(self.path(file)).ok(), before);
        answer
    }
}

impl Answer {
    /// The key that was printed: alone, on one line.
    fn key(&self) -> &str {
        let key = self.stdout.strip_suffix('\n').unwrap();
        assert_eq!(Spelling::of(key), Spelling::Ours, "{self:?}");
        assert!(!self.stderr.contains(key), "the key is on stderr as well");
        key
    }
}

/// The hash that a keys file keeps of a text.
fn hash(text: &str) -> String {
    KeyHash::of(text).to_string()
}

/// Seconds from now until a key ends.
fn seconds_left(entry: &KeyEntry) -> u64 {
    let end = entry.expires_at.unwrap().time();
    end.duration_since(std::time::SystemTime::now())
        .unwrap()
        .as_secs()
}

#[test]
fn a_new_key_is_alone_on_stdout_and_only_its_hash_is_kept() {
    let shell = Shell::new();
    let answer = shell.ok("new --file keys.yaml");
    let key = answer.key();
    for said in [
        "named key-1",
        "keys.yaml",
        "only this once",
        "curl -H \"Authorization: Bearer $KEY\" http://127.0.0.1:8000/tools",
        "MCP_HTTP_AUTH__KEYS_FILE=keys.yaml simply-mcp serve",
    ] {
        assert!(answer.stderr.contains(said), "{said}: {answer:?}");
    }
    assert!(!shell.read("keys.yaml").contains(key));
    let entries = shell.entries("keys.yaml");
    assert_eq!(entries, [KeyEntry::new("key-1", KeyHash::of(key))]);
    assert_eq!(shell.files(), ["keys.yaml"], "nothing stays behind");
}

#[test]
fn what_a_new_key_may_do_is_written() {
    for file in ["keys.yaml", "keys.yml", "keys.json", "KEYS.JSON"] {
        let shell = Shell::new();
        shell.ok(&format!(
            "new --name ci --expires 90d --rate-limit 100/1m --tools echo,add,echo --file {file}"
        ));
        shell.ok(&format!("new --expires 2099-12-31 --file {file}"));
        let entries = shell.entries(file);
        let ci = &entries[0];
        assert_eq!(ci.name, "ci");
        assert_eq!(ci.rate_limit.unwrap().get(), 100);
        assert_eq!(ci.window_seconds.unwrap().get(), 60);
        assert_eq!(ci.tools.as_deref().unwrap(), ["echo", "add"]);
        let ninety = 90 * 86_400;
        assert!((ninety - 600..=ninety).contains(&seconds_left(ci)));
        assert_eq!(entries[1].name, "key-1");
        let end = entries[1].expires_at.unwrap();
        assert_eq!(end.to_string(), "2099-12-31T00:00:00Z");
    }
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_owner_only_and_an_old_one_keeps_mode_and_owner() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    let shell = Shell::new();
    shell.ok("new --file keys.yaml");
    let mode = |name| fs::metadata(shell.path(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("keys.yaml"), 0o600);
    fs::set_permissions(shell.path("keys.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    shell.ok("new --file keys.yaml");
    assert_eq!(mode("keys.yaml"), 0o640);
    // Only the superuser gives files away.
    if chown(shell.path("keys.yaml"), Some(12), Some(34)).is_ok() {
        shell.ok("new --file keys.yaml");
        let metadata = fs::metadata(shell.path("keys.yaml")).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12, 34));
        assert_eq!(mode("keys.yaml"), 0o640);
    }
}

#[cfg(unix)]
#[test]
fn the_file_behind_a_link_is_replaced_and_not_the_link() {
    use std::os::unix::fs::{MetadataExt, symlink};

    let shell = Shell::new();
    fs::create_dir(shell.path("real")).unwrap();
    fs::write(shell.path("real/k.yaml"), "keys: []\n").unwrap();
    symlink("real/k.yaml", shell.path("link.yaml")).unwrap();
    let before = fs::metadata(shell.path("real/k.yaml")).unwrap().ino();
    shell.ok("new --file link.yaml");
    assert!(
        fs::symlink_metadata(shell.path("link.yaml"))
            .unwrap()
            .is_symlink()
    );
    assert_eq!(shell.entries("real/k.yaml").len(), 1);
    // A file that is written in place could be read half.
    assert_ne!(
        fs::metadata(shell.path("real/k.yaml")).unwrap().ino(),
        before
    );
    symlink("nowhere.yaml", shell.path("dangling.yaml")).unwrap();
    let answer = shell.keys("new --file dangling.yaml");
    assert_eq!(answer.code, Some(1));
    assert!(answer.stderr.contains("symbolic link"), "{answer:?}");
}

#[test]
fn eight_commands_at_once_make_eight_keys() {
    for file in ["keys.yaml", "keys.json"] {
        let shell = Shell::new();
        let children: Vec<_> = (0..8)
            .map(|_| {
                shell
                    .keys_command(&format!("new --file {file}"))
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut shown: Vec<String> = children
            .into_iter()
            .map(|child| {
                let answer = Answer::from(child.wait_with_output().unwrap());
                assert_eq!(answer.code, Some(0), "{answer:?}");
                hash(answer.key())
            })
            .collect();
        let entries = shell.entries(file);
        let mut kept: Vec<String> = entries
            .iter()
            .map(|entry| entry.key_hash.unwrap().to_string())
            .collect();
        shown.sort();
        kept.sort();
        assert_eq!(kept, shown);
        let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "key-1", "key-2", "key-3", "key-4", "key-5", "key-6", "key-7", "key-8"
            ]
        );
    }
}

/// A file with everything that a person may write into it.
fn styled(ending: &str) -> String {
    let text = format!(
        "# Keys of the team.\n\
         # Ask Ada before you change one.\n\
         \n\
         keys:   # all of them\n\
         \n\
         \x20 # The robots.\n\
         \x20 - name: 'ci'      # builds\n\
         \x20   key_hash: \"{}\"\n\
         \x20   tools:\n\
         \x20   - echo          # only this\n\
         \x20   - \"add\"\n\
         \n\
         \x20 - {{ name: backup, key_hash: '{}', rate_limit: 5, window_seconds: 60 }}  # nightly\n\
         \n\
         \x20 # The people.\n\
         \x20 - key_hash: {}\n\
         \x20   enabled:   true   # since spring\n\
         \x20   name: ada\n\
         \n\
         # The end.\n",
        hash("a"),
        hash("b"),
        hash("c")
    );
    text.replace('\n', ending)
}

#[test]
fn what_the_operator_wrote_survives_byte_for_byte() {
    for ending in ["\n", "\r\n"] {
        let before = styled(ending);
        let shell = Shell::with_file("k.yaml", &before);
        let key = shell.ok("new --name new --file k.yaml").key().to_owned();
        let added = format!(
            "    name: ada\n  - name: new\n    key_hash: \"{}\"\n",
            hash(&key)
        );
        let expected = before.replace(
            &"    name: ada\n".replace('\n', ending),
            &added.replace('\n', ending),
        );
        assert_eq!(shell.read("k.yaml"), expected);

        shell.ok("revoke ada --file k.yaml");
        let expected = expected.replace("enabled:   true   #", "enabled:   false   #");
        assert_eq!(shell.read("k.yaml"), expected);

        shell.ok("revoke backup --file k.yaml");
        let expected = expected.replace(
            "window_seconds: 60 }",
            "window_seconds: 60, enabled: false }",
        );
        assert_eq!(shell.read("k.yaml"), expected);

        shell.ok("revoke ci --file k.yaml");
        let expected = expected.replace(
            "    - \"add\"",
            &format!("    - \"add\"{ending}    enabled: false"),
        );
        assert_eq!(shell.read("k.yaml"), expected);
    }
}

#[test]
fn a_file_that_cannot_be_changed_safely_stays_and_says_what_to_write() {
    let text = format!(
        "keys:\n- {{name: a, enabled: &on true, key_hash: \"{}\"}}\n- {{name: b, enabled: *on, key_hash: \"{}\"}}\n",
        hash("a"),
        hash("b")
    );
    let shell = Shell::with_file("k.yaml", &text);
    let answer = shell.fails("revoke a --file k.yaml", 1, "k.yaml");
    assert!(
        answer
            .stderr
            .contains("in the entry in line 2, write enabled: false"),
        "{answer:?}"
    );
}

#[test]
fn a_broken_file_exits_with_78_shows_all_its_problems_and_is_not_touched() {
    for (file, text) in [
        ("k.yaml", "keys:\n- name: [\n"),
        ("k.yaml", "keys:\n- nam: a\n- name: b\n  rate_limit: 0\n"),
        ("k.json", "{\"keys\": [}"),
    ] {
        let shell = Shell::with_file(file, text);
        for line in ["new", "list", "rotate a", "revoke a"] {
            let answer = shell.fails(&format!("{line} --file {file}"), 78, file);
            assert!(answer.stderr.contains(&format!("{file}:")), "{answer:?}");
            assert!(answer.stderr.contains("the keys file has "), "{answer:?}");
        }
    }
    let shell = Shell::with_file("k.yaml", "keys:\n- nam: a\n- name: b\n  rate_limit: 0\n");
    let answer = shell.keys("list --file k.yaml");
    assert!(answer.stderr.contains("k.yaml:2:"), "{answer:?}");
    assert!(answer.stderr.contains("k.yaml:4:"), "{answer:?}");
}

#[test]
fn bad_usage_exits_with_2_and_touches_nothing() {
    let shell = Shell::with_file("k.yaml", "keys: []\n");
    for line in [
        "new --file k.toml",
        "new --file k",
        "new",
        "list",
        "rotate a",
        "revoke a",
        "new --file k.yaml --name anonymous",
        "new --file k.yaml --name token",
        "new --file k.yaml --name a/b",
        "new --file k.yaml --expires soon",
        "new --file k.yaml --expires 0",
        "new --file k.yaml --expires 2020-01-01",
        "new --file k.yaml --rate-limit 100",
        "new --file k.yaml --rate-limit 0/60s",
        "new --file k.yaml --tools a,,b",
        "new --file k.yaml --config c.yaml",
        "rotate a --file k.yaml --overlap forever",
        "rotate --file k.yaml",
        "revoke --file k.yaml",
    ] {
        let answer = shell.fails(line, 2, "k.yaml");
        assert!(answer.stderr.contains("error: "), "{line}: {answer:?}");
    }
    assert_eq!(shell.files(), ["k.yaml"]);
    let answer = shell.keys("new --file k.toml");
    assert!(answer.stderr.contains(".yaml, .yml or .json"), "{answer:?}");
}

#[test]
fn failures_of_the_file_system_exit_with_1() {
    let shell = Shell::new();
    let answer = shell.fails("new --file nowhere/k.yaml", 1, "nowhere/k.yaml");
    assert!(
        answer.stderr.contains("its directory has to be there"),
        "{answer:?}"
    );
    fs::create_dir(shell.path("k.yaml")).unwrap();
    let answer = shell.keys("new --file k.yaml");
    assert_eq!((answer.code, answer.stdout.as_str()), (Some(78), ""));
    assert!(answer.stderr.contains("directory"), "{answer:?}");
    for line in ["list", "rotate a", "revoke a"] {
        let answer = shell.keys(&format!("{line} --file none.yaml"));
        assert_eq!(answer.code, Some(78), "{answer:?}");
        assert!(
            answer.stderr.contains("none.yaml: there is no such file"),
            "{answer:?}"
        );
    }
}

#[test]
fn the_configuration_names_the_file() {
    let shell = Shell::with_file(
        "c.yaml",
        "auth: {keys_file: keys.yaml}\nserver: {port: 9000}\n",
    );
    let answer = shell.ok("new --name ci --config c.yaml");
    answer.key();
    assert!(
        answer.stderr.contains("http://127.0.0.1:9000/tools"),
        "{answer:?}"
    );
    for line in ["list", "rotate ci", "revoke ci"] {
        shell.ok(&format!("{line} --config c.yaml"));
    }
    assert_eq!(shell.entries("keys.yaml").len(), 2);
    let shell = shell.with_variable("MCP_HTTP_AUTH__KEYS_FILE", "other.json");
    shell.ok("new");
    shell.ok("new --config c.yaml");
    assert_eq!(shell.entries("other.json").len(), 2);
    fs::write(shell.path("bad.yaml"), "nope: 1").unwrap();
    assert_eq!(shell.keys("list --config bad.yaml").code, Some(78));
}

#[test]
fn a_taken_name_points_to_rotate_and_an_unknown_one_to_its_neighbour() {
    let shell = Shell::new();
    shell.ok("new --name mobile-app --file k.yaml");
    let answer = shell.fails("new --name mobile-app --file k.yaml", 1, "k.yaml");
    assert!(
        answer.stderr.contains("keys rotate mobile-app"),
        "{answer:?}"
    );
    for line in ["rotate", "revoke"] {
        let answer = shell.fails(&format!("{line} moblie-app --file k.yaml"), 1, "k.yaml");
        assert!(
            answer.stderr.contains("did you mean mobile-app?"),
            "{answer:?}"
        );
        let answer = shell.fails(&format!("{line} other --file k.yaml"), 1, "k.yaml");
        assert!(answer.stderr.contains("keys list"), "{answer:?}");
    }
}

// AUT-05
#[test]
fn a_rotated_key_has_the_same_rights_and_the_old_one_ends_after_the_overlap() {
    for file in ["k.yaml", "k.json"] {
        let shell = Shell::new();
        shell.ok(&format!(
            "new --name ci --rate-limit 5/1m --tools echo --file {file}"
        ));
        let second = shell.ok(&format!("rotate ci --overlap 1h --file {file}"));
        let third = shell.ok(&format!("rotate ci --file {file}"));
        let entries = shell.entries(file);
        assert_eq!(entries.len(), 3);
        for (entry, answer) in entries[1..].iter().zip([&second, &third]) {
            assert_eq!(entry.name, "ci");
            assert_eq!(entry.key_hash, Some(KeyHash::of(answer.key())));
            assert_eq!(entry.rate_limit, entries[0].rate_limit);
            assert_eq!(entry.window_seconds, entries[0].window_seconds);
            assert_eq!(entry.tools, entries[0].tools);
        }
        // The first one ends earlier, and the second rotation leaves it so.
        assert!((3_000..=3_600).contains(&seconds_left(&entries[0])));
        assert!((85_800..=86_400).contains(&seconds_left(&entries[1])));
        assert_eq!(entries[2].expires_at, None);
        assert!(
            third.stderr.contains("The old key is good until "),
            "{third:?}"
        );

        shell.ok(&format!(
            "rotate ci --overlap 0 --expires 30d --file {file}"
        ));
        let entries = shell.entries(file);
        let now = std::time::SystemTime::now();
        for entry in &entries[..3] {
            assert!(entry.expires_at.unwrap().time() <= now);
        }
        assert!(seconds_left(&entries[3]) > 29 * 86_400);
    }
}

#[test]
fn revoking_disables_every_key_of_the_name_and_says_so_the_second_time() {
    for file in ["k.yaml", "k.json"] {
        let shell = Shell::new();
        shell.ok(&format!("new --name ci --file {file}"));
        shell.ok(&format!("new --name other --file {file}"));
        shell.ok(&format!("rotate ci --file {file}"));
        let answer = shell.ok(&format!("revoke ci --file {file}"));
        assert!(answer.stderr.contains("all 2 keys"), "{answer:?}");
        let enabled: Vec<bool> = shell
            .entries(file)
            .iter()
            .map(|entry| entry.enabled)
            .collect();
        assert_eq!(enabled, [false, true, false]);
        let before = shell.read(file);
        let answer = shell.ok(&format!("revoke ci --file {file}"));
        assert!(answer.stderr.contains("revoked before"), "{answer:?}");
        assert_eq!(shell.read(file), before);
        // A name can be given a key again.
        let answer = shell.ok(&format!("rotate ci --file {file}"));
        assert!(answer.stderr.contains("No older key"), "{answer:?}");
        assert_eq!(
            shell
                .entries(file)
                .iter()
                .filter(|entry| entry.enabled)
                .count(),
            2
        );
    }
}

#[test]
fn the_list_shows_states_and_rights_and_never_a_key() {
    let shell = Shell::with_file(
        "k.yaml",
        "keys:\n\
         - {name: guide, key: a-key-in-plain-text}\n\
         - {name: old, key: another-key-in-plain-text, expires_at: 2020-01-01, window_seconds: 5}\n",
    );
    shell.ok("new --name ci --expires 73h --rate-limit 100/60s --tools echo,add --file k.yaml");
    shell.ok("new --name gone --file k.yaml");
    shell.ok("revoke gone --file k.yaml");
    let answer = shell.ok("list --file k.yaml");
    let entries = shell.entries("k.yaml");
    let digits = |index: usize| entries[index].hash().unwrap().to_string()[7..19].to_owned();
    let rows: Vec<Vec<&str>> = answer
        .stdout
        .lines()
        .map(|line| {
            let cells = line.split("  ").map(str::trim);
            cells.filter(|cell| !cell.is_empty()).collect()
        })
        .collect();
    assert_eq!(
        rows,
        [
            vec!["NAME", "STATE", "LIMIT", "TOOLS", "HASH"],
            vec!["guide", "active", "default", "all", "plain"],
            vec!["old", "expired", "default/5s", "all", "plain"],
            vec![
                "ci",
                "expires in 3 days",
                "100/60s",
                "echo, add",
                &digits(2)
            ],
            vec!["gone", "disabled", "default", "all", &digits(3)],
        ]
    );
    assert!(answer.stderr.contains("keys rotate guide"), "{answer:?}");
    let json = shell.ok("list --json --file k.yaml");
    assert!(!format!("{answer:?}{json:?}").contains("in-plain-text"));
    let rows: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        rows[0],
        json!({"name": "guide", "state": "active", "stored": "plain"})
    );
    assert_eq!(
        rows[2],
        json!({
            "name": "ci", "state": "active", "expires_at": entries[2].expires_at.unwrap().to_string(),
            "rate_limit": 100, "window_seconds": 60, "tools": ["echo", "add"], "stored": "hash", "hash": digits(2),
        })
    );
}

#[test]
fn an_empty_list_is_no_failure() {
    let shell = Shell::with_file("k.yaml", "keys: []\n");
    let answer = shell.ok("list --file k.yaml");
    assert_eq!(answer.stdout, "");
    assert!(answer.stderr.contains("holds no keys"), "{answer:?}");
    assert_eq!(shell.ok("list --json --file k.yaml").stdout, "[]\n");
}

#[test]
fn every_help_has_an_example_that_can_be_copied() {
    let shell = Shell::new();
    for line in ["", "new", "list", "rotate", "revoke"] {
        let answer = shell.ok(&format!("{line} --help"));
        let (_, example) = answer
            .stdout
            .split_once("Example:\n  simply-mcp keys ")
            .unwrap();
        let example = example.lines().next().unwrap();
        if !line.is_empty() {
            assert!(example.starts_with(line), "{example}");
        }
        let shell = Shell::new();
        shell.ok("new --name other --file keys.yaml");
        if example.starts_with("rotate") || example.starts_with("revoke") {
            shell.ok("new --name ci --file keys.yaml");
        }
        shell.ok(example);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_that_could_not_be_written_is_not_shown() {
    // Nobody can make a file there, not even the superuser.
    let shell = Shell::new();
    let answer = shell.fails("new --file /proc/keys.yaml", 1, "/proc/keys.yaml");
    assert!(answer.stderr.contains("nothing has changed"), "{answer:?}");
}
