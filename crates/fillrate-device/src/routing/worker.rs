//! The thread that owns a device's context.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, MakeExecutor};
use crate::fault::Fault;

/// A thread that makes an executor and runs jobs with it, one after the other, until the context is
/// lost or nobody is left who gives it any. A call that never returns costs this thread, not the
/// one that waits for the answer.
pub(super) struct Worker<J, A, E> {
    orders: SyncSender<Order<J, A, E>>,
    /// Jobs that it has answered: what shows that it does not hang.
    answered: Arc<AtomicU64>,
}

struct Order<J, A, E> {
    job: Arc<J>,
    reply: Sender<Reply<A, E>>,
}

/// An answer and how long the executor took for it.
pub(super) type Reply<A, E> = (Result<A, Failure<E>>, Duration);

impl<J, A, E> Worker<J, A, E>
where
    J: Send + Sync + 'static,
    A: Send + 'static,
    E: Send + 'static,
{
    /// Starts the thread; `waiting_max` jobs may wait for it.
    pub(super) fn start(
        make: Arc<MakeExecutor<J, A, E>>,
        waiting_max: usize,
    ) -> Result<Self, Fault> {
        let (orders, queue) = sync_channel(waiting_max);
        let answered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&answered);
        let started = thread::Builder::new()
            .name("fillrate-device".to_owned())
            .spawn(move || work(&*make, &queue, &counter));
        started.map_err(|error| Fault::Operation { what: format!("no thread: {error}") })?;
        Ok(Self { orders, answered })
    }

    /// Gives the thread a job and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`Fault::Overloaded`] if too many wait, [`Fault::Hang`] if for `deadline` nothing was
    /// answered, [`Fault::Sticky`] if the thread has ended.
    pub(super) fn run(
        &self,
        job: Arc<J>,
        deadline: Duration,
        waiting_max: usize,
    ) -> Result<Reply<A, E>, Fault> {
        let (reply, answer) = channel();
        self.orders.try_send(Order { job, reply }).map_err(|error| match error {
            TrySendError::Full(_) => Fault::Overloaded { waiting: waiting_max, waiting_max },
            TrySendError::Disconnected(_) => ended(),
        })?;
        let mut answered = self.answered.load(Ordering::Relaxed);
        loop {
            match answer.recv_timeout(deadline) {
                Ok(reply) => return Ok(reply),
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            // A job may wait long behind others that are answered; that is no hang.
            let now = self.answered.load(Ordering::Relaxed);
            if now == answered {
                return Err(Fault::Hang { limit_ms: deadline.as_millis() as u64 });
            }
            answered = now;
        }
    }
}

fn ended() -> Fault {
    Fault::Sticky { what: "the thread that owns the context has ended".to_owned() }
}

/// The thread's life.
fn work<J, A, E>(
    make: &MakeExecutor<J, A, E>,
    queue: &Receiver<Order<J, A, E>>,
    answered: &AtomicU64,
) {
    let mut executor = guarded(|| make().map_err(Failure::<E>::Device));
    while let Ok(Order { job, reply }) = queue.recv() {
        let begun = Instant::now();
        let answer = match &mut executor {
            Ok(executor) => guarded(|| executor.run(&job)),
            // Whoever waits hears why there is no executor.
            Err(Failure::Device(fault)) => Err(Failure::Device(fault.clone())),
            Err(Failure::Job(_)) => return,
        };
        let is_lost = executor.is_err()
            || matches!(&answer, Err(Failure::Device(fault)) if fault.ends_context());
        answered.fetch_add(1, Ordering::Relaxed);
        // Who no longer waits has had its answer from the twin.
        let _unheard = reply.send((answer, begun.elapsed()));
        if is_lost {
            return;
        }
    }
}

/// Runs a device's code, for which a panic is the end of its context.
fn guarded<T, E>(run: impl FnOnce() -> Result<T, Failure<E>>) -> Result<T, Failure<E>> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Failure::Device(Fault::Sticky { what: "a panic on the device's thread".to_owned() }))
    })
}
