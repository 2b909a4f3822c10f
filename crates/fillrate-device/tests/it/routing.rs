//! Work that fails on a device in every way there is, and is answered all the same.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fillrate_device::Fault;
use fillrate_device::memory::{
    DeviceMemory, FakeBackend, FakeCall, MemoryOptions, PoolKind, Request,
};
use fillrate_device::routing::{
    BreakerOptions, BreakerState, Costs, Executor, Failure, HealthLimits, Preference, Reading,
    Route, Routed, Router, RouterOptions,
};

/// What an executor does with its next jobs; when there is nothing left, it doubles them.
enum Act {
    Fail(Fault),
    /// Never answers, as far as anyone who waits can tell.
    Hang,
    Panic,
}

/// A device that does as it is told.
#[derive(Default)]
struct Device {
    acts: Mutex<VecDeque<Act>>,
    /// What making an executor says.
    no_driver: Mutex<Option<Fault>>,
    hold: Mutex<Option<Hold>>,
}

/// What hangs waits for; dropping the first lets it go.
type Hold = (Sender<()>, Arc<Mutex<Receiver<()>>>);

struct FakeExecutor(Arc<Device>);

impl Executor<u64, u64, String> for FakeExecutor {
    fn run(&mut self, job: &u64) -> Result<u64, Failure<String>> {
        if *job == 0 {
            return Err(Failure::Job("nothing to double".to_owned()));
        }
        let act = self.0.acts.lock().unwrap().pop_front();
        match act {
            None => Ok(job * 2),
            Some(Act::Fail(fault)) => Err(Failure::Device(fault)),
            Some(Act::Panic) => panic!("on purpose"),
            Some(Act::Hang) => {
                let held = self.0.hold.lock().unwrap().as_ref().map(|(_, held)| Arc::clone(held));
                // Once it was let go, there is nothing to wait for.
                if let Some(held) = held {
                    let _released = held.lock().unwrap().recv();
                }
                Ok(job * 2)
            }
        }
    }
}

/// Milliseconds that the breaker's clock is ahead: each test has its own.
macro_rules! clock {
    ($ahead:ident, $now:ident) => {
        static $ahead: AtomicU64 = AtomicU64::new(0);
        fn $now() -> Instant {
            static START: LazyLock<Instant> = LazyLock::new(Instant::now);
            *START + Duration::from_millis($ahead.load(Ordering::Relaxed))
        }
    };
}

type Doubler = Router<u64, u64, String>;

fn options() -> RouterOptions {
    RouterOptions {
        preference: Preference::Primary,
        breaker: BreakerOptions { jitter: 0.0, ..BreakerOptions::default() },
        deadline: Duration::from_mins(10),
        ..RouterOptions::default()
    }
}

fn router(device: &Arc<Device>, options: RouterOptions, now: fn() -> Instant) -> Doubler {
    let device = Arc::clone(device);
    let make = move || match device.no_driver.lock().unwrap().clone() {
        Some(fault) => Err(fault),
        None => {
            Ok(Box::new(FakeExecutor(Arc::clone(&device))) as Box<dyn Executor<u64, u64, String>>)
        }
    };
    let twin =
        |job: &u64| if *job == 0 { Err("nothing to double".to_owned()) } else { Ok(job * 2) };
    Router::new(make, twin, options).with_clock(now)
}

fn told(acts: impl IntoIterator<Item = Act>) -> Arc<Device> {
    let device = Device::default();
    device.acts.lock().unwrap().extend(acts);
    Arc::new(device)
}

fn run(router: &Doubler, job: u64) -> Routed<u64> {
    let routed = router.run(&Arc::new(job), job).unwrap();
    assert_eq!(routed.answer, job * 2, "whoever answers, the answer is right");
    routed
}

fn operation() -> Fault {
    Fault::Operation { what: "launch failed".to_owned() }
}

fn sticky() -> Fault {
    Fault::Sticky { what: "illegal address".to_owned() }
}

#[test]
fn a_failed_job_is_answered_by_the_twin_and_says_so() {
    clock!(AHEAD, now);
    let out_of_memory = Fault::OutOfMemory { requested_bytes: 10 };
    let device = told([Act::Fail(out_of_memory), Act::Fail(operation())]);
    let router = router(&device, options(), now);
    let first = run(&router, 1);
    assert_eq!(first.route, Route::Twin);
    assert_eq!(first.degraded.as_deref(), Some("the device has no 10 bytes left"));
    assert_eq!(run(&router, 2).degraded.as_deref(), Some("launch failed"));
    assert_eq!(run(&router, 3), Routed { answer: 6, route: Route::Primary, degraded: None });
    let statistics = router.statistics();
    assert_eq!((statistics.primary, statistics.degraded, statistics.contexts), (1, 2, 1));
    assert_eq!((AHEAD.load(Ordering::Relaxed), router.breaker_state()), (0, BreakerState::Closed));
}

