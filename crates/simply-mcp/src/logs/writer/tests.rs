use std::{
    collections::HashSet,
    fs,
    num::NonZeroU64,
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
};

use tempfile::TempDir;

use super::{
    worker::{Sink, Written},
    *,
};

/// Far more than a write takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn notice(lost: u64) -> String {
    format!("lost {lost}")
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn written(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines().map(str::to_owned).collect()
}

fn open(file: LogFile) -> LogWriter {
    LogWriter::file(file, notice).unwrap()
}

fn line(writer: &LogWriter, line: &str) {
    writer.write(line.as_bytes());
    assert!(writer.flush(PATIENCE));
}

#[test]
fn lines_are_appended_whole_and_whole_is_with_an_end() {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(&path, "earlier\n").unwrap();
    let writer = open(LogFile::at(&path));
    writer.write(b"one");
    writer.write(b"two\n");
    drop(writer);
    assert_eq!(written(&path), ["earlier", "one", "two"]);
}

#[test]
fn a_line_that_a_killed_program_left_is_not_glued_to_the_next() {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(&path, "whole\nhal").unwrap();
    line(&open(LogFile::at(&path)), "next");
    assert_eq!(written(&path), ["whole", "hal", "next"]);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_for_its_user_and_group_or_as_was_asked() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    for (name, file) in [
        ("640", LogFile::at(folder.path().join("640"))),
        ("600", LogFile::at(folder.path().join("600")).mode(0o600)),
    ] {
        drop(open(file));
        let mode = fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions();
        let allowed = u32::from_str_radix(name, 8).unwrap();
        assert_eq!(mode.mode() & 0o777 & !allowed, 0, "{name}");
    }
}

// LOG-04
#[test]
fn after_a_rename_and_a_deletion_the_next_line_is_in_a_new_file() {
    let folder = folder();
    let path = folder.path().join("log");
    let writer = open(LogFile::at(&path));
    line(&writer, "one");
    fs::rename(&path, folder.path().join("old")).unwrap();
    line(&writer, "two");
    fs::remove_file(&path).unwrap();
    line(&writer, "three");
    assert_eq!(written(&folder.path().join("old")), ["one"]);
    assert_eq!(written(&path), ["three"]);
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn a_file_that_was_renamed_is_there_again_without_a_line() {
    let folder = folder();
    let path = folder.path().join("log");
    let writer = open(LogFile::at(&path));
    fs::rename(&path, folder.path().join("old")).unwrap();
    writer.reopen();
    assert!(writer.flush(PATIENCE));
    assert_eq!(written(&path), Vec::<String>::new());
}

#[test]
fn rename_under_load_loses_and_doubles_no_line() {
    let folder = folder();
    let path = folder.path().join("log");
    let writer = open(LogFile::at(&path));
    let mut files = vec![path.clone()];
    for number in 0..20_000_u32 {
        writer.write(format!("{number}").as_bytes());
        if number % 1_000 == 999 {
            assert!(writer.flush(PATIENCE));
        }
        if number % 1_700 == 0 && path.exists() {
            let to = folder.path().join(format!("old-{number}"));
            fs::rename(&path, &to).unwrap();
            files.push(to);
        }
    }
    assert!(writer.flush(PATIENCE));
    assert_each_once(&files, 20_000);
    assert_eq!(writer.dropped(), 0);
}

fn assert_each_once(files: &[std::path::PathBuf], count: usize) {
    let lines: Vec<String> = files.iter().flat_map(|file| written(file)).collect();
    let distinct: HashSet<&String> = lines.iter().collect();
    assert_eq!((lines.len(), distinct.len()), (count, count));
}

// Nothing but this holds the offset: a file that was truncated in place must not begin with NULs.
#[test]
fn a_file_that_is_copied_and_truncated_goes_on_at_its_beginning() {
    let folder = folder();
    let path = folder.path().join("log");
    let writer = open(LogFile::at(&path));
    line(&writer, "one");
    fs::File::create(&path).unwrap();
    line(&writer, "two");
    assert_eq!(fs::read(&path).unwrap(), b"two\n");
}

// LOG-04
#[test]
fn a_directory_that_is_gone_costs_lines_and_when_it_is_back_they_are_counted_in_the_log() {
    let folder = folder();
    let (inner, path) = (folder.path().join("logs"), folder.path().join("logs/log"));
    fs::create_dir(&inner).unwrap();
    let writer = open(LogFile::at(&path));
    line(&writer, "one");
    fs::remove_dir_all(&inner).unwrap();
    line(&writer, "two");
    line(&writer, "three");
    assert_eq!(
        writer.losses(),
        Losses {
            no_room: 0,
            unwritten: 2
        }
    );
    fs::create_dir(&inner).unwrap();
    line(&writer, "four");
    assert_eq!(written(&path), ["lost 2", "four"]);
}

// LOG-04
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let writer = open(LogFile::at("/dev/full"));
    line(&writer, "one\n");
    line(&writer, "two\n");
    assert_eq!(writer.dropped(), 2);
}

