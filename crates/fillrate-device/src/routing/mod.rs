//! Where work runs: on a device or on its twin, and what happens when the device fails.
//!
//! A [`Router`] has two executors of the same work. It gives a job to the side on which such jobs
//! have cost least, transfers included. If the device fails, the twin answers the same job and the
//! answer says so; a [`Breaker`] then keeps work off the device for a while. [`Health`] does the
//! same for what sensors say before anything fails.

mod breaker;
mod costs;
mod health;
mod worker;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

pub use self::breaker::{Admission, Breaker, BreakerOptions, BreakerState};
pub use self::costs::Costs;
pub use self::health::{Health, HealthLimits, Reading};
use self::worker::Worker;
use crate::fault::Fault;

/// One of the two sides of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// The device.
    Primary,
    /// The processor, which does the same work without it.
    Twin,
}

/// Which side is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// The one that costs least.
    #[default]
    Auto,
    /// The device, as long as it works.
    Primary,
    /// The twin.
    Twin,
}

/// Why a job was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// The device failed; the job may succeed elsewhere.
    Device(Fault),
    /// The job cannot be done anywhere: it is malformed.
    Job(E),
}

/// Does jobs on a device. It lives on one thread, which made it.
pub trait Executor<J, A, E> {
    /// Does one job, and returns when the answer is in the host's memory.
    ///
    /// # Errors
    ///
    /// [`Failure::Device`] if the device failed, [`Failure::Job`] if the job is at fault.
    fn run(&mut self, job: &J) -> Result<A, Failure<E>>;
}

/// Makes an executor on the thread that will own it; called anew after the context was lost.
pub type MakeExecutor<J, A, E> =
    dyn Fn() -> Result<Box<dyn Executor<J, A, E>>, Fault> + Send + Sync;

/// Does jobs without the device.
pub type Twin<J, A, E> = dyn Fn(&J) -> Result<A, E> + Send + Sync;

/// An answer and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed<A> {
    /// The answer.
    pub answer: A,
    /// The side that gave it.
    pub route: Route,
    /// Why the twin gave it although the device was wanted; `None` if nothing went wrong.
    pub degraded: Option<String>,
}

/// How a router works.
#[derive(Clone, Copy, Debug)]
pub struct RouterOptions {
    /// Which side is wanted.
    pub preference: Preference,
    /// When the device is left alone.
    pub breaker: BreakerOptions,
    /// For how long the device may answer nothing before it hangs.
    pub deadline: Duration,
    /// How many threads give the device work side by side, each with an executor of its own; 0
    /// counts as 1.
    pub threads: usize,
    /// How many jobs may wait for the device; more go to the twin.
    pub waiting_max: usize,
    /// How many threads may hang in the driver before the device is given up for good: none of
    /// them can be ended.
    pub hangs_max: u32,
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            preference: Preference::Auto,
            breaker: BreakerOptions::default(),
            deadline: Duration::from_secs(30),
            threads: 1,
            waiting_max: 16,
            hangs_max: 4,
        }
    }
}

/// Two executors of the same work; see the [module](self).
///
/// Jobs may come from several threads at once.
pub struct Router<J, A, E> {
    make: Arc<MakeExecutor<J, A, E>>,
    twin: Box<Twin<J, A, E>>,
    options: RouterOptions,
    now: fn() -> Instant,
    state: Mutex<State<J, A, E>>,
}

struct State<J, A, E> {
    worker: Option<Arc<Worker<J, A, E>>>,
    breaker: Breaker,
    health: Health,
    costs: Costs,
    hangs: u32,
    statistics: RouterStatistics,
}

/// What a router did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouterStatistics {
    /// Jobs that the device answered.
    pub primary: u64,
    /// Jobs that the twin answered because it costs less or was wanted.
    pub twin: u64,
    /// Jobs that the twin answered in the device's place.
    pub degraded: u64,
    /// Times that a context was made: executors for all threads.
    pub contexts: u64,
}

/// Where a job goes.
enum Way<J, A, E> {
    Device(Arc<Worker<J, A, E>>),
    Twin { degraded: Option<String> },
}

