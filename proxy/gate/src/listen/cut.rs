//! Ending a request from outside, while it waits.
//!
//! A stream (server-sent events, a WebSocket) may be silent for hours, and the server library looks at nothing but the two sockets
//! meanwhile: no filter runs in which it could be ended. HTTP/2 cannot be ended by its connection either, which carries others. So each
//! request is a future that may be given up: dropped, it closes its HTTP/1 connection, or resets its HTTP/2 stream alone.

use std::{
    cell::OnceCell,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    time::Instant,
};

use parking_lot::Mutex;

use super::watch::Timer;

tokio::task_local! {
    /// Of the request that this task is at; made when it is first asked for, so that most requests pay nothing.
    static PRESENT: OnceCell<Cut>;
}

/// Ends one request.
#[derive(Clone, Debug, Default)]
pub struct Cut(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    done: AtomicBool,
    request: Mutex<Option<Waker>>,
    until: Mutex<Option<Instant>>,
}

impl Cut {
    /// Of the request whose filter this is called from; none where [`Gate`](super::Gate) is not in front.
    #[must_use]
    pub fn of_this_request() -> Option<Self> {
        PRESENT.try_with(|present| present.get_or_init(Self::default).clone()).ok()
    }

    /// Ends the request now, whatever it waits for. Its future is dropped: no further phase of it runs.
    pub fn end(&self) {
        self.0.done.store(true, Ordering::Release);
        if let Some(request) = self.0.request.lock().take() {
            request.wake();
        }
    }

    /// Ends the request at a time, or not after all. To be said in the request itself: nothing is woken for it.
    pub fn end_at(&self, until: Option<Instant>) {
        *self.0.until.lock() = until;
    }

    fn until(&self) -> Option<Instant> {
        *self.0.until.lock()
    }

    /// Whether it is ended; if not, `request` is woken when it is.
    fn is_done(&self, request: &Waker) -> bool {
        let mut kept = self.0.request.lock();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(request)) {
            *kept = Some(request.clone());
        }
        self.0.done.load(Ordering::Acquire)
    }
}

/// Runs a request until it is done or cut; none if it was cut.
pub(super) async fn until_cut<F: Future>(request: F) -> Option<F::Output> {
    PRESENT
        .scope(OnceCell::new(), async {
            let mut request = pin!(request);
            let mut timer = Timer::default();
            poll_fn(|cx| {
                if let Poll::Ready(done) = request.as_mut().poll(cx) {
                    return Poll::Ready(Some(done));
                }
                PRESENT.with(|cut| {
                    let Some(cut) = cut.get() else { return Poll::Pending };
                    if cut.is_done(cx.waker()) {
                        return Poll::Ready(None);
                    }
                    let Some(until) = cut.until() else { return Poll::Pending };
                    timer.poll(cx, until.into()).map(|()| None)
                })
            })
            .await
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::{sync::oneshot, task::JoinHandle};

    use super::*;

    /// A request that waits for ever, and holds something meanwhile.
    async fn waiting() -> (JoinHandle<Option<()>>, Cut, Arc<()>) {
        let (tell, told) = oneshot::channel();
        let held = Arc::new(());
        let holding = Arc::clone(&held);
        let request = tokio::spawn(until_cut(async move {
            let _holding = holding;
            tell.send(Cut::of_this_request().unwrap()).unwrap();
            pending::<()>().await;
        }));
        (request, told.await.unwrap(), held)
    }

    #[tokio::test]
    async fn only_the_request_that_is_meant_ends_and_it_lets_go() {
        let (one, cut, held) = waiting().await;
        let (other, _cut, held_by_other) = waiting().await;
        cut.end();
        assert_eq!(one.await.unwrap(), None);
        assert_eq!((Arc::strong_count(&held), Arc::strong_count(&held_by_other)), (1, 2));
        assert!(!other.is_finished());
        other.abort();
    }

    #[tokio::test]
    async fn a_request_ends_at_its_time_unless_that_is_taken_back() {
        let request = |taken_back: bool| {
            until_cut(async move {
                let cut = Cut::of_this_request().unwrap();
                cut.end_at(Some(Instant::now() + Duration::from_millis(20)));
                tokio::task::yield_now().await;
                if taken_back {
                    cut.end_at(None);
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            })
        };
        assert_eq!((request(false).await, request(true).await), (None, Some(())));
    }

    #[tokio::test]
    async fn a_request_that_nobody_ends_is_done() {
        assert_eq!(until_cut(async { tokio::task::yield_now().await }).await, Some(()));
        assert!(Cut::of_this_request().is_none(), "outside of any");
    }
}
