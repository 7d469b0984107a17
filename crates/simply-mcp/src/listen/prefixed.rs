//! A stream whose first bytes were already read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How an HTTP/2 connection begins by prior knowledge (RFC 9113 §3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with the bytes that were read to tell its protocol.
pub(super) struct Prefixed {
    stream: TcpStream,
    first: [u8; PREFACE.len()],
    /// `first[next..end]` is still to be handed on.
    next: usize,
    end: usize,
}

impl Prefixed {
    /// Reads until it is clear whether the client speaks HTTP/2; the second value says so.
    pub(super) async fn sniff(mut stream: TcpStream) -> io::Result<(Self, bool)> {
        let mut first = [0; PREFACE.len()];
        let mut end = 0;
        while end < first.len() && first[..end] == PREFACE[..end] {
            match stream.read(&mut first[end..]).await? {
                0 => break,
                read => end += read,
            }
        }
        let http2 = first == *PREFACE;
        Ok((
            Self {
                stream,
                first,
                next: 0,
                end,
            },
            http2,
        ))
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.next == self.end {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = (self.end - self.next).min(buffer.remaining());
        buffer.put_slice(&self.first[self.next..self.next + taken]);
        self.next += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