/// Takes so many bytes, and then none until told otherwise.
struct Narrow(Arc<Mutex<(usize, Vec<u8>)>>);

impl io::Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = bytes.len().min(inner.0);
        if taken == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        inner.0 -= taken;
        inner.1.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// LOG-04
#[test]
fn a_pipe_that_breaks_in_a_line_does_not_glue_it_to_another() {
    let inner = Arc::new(Mutex::new((6, Vec::new())));
    let writer = LogWriter::start(Console::of(Narrow(Arc::clone(&inner))), notice).unwrap();
    writer.write(b"one\ntwo\n");
    assert!(writer.flush(PATIENCE));
    assert_eq!(writer.dropped(), 1);
    inner.lock().unwrap().0 = 100;
    line(&writer, "three");
    let text = String::from_utf8(inner.lock().unwrap().1.clone()).unwrap();
    assert_eq!(text, "one\ntw\nlost 1\nthree\n");
}

/// Waits for a permission before each write.
struct Slow {
    permissions: mpsc::Receiver<()>,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Sink for Slow {
    fn name(&self) -> String {
        "a slow pipe".to_owned()
    }

    fn write(&mut self, lines: &[u8]) -> Written {
        let _ = self.permissions.recv();
        self.lines.lock().unwrap().extend_from_slice(lines);
        Written {
            bytes: lines.len(),
            error: None,
        }
    }
}

// LOG-04
#[test]
fn a_pipe_that_nobody_reads_holds_nobody_and_costs_bounded_memory() {
    let (permit, permissions) = mpsc::channel();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let slow = Slow {
        permissions,
        lines: Arc::clone(&lines),
    };
    let writer = LogWriter::start(slow, notice).unwrap();
    let long = [b'x'; 1024];
    for _ in 0..20_000 {
        writer.write(&long);
    }
    assert!(!writer.flush(Duration::from_millis(1)));
    let lost = writer.losses().no_room;
    assert!((10_000..20_000).contains(&lost), "{lost}");
    // The pipe is read again.
    drop(permit);
    assert!(writer.flush(PATIENCE));
    assert!(writer.flush(PATIENCE));
    let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    let kept = text.lines().filter(|line| line.starts_with('x')).count() as u64;
    assert_eq!(kept + lost, 20_000);
    // In one line, or in two where the thread was late to take its first lines.
    let told = text.lines().filter_map(|line| line.strip_prefix("lost "));
    let told: u64 = told.map(|number| number.parse::<u64>().unwrap()).sum();
    assert_eq!(told, lost);
    assert_eq!(writer.losses().unwritten, 0);
}

#[test]
fn short_lines_are_bounded_by_number() {
    let (permit, permissions) = mpsc::channel();
    let slow = Slow {
        permissions,
        lines: Arc::default(),
    };
    let writer = LogWriter::start(slow, notice).unwrap();
    for _ in 0..100_000 {
        writer.write(b"\n");
    }
    assert!(writer.dropped() >= 100_000 - 2 * 32_768, "{writer:?}");
    drop(permit);
}

fn rotated(path: &Path, limit: u64) -> LogFile {
    LogFile::at(path).rotate_bytes(NonZeroU64::new(limit).unwrap())
}

#[test]
fn a_long_file_is_renamed_and_the_oldest_removed() {
    let folder = folder();
    let path = folder.path().join("log");
    let writer = open(rotated(&path, 12).keep(2));
    for number in 0..10 {
        writer.write(format!("line {number}").as_bytes());
    }
    writer.write(b"a line that alone is too long");
    line(&writer, "last");
    assert_eq!(written(&path), ["last"]);
    let numbered = |number: u16| rotation::numbered(&path, number);
    assert_eq!(written(&numbered(1)), ["a line that alone is too long"]);
    assert_eq!(written(&numbered(2)), ["line 9"]);
    assert!(!numbered(3).exists());
    assert_eq!(writer.dropped(), 0);
}

#[test]
fn fewer_files_than_before_are_kept_when_the_setting_says_so() {
    let folder = folder();
    let path = folder.path().join("log");
    for number in 1..=6 {
        fs::write(rotation::numbered(&path, number), "old\n").unwrap();
    }
    fs::write(&path, "young\n").unwrap();
    rotation::shift(&path, 2).unwrap();
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2);
    assert_eq!(written(&rotation::numbered(&path, 1)), ["young"]);
}

