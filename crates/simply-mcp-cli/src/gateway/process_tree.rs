//! The processes below ours: who they are, and a signal to all of them.

use rustix::process::Signal;

#[cfg(target_os = "linux")]
pub(super) use linux::{become_reaper, signal_descendants};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{become_reaper, signal_descendants};

/// Signals the process group that `leader` leads. A group that is gone is no error.
pub(super) fn signal_group(leader: u32, signal: Signal) {
    if let Some(leader) = i32::try_from(leader)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process_group(leader, signal);
    }
}

/// Signals one process. A process that is gone is no error.
pub(super) fn signal_process(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process(process, signal);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    //! Linux: orphans of our descendants become our children, so all of them hang below us in `/proc`.

    use std::collections::HashSet;

    use rustix::process::{Pid, Signal};

    struct Process {
        id: i32,
        parent: i32,
        is_zombie: bool,
    }

    pub(in super::super) fn become_reaper() {
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    }

    pub(in super::super) fn signal_descendants(signal: Signal) {
        for process in descendants().iter().filter(|process| !process.is_zombie) {
            if let Some(id) = Pid::from_raw(process.id) {
                let _ = rustix::process::kill_process(id, signal);
            }
        }
    }

    fn descendants() -> Vec<Process> {
        let mut ours = HashSet::from([rustix::process::getpid().as_raw_nonzero().get()]);
        let mut rest: Vec<Process> = processes();
        let mut found = Vec::new();
        loop {
            let (below, others): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|process| ours.contains(&process.parent));
            if below.is_empty() {
                return found;
            }
            ours.extend(below.iter().map(|process| process.id));
            found.extend(below);
            rest = others;
        }
    }

    fn processes() -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|id: i32| {
                parse_stat(
                    id,
                    &std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?,
                )
            })
            .collect()
    }

    /// `proc(5)`: `pid (name) state ppid …`; the name may itself contain spaces and brackets.
    fn parse_stat(id: i32, stat: &str) -> Option<Process> {
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let is_zombie = fields.next()? == "Z";
        let parent = fields.next()?.parse().ok()?;
        Some(Process {
            id,
            parent,
            is_zombie,
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_process_name_with_brackets_does_not_confuse_the_parser() {
            let process = parse_stat(7, "7 (a ) Z 9) S 3 7 7 0").expect("a valid line");
            assert_eq!(process.parent, 3);
            assert!(!process.is_zombie);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    //! Elsewhere: the group that the guard leads is what can be reached.

    use rustix::process::{Signal, kill_current_process_group};

    pub(in super::super) fn become_reaper() {}

    /// The guard catches SIGTERM, so it survives signalling its own group; SIGKILL is its last act.
    pub(in super::super) fn signal_descendants(signal: Signal) {
        let _ = kill_current_process_group(signal);
    }
}
