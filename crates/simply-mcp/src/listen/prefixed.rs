//! A stream whose first bytes were already read, and whose peer has to read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
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
    /// How long the peer may read nothing at all while something is written.
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Prefixed {
    /// Reads until it is clear whether the client speaks HTTP/2; the second value says so.
    pub(super) async fn sniff(
        mut stream: TcpStream,
        patience: Duration,
    ) -> io::Result<(Self, bool)> {
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
                patience,
                stalled: None,
            },
            http2,
        ))
    }

    /// No timer of HTTP runs while an answer is written, so whoever reads none would hold a connection for ever.
    fn with_patience(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        stalled
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
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
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.with_patience(written, context)
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
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.with_patience(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_reads_nothing_is_given_up_and_a_slow_one_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(b"GET").await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let patience = Duration::from_millis(300);
        let (mut stream, _) = Prefixed::sniff(stream, patience).await.unwrap();
        let much = vec![0; 16 << 20];
        let slow = async {
            let mut part = vec![0; 1 << 20];
            for _ in 0..16 {
                peer.read_exact(&mut part).await.unwrap();
                tokio::time::sleep(patience / 6).await;
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&much), slow);
        written.unwrap();
        let written = tokio::time::timeout(Duration::from_secs(10), stream.write_all(&much));
        let error = written.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
