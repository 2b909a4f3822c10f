//! What a router adds to a job: the time of jobs that take none.
//!
//! `cargo run --release -p fillrate-device --example routing_overhead`
#![allow(clippy::print_stdout, reason = "the measurement is its output")]

use std::sync::Arc;
use std::time::Instant;

use fillrate_device::Fault;
use fillrate_device::routing::{Executor, Failure, Preference, Router, RouterOptions};

const JOBS: usize = 100_000;

struct Nothing;

impl Executor<u64, u64, ()> for Nothing {
    fn run(&mut self, job: &u64) -> Result<u64, Failure<()>> {
        Ok(*job)
    }
}

fn main() {
    for (name, preference) in
        [("to the twin", Preference::Twin), ("to the device", Preference::Primary)]
    {
        let options = RouterOptions { preference, ..RouterOptions::default() };
        let make = || Ok::<_, Fault>(Box::new(Nothing) as Box<dyn Executor<u64, u64, ()>>);
        let router = Router::new(make, |job: &u64| Ok::<_, ()>(*job), options);
        let job = Arc::new(1);
        let mut times_ns: Vec<u128> = (0..JOBS)
            .map(|_| {
                let begun = Instant::now();
                let answered = router.run(&job, 1);
                let time = begun.elapsed().as_nanos();
                assert!(answered.is_ok_and(|routed| routed.degraded.is_none()));
                time
            })
            .collect();
        times_ns.sort_unstable();
        let (p50, p99) = (times_ns[JOBS / 2], times_ns[JOBS * 99 / 100]);
        println!("{name}: p50 {p50} ns, p99 {p99} ns over {JOBS} jobs");
    }
}
