//! Standard error as a place for lines.

use std::io::{self, Write};

use super::{
    whole::{end_of_last_line, end_torn_line, whole_lines, write_all},
    worker::{Sink, Written},
};

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