#[test]
fn a_rotation_that_failed_half_way_moves_no_more_files_when_it_is_tried_again() {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(rotation::numbered(&path, 2), "old\n").unwrap();
    fs::write(&path, "young\n").unwrap();
    rotation::shift(&path, 5).unwrap();
    assert_eq!(written(&rotation::numbered(&path, 1)), ["young"]);
    assert_eq!(written(&rotation::numbered(&path, 2)), ["old"]);
}

#[test]
fn a_link_stays_and_the_file_behind_it_is_renamed() {
    let folder = folder();
    let (link, real) = (folder.path().join("link"), folder.path().join("real"));
    fs::write(&real, "old\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&real, &link).unwrap();
    line(&open(rotated(&link, 5)), "new");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(written(&real), ["new"]);
    assert_eq!(written(&folder.path().join("real.1")), ["old"]);
}

#[test]
fn an_old_file_is_renamed_with_the_next_line_or_without_one() {
    let folder = folder();
    for with_a_line in [true, false] {
        let path = folder.path().join(format!("log-{with_a_line}"));
        let mut sink =
            FileSink::open(LogFile::at(&path).rotate_after(Duration::from_secs(3600))).unwrap();
        assert!(sink.write(b"one\n").error.is_none());
        sink.look_after();
        sink.age(Duration::from_secs(3599));
        assert!(sink.write(b"two\n").error.is_none());
        sink.age(Duration::from_secs(3601));
        if with_a_line {
            assert_eq!(sink.write(b"three\n").bytes, 6);
            assert_eq!(written(&path), ["three"]);
        } else {
            sink.look_after();
            assert_eq!(written(&path), Vec::<String>::new());
        }
        assert_eq!(written(&rotation::numbered(&path, 1)), ["one", "two"]);
    }
}

#[test]
fn two_writers_on_one_file_destroy_none_of_each_others_lines() {
    let folder = folder();
    let path = folder.path().join("log");
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let file = rotated(&path, 2_000).keep(1000);
            scope.spawn(move || {
                let writer = open(file);
                for number in 0..5_000 {
                    writer.write(format!("{name}{number}").as_bytes());
                    if number % 10 == 0 {
                        assert!(writer.flush(PATIENCE));
                    }
                }
                assert!(writer.flush(PATIENCE));
                assert_eq!(writer.dropped(), 0);
            });
        }
    });
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 5, "{}", files.len());
    assert_each_once(&files, 10_000);
}

#[test]
fn what_cannot_be_a_log_is_refused_with_what_to_do() {
    let folder = folder();
    let refusal = |path: std::path::PathBuf| {
        let file = LogFile::at(path);
        let text = file.check().unwrap_err().to_string();
        assert_eq!(LogWriter::file(file, notice).unwrap_err().to_string(), text);
        text
    };
    let missing = refusal(folder.path().join("missing/log"));
    assert!(
        missing.contains("missing does not exist; create it"),
        "{missing}"
    );
    let directory = refusal(folder.path().to_owned());
    assert!(directory.contains("found a directory"), "{directory}");
    let fine = LogFile::at(folder.path().join("log"));
    fine.check().unwrap();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "a check creates nothing"
    );
}
