//! Standard error as a place for lines.

use std::io::{self, Write};

use super::worker::{Sink, Written};

/// Bytes that a pipe takes at once or not at all (`PIPE_BUF` of Linux), so that lines of several
/// processes that share it do not mix.
const AT_ONCE: usize = 4096;

/// A writer whose lines stay whole.
pub(super) struct Console {
    stream: Box<dyn Write + Send>,
    /// The last line was cut by an error.
    torn: bool,
}

impl Console {
    /// A descriptor of its own: whoever prints something directly must not wait for the lock of a
    /// thread that is stuck in a pipe.
    #[cfg(unix)]
    pub(super) fn stderr() -> io::Result<Self> {
        use std::os::fd::AsFd as _;

        let descriptor = io::stderr().as_fd().try_clone_to_owned()?;
        Ok(Self::of(std::fs::File::from(descriptor)))
    }

    #[cfg(not(unix))]
    pub(super) fn stderr() -> io::Result<Self> {
        Ok(Self::of(io::stderr()))
    }

    pub(super) fn of(stream: impl Write + Send + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            torn: false,
        }
    }
}

impl Sink for Console {
    fn name(&self) -> String {
        "standard error".to_owned()
    }

    fn write(&mut self, lines: &[u8]) -> Written {
        let mut written = Written {
            bytes: 0,
            error: None,
        };
        while written.bytes < lines.len() && written.error.is_none() {
            let rest = &lines[written.bytes..];
            if let Err(error) = end_torn_line(&mut self.stream, &mut self.torn) {
                written.error = Some(error);
                break;
            }
            let part = &rest[..whole_lines(rest, AT_ONCE)];
            let (bytes, error) = write_all(&mut self.stream, part);
            let whole = end_of_last_line(&part[..bytes]);
            self.torn = whole < bytes;
            written.bytes += whole;
            written.error = error;
        }
        written
    }
}

/// Writes all, or as much as can be.
pub(super) fn write_all(to: &mut impl Write, bytes: &[u8]) -> (usize, Option<io::Error>) {
    let mut written = 0;
    while written < bytes.len() {
        match to.write(&bytes[written..]) {
            Ok(0) => return (written, Some(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                // Somebody who shares the terminal or the pipe made it so.
                io::ErrorKind::WouldBlock => std::thread::park_timeout(RETRY),
                _ => return (written, Some(error)),
            },
        }
    }
    (written, None)
}

/// How often a stream that would block is tried again.
const RETRY: std::time::Duration = std::time::Duration::from_millis(10);

/// Ends the line that an error cut, so that the next one is not glued to it.
pub(super) fn end_torn_line(to: &mut impl Write, torn: &mut bool) -> io::Result<()> {
    if *torn {
        let (_, error) = write_all(to, b"\n");
        error.map_or(Ok(()), Err)?;
        *torn = false;
    }
    Ok(())
}

/// The length of as many whole lines as fit into `room`; of one line where not even that does.
pub(super) fn whole_lines(lines: &[u8], room: usize) -> usize {
    if lines.len() <= room {
        return lines.len();
    }
    match end_of_last_line(&lines[..room]) {
        0 => first_line(lines),
        fitting => fitting,
    }
}

/// The length of the first line with its end.
pub(super) fn first_line(lines: &[u8]) -> usize {
    let end = lines.iter().position(|byte| *byte == b'\n');
    end.map_or(lines.len(), |end| end + 1)
}

/// Where the last whole line ends.
pub(super) fn end_of_last_line(bytes: &[u8]) -> usize {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    end.map_or(0, |end| end + 1)
}
