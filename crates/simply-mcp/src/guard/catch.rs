//! A panic costs the call it happens in, and nothing else.

use std::{
    any::Any,
    future::Future,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::panics;

/// What a panic said, as far as it may be told, for the log only.
#[derive(Debug)]
pub(crate) struct Panicked {
    pub(crate) message: &'static str,
}

/// Runs the future that `make` creates; a panic in creating, polling or dropping it ends here.
///
/// # Errors
///
/// Returns [`Panicked`] where creating or polling panicked. A future that panics as it is dropped
/// after its end has ended all the same; that panic is logged.
pub(crate) async fn catch<F: Future>(make: impl FnOnce() -> F) -> Result<F::Output, Panicked> {
    let future = catch_now(|| Box::pin(make()))?;
    Caught {
        future: Some(future),
    }
    .await
}

/// Runs `run`, and turns its panic into an error.
///
/// # Errors
///
/// Returns [`Panicked`] where `run` panicked.
pub(crate) fn catch_now<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    // What a panicking handler leaves half-done is its own state: std's locks poison for it.
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Panicked {
        message: describe(payload),
    })
}

struct Caught<F> {
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Pending;
        };
        let output = match catch_now(|| future.as_mut().poll(context)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(panicked) => Err(panicked),
        };
        self.end();
        Poll::Ready(output)
    }
}

impl<F> Caught<F> {
    fn end(&mut self) {
        if let Some(future) = self.future.take()
            && let Err(Panicked { message }) = catch_now(move || drop(future))
        {
            crate::logs::bounded!(
                error,
                panic = message,
                "A handler panicked while its call was being dropped"
            );
        }
    }
}

/// A call is dropped before its end when its client goes away.
impl<F> Drop for Caught<F> {
    fn drop(&mut self) {
        self.end();
    }
}

fn describe(payload: Box<dyn Any + Send>) -> &'static str {
    let message = panics::text(payload.as_ref());
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // A payload that panics on drop may carry another one that does: leak it and be done.
        let _leaked = ManuallyDrop::new(second);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    struct DropBomb;

    impl Drop for DropBomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("bomb");
            }
        }
    }

    #[tokio::test]
    async fn a_future_that_ends_gives_its_output() {
        assert_eq!(catch(|| async { 7 }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_panic_while_the_future_is_made_is_an_error() {
        let made = catch(|| -> std::future::Ready<()> { panic!("made") }).await;
        assert_eq!(made.unwrap_err().message, "made");
    }

    #[tokio::test]
    async fn a_panic_while_the_future_runs_is_an_error() {
        let ran = catch(|| async {
            tokio::task::yield_now().await;
            panic!("ran");
        });
        assert_eq!(ran.await.unwrap_err().message, "ran");
    }

    #[tokio::test]
    async fn a_future_that_panics_as_it_is_dropped_has_still_ended() {
        struct Ends {
            _bomb: DropBomb,
        }
        impl Future for Ends {
            type Output = u8;
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
                Poll::Ready(3)
            }
        }
        assert_eq!(catch(|| Ends { _bomb: DropBomb }).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_may_panic_on_drop() {
        let call = catch(|| async {
            let _bomb = DropBomb;
            std::future::pending::<()>().await;
        });
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(5), call).await;
        assert!(given_up.is_err());
    }

    #[test]
    fn a_payload_that_panics_on_drop_is_survived() {
        let panicked = catch_now(|| std::panic::panic_any(DropBomb)).unwrap_err();
        assert_eq!(panicked.message, "a panic without a text");
    }
}
