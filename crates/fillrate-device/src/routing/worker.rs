//! The threads that own a device's context.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Failure, MakeExecutor};
use crate::fault::Fault;

/// Threads that each make an executor and run jobs with it, one after the other, until the context
/// is lost or nobody is left who gives them any. A call that never returns costs such a thread, not
/// the one that waits for the answer.
pub(super) struct Worker<J, A, E> {
    orders: SyncSender<Order<J, A, E>>,
    /// Jobs that were answered: what shows that the device does not hang.
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
    /// Starts `threads` threads, at least one; `waiting_max` jobs may wait for them.
    pub(super) fn start(
        make: &Arc<MakeExecutor<J, A, E>>,
        threads: usize,
        waiting_max: usize,
    ) -> Result<Self, Fault> {
        let (orders, queue) = sync_channel(waiting_max);
        let (queue, answered) = (Arc::new(Mutex::new(queue)), Arc::new(AtomicU64::new(0)));
        for _ in 0..threads.max(1) {
            let (make, queue, counter) =
                (Arc::clone(make), Arc::clone(&queue), Arc::clone(&answered));
            let started = thread::Builder::new()
                .name("fillrate-device".to_owned())
                .spawn(move || work(&*make, &queue, &counter));
            // Those that did start end when nobody can give them orders.
            started.map_err(|error| Fault::Operation { what: format!("no thread: {error}") })?;
        }
        Ok(Self { orders, answered })
    }

    /// Gives the threads a job and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`Fault::Overloaded`] if too many wait, [`Fault::Hang`] if for `deadline` nothing was
    /// answered, [`Fault::Sticky`] if all threads have ended.
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

/// A thread's life.
fn work<J, A, E>(
    make: &MakeExecutor<J, A, E>,
    queue: &Mutex<Receiver<Order<J, A, E>>>,
    answered: &AtomicU64,
) {
    let mut executor = guarded(|| make().map_err(Failure::<E>::Device));
    // Of those that are idle one waits for an order and the others for their turn to wait.
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Order { job, reply }) = next() {
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
