//! Files that are renamed, truncated or rotated under load: no line is lost, and none is there twice.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::process::Signal;

use super::server::{Server, eventually, lines, with_message};

/// Requests of each client.
const REQUESTS: usize = 1_500;
const CLIENTS: usize = 2;

/// Sends requests that are told apart by their id, and does `meanwhile` again and again.
fn load(server: &Server, mut meanwhile: impl FnMut(usize)) {
    let running = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    let mut connection = server.client();
                    for request in 0..REQUESTS {
                        let answer = connection.echo(&format!("id-{client}-{request}"));
                        assert_eq!(answer.status, 200);
                    }
                })
            })
            .collect();
        let running = &running;
        scope.spawn(move || {
            for client in clients {
                client.join().unwrap();
            }
            running.store(false, Relaxed);
        });
        let mut round = 0;
        while running.load(Relaxed) {
            meanwhile(round);
            round += 1;
        }
        assert!(round > 3, "{round}");
    });
}

fn logs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("log")
        })
        .collect()
}

/// Every request has exactly one line in the files together.
fn assert_each_once(files: &[PathBuf]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for file in files {
        for line in with_message(&lines(file), "Request completed") {
            let id = line["correlation_id"].as_str().unwrap();
            if id.starts_with("id-") {
                *seen.entry(id.to_owned()).or_default() += 1;
            }
        }
    }
    assert_eq!(seen.len(), CLIENTS * REQUESTS);
    assert_eq!(seen.values().find(|count| **count != 1), None);
}

// LOG-04
#[test]
fn rotation_by_rename_loses_and_doubles_no_line_with_and_without_sighup() {
    let mut server = Server::start("logging: {file: FOLDER/log}");
    server.read_console();
    let log = server.path("log");
    load(&server, |round| {
        let written = || fs::metadata(&log).ok().filter(|log| log.len() > 20_000);
        if written().is_some() {
            fs::rename(&log, server.path(&format!("log-{round}"))).unwrap();
            if round % 2 == 0 {
                server.signal(Signal::HUP);
            }
        }
        std::thread::yield_now();
    });
    assert_eq!(server.dropped(), 0.0);
    let (folder, _) = server.end();
    let files = logs_in(folder.path());
    assert!(files.len() > 3, "{files:?}");
    assert_each_once(&files);
}

#[test]
fn sighup_opens_a_file_at_once_without_a_line_to_write() {
    let server = Server::start("logging: {file: FOLDER/log}");
    fs::rename(server.path("log"), server.path("log-old")).unwrap();
    server.signal(Signal::HUP);
    eventually("the new file", || server.path("log").exists().then_some(()));
    server.end();
}

#[test]
fn a_file_that_is_copied_and_truncated_has_no_holes() {
    let server = Server::start("logging: {file: FOLDER/log}");
    for _ in 0..5 {
        server.serves(20);
        fs::File::create(server.path("log")).unwrap();
    }
    server.serves(20);
    let (folder, _) = server.end();
    let log = fs::read(folder.path().join("log")).unwrap();
    assert!(!log.contains(&0));
    assert!(!lines(&folder.path().join("log")).is_empty());
}

#[test]
fn own_rotation_under_load_loses_and_doubles_no_line_and_keeps_to_its_size() {
    const LIMIT: u64 = 50_000;
    let mut server = Server::start(&format!(
        "logging: {{file: FOLDER/log, rotate_bytes: {LIMIT}, keep_files: 1000}}"
    ));
    server.read_console();
    load(&server, |_| std::thread::yield_now());
    assert_eq!(server.dropped(), 0.0);
    let (folder, _) = server.end();
    let files = logs_in(folder.path());
    assert!(files.len() > 5, "{files:?}");
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() <= LIMIT, "{file:?}");
    }
    assert_each_once(&files);
}

#[test]
fn no_more_files_are_kept_than_the_setting_says() {
    let server = Server::start("logging: {file: FOLDER/log, rotate_bytes: 4096, keep_files: 2}");
    server.serves(200);
    let (folder, _) = server.end();
    let mut names = logs_in(folder.path());
    names.sort();
    let folder = folder.path();
    assert_eq!(
        names,
        [
            folder.join("log"),
            folder.join("log.1"),
            folder.join("log.2")
        ]
    );
}