impl<J, A, E> Router<J, A, E>
where
    J: Send + Sync + 'static,
    A: Send + 'static,
    E: Send + 'static,
{
    /// A router between the executors that `make` makes and `twin`. Nothing is made yet.
    pub fn new(
        make: impl Fn() -> Result<Box<dyn Executor<J, A, E>>, Fault> + Send + Sync + 'static,
        twin: impl Fn(&J) -> Result<A, E> + Send + Sync + 'static,
        options: RouterOptions,
    ) -> Self {
        let state = State {
            worker: None,
            breaker: Breaker::new(options.breaker),
            health: Health::Well,
            costs: Costs::default(),
            hangs: 0,
            statistics: RouterStatistics::default(),
        };
        Self {
            make: Arc::new(make),
            twin: Box::new(twin),
            options,
            now: Instant::now,
            state: Mutex::new(state),
        }
    }

    /// The same with another clock for the breaker, for tests.
    #[must_use]
    pub fn with_clock(mut self, now: fn() -> Instant) -> Self {
        self.now = now;
        self
    }

    /// Does a job of `size`, in whatever unit its cost grows with. A job that the device fails is
    /// done by the twin, whatever was wanted.
    ///
    /// # Errors
    ///
    /// What the job itself is at fault for, on either side.
    pub fn run(&self, job: &Arc<J>, size: u64) -> Result<Routed<A>, E> {
        let degraded = match self.way(size) {
            Way::Twin { degraded } => degraded,
            Way::Device(worker) => match self.run_on_device(&worker, job, size) {
                Ok(answer) => return Ok(Routed { answer, route: Route::Primary, degraded: None }),
                Err(Failure::Job(error)) => return Err(error),
                Err(Failure::Device(fault)) => Some(fault.to_string()),
            },
        };
        let begun = Instant::now();
        let answer = (self.twin)(job)?;
        let mut state = self.state();
        state.costs.record(Route::Twin, size, begun.elapsed());
        match degraded {
            Some(_) => state.statistics.degraded += 1,
            None => state.statistics.twin += 1,
        }
        Ok(Routed { answer, route: Route::Twin, degraded })
    }

    /// Takes what the device's sensors say into account from now on. Returns how it is doing.
    pub fn observe(&self, reading: Reading, limits: HealthLimits) -> Health {
        let mut state = self.state();
        state.health = state.health.next(reading, limits);
        state.health
    }

    /// What the breaker lets through.
    #[must_use]
    pub fn breaker_state(&self) -> BreakerState {
        self.state().breaker.state()
    }

    /// What the router did.
    #[must_use]
    pub fn statistics(&self) -> RouterStatistics {
        self.state().statistics
    }

    /// Takes the costs of an earlier run for a start.
    pub fn set_costs(&self, costs: Costs) {
        self.state().costs = costs;
    }

    /// Decides where a job goes.
    fn way(&self, size: u64) -> Way<J, A, E> {
        let mut state = self.state();
        let wanted = match self.options.preference {
            Preference::Auto => state.costs.choose(size),
            Preference::Primary => Route::Primary,
            Preference::Twin => Route::Twin,
        };
        if wanted == Route::Twin {
            return Way::Twin { degraded: None };
        }
        let refused = |why: String| Way::Twin { degraded: Some(why) };
        if !state.health.takes_work() {
            return refused(format!("the device takes no work: {}", state.health));
        }
        if state.hangs >= self.options.hangs_max {
            return refused(format!("the device is given up: it hung {} times", state.hangs));
        }
        if state.breaker.admit((self.now)()) == Admission::Refused {
            let why = state.breaker.last_fault().map(ToString::to_string).unwrap_or_default();
            return refused(format!("the device is left alone after a failure: {why}"));
        }
        match self.worker(&mut state) {
            Ok(worker) => Way::Device(worker),
            Err(fault) => {
                state.breaker.fail(&fault, (self.now)());
                refused(fault.to_string())
            }
        }
    }

    /// The threads that own the context, started if there are none.
    fn worker(&self, state: &mut State<J, A, E>) -> Result<Arc<Worker<J, A, E>>, Fault> {
        if let Some(worker) = &state.worker {
            return Ok(Arc::clone(worker));
        }
        let RouterOptions { threads, waiting_max, .. } = self.options;
        let worker = Worker::start(&self.make, threads, waiting_max)?;
        state.statistics.contexts += 1;
        Ok(Arc::clone(state.worker.insert(Arc::new(worker))))
    }

    /// Lets the device do a job that was admitted, and draws the consequences.
    fn run_on_device(
        &self,
        worker: &Arc<Worker<J, A, E>>,
        job: &Arc<J>,
        size: u64,
    ) -> Result<A, Failure<E>> {
        let RouterOptions { deadline, waiting_max, .. } = self.options;
        let replied = worker.run(Arc::clone(job), deadline, waiting_max);
        let mut state = self.state();
        let fault = match replied {
            Ok((Ok(answer), time)) => {
                state.breaker.succeed();
                state.costs.record(Route::Primary, size, time);
                state.statistics.primary += 1;
                return Ok(answer);
            }
            Ok((Err(Failure::Job(error)), _)) => {
                state.breaker.withdraw();
                return Err(Failure::Job(error));
            }
            Ok((Err(Failure::Device(fault)), _)) | Err(fault) => fault,
        };
        match &fault {
            // The device is busy, not broken.
            Fault::Overloaded { .. } => state.breaker.withdraw(),
            fault => state.breaker.fail(fault, (self.now)()),
        }
        let is_current = state.worker.as_ref().is_some_and(|current| Arc::ptr_eq(current, worker));
        if fault.ends_context() && is_current {
            // The thread ends by itself, or hangs and is left behind; what it has no longer counts.
            state.worker = None;
            state.hangs += u32::from(matches!(fault, Fault::Hang { .. }));
        }
        Err(Failure::Device(fault))
    }

    fn state(&self) -> MutexGuard<'_, State<J, A, E>> {
        // No caller's code runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J, A, E> fmt::Debug for Router<J, A, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("options", &self.options).finish_non_exhaustive()
    }
}