#[test]
fn failures_open_the_breaker_and_good_probes_close_it() {
    clock!(AHEAD, now);
    let device = told([operation(), operation(), operation()].map(Act::Fail));
    let router = router(&device, options(), now);
    for job in 1..=3 {
        run(&router, job);
    }
    assert_eq!(router.breaker_state(), BreakerState::Open);
    let alone = run(&router, 4).degraded;
    assert_eq!(alone.as_deref(), Some("the device is left alone after a failure: launch failed"));
    AHEAD.store(1000, Ordering::Relaxed);
    device.acts.lock().unwrap().push_back(Act::Fail(operation()));
    assert_eq!(run(&router, 5).route, Route::Twin);
    // The failed probe doubled the time.
    AHEAD.store(2999, Ordering::Relaxed);
    assert_eq!(run(&router, 6).route, Route::Twin);
    AHEAD.store(3000, Ordering::Relaxed);
    for job in 7..=9 {
        assert_eq!(run(&router, job).route, Route::Primary);
    }
    assert_eq!(router.breaker_state(), BreakerState::Closed);
}

#[test]
fn a_lost_context_is_made_anew_by_the_probe() {
    clock!(AHEAD, now);
    let device = told([Act::Fail(sticky())]);
    let router = router(&device, options(), now);
    assert_eq!(run(&router, 1).route, Route::Twin);
    assert_eq!(router.breaker_state(), BreakerState::Open);
    AHEAD.store(1000, Ordering::Relaxed);
    assert_eq!(run(&router, 2).route, Route::Primary);
    assert_eq!(router.statistics().contexts, 2);
}

#[test]
fn a_panic_on_the_device_ends_its_thread_and_no_other() {
    clock!(AHEAD, now);
    let device = told([Act::Panic]);
    let router = router(&device, options(), now);
    let degraded = run(&router, 1).degraded.unwrap();
    assert!(degraded.contains("a panic on the device's thread"), "{degraded}");
    AHEAD.store(1000, Ordering::Relaxed);
    assert_eq!(run(&router, 2).route, Route::Primary);
}

#[test]
fn a_driver_that_is_gone_is_asked_again_later() {
    clock!(AHEAD, now);
    let device = told([]);
    let gone = Fault::DriverGone { what: "libcuda.so.1 is not there".to_owned() };
    *device.no_driver.lock().unwrap() = Some(gone);
    let router = router(&device, options(), now);
    let degraded = run(&router, 1).degraded.unwrap();
    assert!(degraded.contains("libcuda.so.1"), "{degraded}");
    assert_eq!(router.breaker_state(), BreakerState::Open);
    *device.no_driver.lock().unwrap() = None;
    AHEAD.store(1000, Ordering::Relaxed);
    assert_eq!(run(&router, 2).route, Route::Primary);
}

#[test]
fn a_hang_ends_at_the_deadline_and_after_some_the_device_is_given_up() {
    clock!(AHEAD, now);
    let device = told([Act::Hang, Act::Hang]);
    let (release, held) = channel();
    *device.hold.lock().unwrap() = Some((release, Arc::new(Mutex::new(held))));
    let options = RouterOptions { deadline: Duration::from_millis(20), hangs_max: 2, ..options() };
    let router = router(&device, options, now);
    assert_eq!(run(&router, 1).degraded.as_deref(), Some("no answer within 20 ms"));
    AHEAD.store(1000, Ordering::Relaxed);
    assert_eq!(run(&router, 2).degraded.as_deref(), Some("no answer within 20 ms"));
    AHEAD.store(1_000_000, Ordering::Relaxed);
    let given_up = run(&router, 3).degraded.unwrap();
    assert_eq!(given_up, "the device is given up: it hung 2 times");
    device.hold.lock().unwrap().take();
}

#[test]
fn a_malformed_job_is_not_the_devices_fault() {
    clock!(AHEAD, now);
    let device = told([Act::Fail(sticky())]);
    let router = router(&device, options(), now);
    let malformed = || router.run(&Arc::new(0), 1).unwrap_err();
    assert_eq!(malformed(), "nothing to double");
    assert_eq!(router.breaker_state(), BreakerState::Closed);
    run(&router, 1);
    AHEAD.store(1000, Ordering::Relaxed);
    // As a probe, it decides nothing.
    assert_eq!(malformed(), "nothing to double");
    assert_eq!(router.breaker_state(), BreakerState::HalfOpen);
    assert_eq!(run(&router, 2).route, Route::Primary);
}

