//! Lines stay whole, whatever takes how much of them.

use std::{
    io::{self, Write},
    time::Duration,
};

/// How often a stream that would block is tried again.
const RETRY: Duration = Duration::from_millis(10);

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
