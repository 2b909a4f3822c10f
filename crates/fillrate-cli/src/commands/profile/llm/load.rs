//! Puts a server under load: a closed loop, in which each of several askers sends its next request
//! when it has the answer to its last.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use super::answer::{Answer, Clock};
use super::failure::Failure;

/// One request and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// When it was sent.
    pub(super) sent: Duration,
    /// When it had ended.
    pub(super) ended: Duration,
    /// The answer, or why there is none.
    pub(super) result: Result<Answer, Failure>,
}

/// Sends `requests` requests, `concurrency` at a time, and returns how they ended, in their order.
/// `ask` is given a request's number from 0, `tell` is called after each.
///
/// # Errors
///
/// If there cannot be so many threads.
pub(super) fn drive(
    requests: usize,
    concurrency: NonZeroUsize,
    clock: &dyn Clock,
    ask: &(impl Fn(usize) -> Result<Answer, Failure> + Sync),
    tell: &(impl Fn() + Sync),
) -> anyhow::Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let asker = || {
        let mut ended = vec![];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= requests {
                return ended;
            }
            let sent = clock.now();
            let result = ask(index);
            ended.push((index, Outcome { sent, ended: clock.now(), result }));
            tell();
        }
    };
    let mut all = thread::scope(|scope| {
        let mut askers = Vec::with_capacity(concurrency.get());
        for _ in 0..concurrency.get().min(requests) {
            match thread::Builder::new().spawn_scoped(scope, asker) {
                Ok(thread) => askers.push(thread),
                Err(error) => {
                    // Those that run have nothing more to ask.
                    next.store(requests, Ordering::Relaxed);
                    return Err(error).context("cannot start a thread for every request at a time");
                }
            }
        }
        let mut all = Vec::with_capacity(requests);
        for asker in askers {
            match asker.join() {
                Ok(ended) => all.extend(ended),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, outcome)| outcome).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::super::failure::Kind;
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn refused(index: usize) -> Result<Answer, Failure> {
        Err(Failure::new(Kind::Refused, index.to_string()))
    }

    #[test]
    fn every_request_is_sent_once_and_told() {
        let told = AtomicUsize::new(0);
        let tell = || {
            told.fetch_add(1, Ordering::Relaxed);
        };
        let four = NonZeroUsize::new(4).unwrap();
        let outcomes = drive(37, four, &Stopped, &refused, &tell).unwrap();
        let order: Vec<String> =
            outcomes.into_iter().map(|outcome| outcome.result.unwrap_err().message).collect();
        assert_eq!(order, (0..37).map(|index| index.to_string()).collect::<Vec<_>>());
        assert_eq!(told.into_inner(), 37);
    }

    #[test]
    fn as_many_requests_are_under_way_as_were_asked_for() {
        // Each request waits until three are under way: two askers would wait for ever.
        let three = Barrier::new(3);
        let under_way = Mutex::new(0);
        let ask = |index| {
            *under_way.lock().unwrap() += 1;
            assert!(*under_way.lock().unwrap() <= 3);
            three.wait();
            *under_way.lock().unwrap() -= 1;
            three.wait();
            refused(index)
        };
        let concurrency = NonZeroUsize::new(3).unwrap();
        assert_eq!(drive(9, concurrency, &Stopped, &ask, &|| {}).unwrap().len(), 9);
    }
}