#[test]
fn more_than_may_wait_goes_to_the_twin_and_opens_nothing() {
    clock!(AHEAD, now);
    let device = told([Act::Hang]);
    let (release, held) = channel();
    *device.hold.lock().unwrap() = Some((release, Arc::new(Mutex::new(held))));
    let router = router(&device, RouterOptions { waiting_max: 1, ..options() }, now);
    thread::scope(|scope| {
        // One can be held by the device and one can wait, so that at least one is refused.
        for job in 1..=3 {
            let router = &router;
            scope.spawn(move || run(router, job));
        }
        while router.statistics().degraded == 0 {
            thread::yield_now();
        }
        device.hold.lock().unwrap().take();
    });
    assert!(router.statistics().primary > 0);
    assert_eq!(AHEAD.load(Ordering::Relaxed), 0);
    assert_eq!(router.breaker_state(), BreakerState::Closed);
}

#[test]
fn a_hot_device_takes_no_work_until_it_has_cooled() {
    clock!(AHEAD, now);
    let router = router(&told([]), options(), now);
    let limits = HealthLimits { temperature_c_max: 80, cooling_c: 5, free_bytes_min: 0 };
    let at = |degrees| Reading { temperature_c: Some(degrees), ..Reading::default() };
    router.observe(at(85), limits);
    let degraded = run(&router, 1).degraded.unwrap();
    assert_eq!(degraded, "the device takes no work: it is at 85 °C, the most is 80");
    router.observe(at(76), limits);
    assert_eq!(run(&router, 2).route, Route::Twin);
    router.observe(at(70), limits);
    assert_eq!(run(&router, 3).route, Route::Primary);
    assert_eq!(AHEAD.load(Ordering::Relaxed), 0);
}

#[test]
fn auto_takes_the_side_that_costs_least() {
    clock!(AHEAD, now);
    let options = RouterOptions { preference: Preference::Auto, ..options() };
    let router = router(&told([]), options, now);
    let mut costs = Costs::default();
    for (size, primary, twin) in [(1, 50, 1), (1 << 20, 60, 5000)] {
        costs.record(Route::Primary, size, Duration::from_millis(primary));
        costs.record(Route::Twin, size, Duration::from_millis(twin));
    }
    router.set_costs(costs);
    let small = run(&router, 1);
    assert_eq!((small.route, small.degraded), (Route::Twin, None));
    assert_eq!(run(&router, 1 << 20).route, Route::Primary);
    assert_eq!((router.statistics().twin, AHEAD.load(Ordering::Relaxed)), (1, 0));
}

#[test]
fn the_faults_of_a_devices_memory_reach_the_twin() {
    clock!(AHEAD, now);
    struct Allocating(DeviceMemory);
    impl Executor<u64, u64, String> for Allocating {
        fn run(&mut self, job: &u64) -> Result<u64, Failure<String>> {
            let pool = self.0.pool(PoolKind::Default);
            match pool.allocate(&Request::new(1 << 20)) {
                Ok(_scratch) => Ok(job * 2),
                Err(fillrate_device::Error::Device { source, .. }) => Err(Failure::Device(source)),
                Err(_) => Err(Failure::Device(Fault::OutOfMemory { requested_bytes: 1 << 20 })),
            }
        }
    }
    let backend = FakeBackend::shared(4 << 20);
    let shared = Arc::clone(&backend);
    let make = move || {
        let memory = DeviceMemory::new(shared.clone(), MemoryOptions::default())
            .map_err(|_| Fault::DriverGone { what: "no answer".to_owned() })?;
        Ok(Box::new(Allocating(memory)) as Box<dyn Executor<u64, u64, String>>)
    };
    let router = Router::new(make, |job: &u64| Ok(job * 2), options()).with_clock(now);
    let full = Fault::OutOfMemory { requested_bytes: 1 << 20 };
    backend.fail_next(FakeCall::Reserve, full.clone());
    backend.fail_next(FakeCall::Reserve, full);
    assert_eq!(run(&router, 1).degraded.as_deref(), Some("the device has no 1048576 bytes left"));
    backend.fail_next(FakeCall::Reserve, sticky());
    let degraded = run(&router, 2).degraded.unwrap();
    assert_eq!(degraded, "the device's context is lost: illegal address");
    AHEAD.store(1000, Ordering::Relaxed);
    assert_eq!(run(&router, 3).route, Route::Primary);
}

#[test]
fn threads_do_jobs_side_by_side() {
    clock!(AHEAD, now);
    let device = told([Act::Hang]);
    let (release, held) = channel();
    *device.hold.lock().unwrap() = Some((release, Arc::new(Mutex::new(held))));
    let router = router(&device, RouterOptions { threads: 2, ..options() }, now);
    thread::scope(|scope| {
        let held_up = scope.spawn(|| run(&router, 1));
        while !device.acts.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        // One thread is busy with the first for as long as we like.
        for job in 2..=9 {
            assert_eq!(run(&router, job).route, Route::Primary);
        }
        assert!(!held_up.is_finished());
        device.hold.lock().unwrap().take();
        assert_eq!(held_up.join().unwrap().route, Route::Primary);
    });
    let statistics = router.statistics();
    assert_eq!((statistics.primary, statistics.contexts), (9, 1));
    assert_eq!(AHEAD.load(Ordering::Relaxed), 0);
}
