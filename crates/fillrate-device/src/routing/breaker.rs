//! When a device is left alone, and when it is tried again.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::fault::Fault;
use crate::random::Random;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerOptions {
    /// Failures in a row after which it opens; one that ends the context opens it at once.
    pub failures_max: u32,
    /// How long it stays open at first.
    pub back_off_first: Duration,
    /// How long it stays open at most. Each failed probe doubles the time up to here.
    pub back_off_max: Duration,
    /// The share of the time that is added at random, from 0 to 1, so that programs that share a
    /// device do not probe it together.
    pub jitter: f64,
    /// Probes in a row that must succeed before it closes.
    pub probes_to_close: u32,
    /// Where the random numbers begin; another for each program that shares a device.
    pub seed: u64,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failures_max: 3,
            back_off_first: Duration::from_secs(1),
            back_off_max: Duration::from_mins(1),
            jitter: 0.25,
            probes_to_close: 3,
            seed: u64::from(std::process::id()),
        }
    }
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing, for a time.
    Open,
    /// One piece of work at a time, to see whether it succeeds.
    HalfOpen,
}

/// Whether work may go to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Work,
    /// It may, and decides whether more may.
    Probe,
    /// It may not.
    Refused,
}

/// A circuit breaker: after failures it keeps work off the device for a time that grows with each
/// attempt that fails, then lets single pieces through, and closes after some that succeeded.
///
/// It has no clock of its own: every call that needs one is given the time.
///
/// Source: M. T. Nygard, *Release It!*, 2nd ed., chapter 5, "Circuit Breaker".
#[derive(Clone, Debug)]
pub struct Breaker {
    options: BreakerOptions,
    state: State,
    /// Times it opened since it was last closed.
    openings: u32,
    last_fault: Option<Fault>,
    random: Random,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probing: bool, successes: u32 },
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(options: BreakerOptions) -> Self {
        let random = Random::new(options.seed);
        let state = State::Closed { failures: 0 };
        Self { options, state, openings: 0, last_fault: None, random }
    }

    /// Whether work may go to the device now. What is admitted must be answered for with
    /// [`succeed`](Self::succeed), [`fail`](Self::fail) or [`withdraw`](Self::withdraw).
    pub fn admit(&mut self, now: Instant) -> Admission {
        if let State::Open { until } = self.state
            && now >= until
        {
            self.state = State::HalfOpen { probing: false, successes: 0 };
        }
        match &mut self.state {
            State::Closed { .. } => Admission::Work,
            State::HalfOpen { probing, .. } if !*probing => {
                *probing = true;
                Admission::Probe
            }
            State::HalfOpen { .. } | State::Open { .. } => Admission::Refused,
        }
    }

    /// Notes that admitted work was done.
    pub fn succeed(&mut self) {
        match &mut self.state {
            State::Closed { failures } => *failures = 0,
            State::HalfOpen { probing, successes } => {
                *probing = false;
                *successes += 1;
                if *successes >= self.options.probes_to_close {
                    self.state = State::Closed { failures: 0 };
                    (self.openings, self.last_fault) = (0, None);
                }
            }
            // Work that was admitted before it opened.
            State::Open { .. } => {}
        }
    }

    /// Notes that admitted work failed.
    pub fn fail(&mut self, fault: &Fault, now: Instant) {
        let opens = match &mut self.state {
            State::Closed { failures } => {
                *failures += 1;
                *failures >= self.options.failures_max || fault.ends_context()
            }
            State::HalfOpen { .. } => true,
            // Work that was admitted before it opened says nothing new.
            State::Open { .. } => return,
        };
        self.last_fault = Some(fault.clone());
        if opens {
            self.open(now);
        }
    }

    /// Notes that admitted work was not tried after all, and nothing was learnt.
    pub fn withdraw(&mut self) {
        if let State::HalfOpen { probing, .. } = &mut self.state {
            *probing = false;
        }
    }

    /// What it lets through.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// The last failure since it was last closed.
    #[must_use]
    pub fn last_fault(&self) -> Option<&Fault> {
        self.last_fault.as_ref()
    }

    fn open(&mut self, now: Instant) {
        let doublings = self.openings.min(30);
        let time = self.options.back_off_first.saturating_mul(1 << doublings);
        let time = time.min(self.options.back_off_max);
        let jitter = time.mul_f64(self.options.jitter.clamp(0.0, 1.0) * self.random.unit());
        self.openings += 1;
        self.state = State::Open { until: now + time + jitter };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker(jitter: f64) -> Breaker {
        let options = BreakerOptions { jitter, seed: 1, ..BreakerOptions::default() };
        Breaker::new(options)
    }

    fn operation() -> Fault {
        Fault::Operation { what: "launch failed".to_owned() }
    }

    /// Opens a breaker with a fault that does it at once.
    fn break_at(breaker: &mut Breaker, now: Instant) {
        breaker.fail(&Fault::Sticky { what: "illegal address".to_owned() }, now);
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        let (mut breaker, now) = (breaker(0.0), Instant::now());
        for _ in 0..5 {
            breaker.fail(&operation(), now);
            breaker.fail(&operation(), now);
            breaker.succeed();
        }
        assert_eq!(breaker.admit(now), Admission::Work);
        for _ in 0..3 {
            breaker.fail(&operation(), now);
        }
        assert_eq!(
            (breaker.admit(now), breaker.last_fault()),
            (Admission::Refused, Some(&operation()))
        );
    }

    #[test]
    fn it_probes_one_at_a_time_and_closes_after_good_ones() {
        let (mut breaker, now) = (breaker(0.0), Instant::now());
        break_at(&mut breaker, now);
        assert_eq!(breaker.admit(now + SECOND / 2), Admission::Refused);
        let later = now + SECOND;
        for _ in 0..3 {
            assert_eq!(breaker.admit(later), Admission::Probe);
            assert_eq!(breaker.admit(later), Admission::Refused);
            breaker.succeed();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!((breaker.admit(later), breaker.last_fault()), (Admission::Work, None));
    }

    #[test]
    fn a_probe_that_was_not_tried_is_given_back() {
        let (mut breaker, now) = (breaker(0.0), Instant::now());
        break_at(&mut breaker, now);
        assert_eq!(breaker.admit(now + SECOND), Admission::Probe);
        breaker.withdraw();
        assert_eq!(breaker.admit(now + SECOND), Admission::Probe);
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_a_most() {
        let (mut breaker, mut now) = (breaker(0.0), Instant::now());
        break_at(&mut breaker, now);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let just_before = now + SECOND * (seconds - 1) + SECOND * 999 / 1000;
            assert_eq!(breaker.admit(just_before), Admission::Refused, "{seconds}");
            now += SECOND * seconds;
            assert_eq!(breaker.admit(now), Admission::Probe, "{seconds}");
            breaker.fail(&operation(), now);
        }
        // A late answer of work from before changes nothing.
        breaker.succeed();
        breaker.fail(&operation(), now);
        assert_eq!(breaker.admit(now + SECOND * 60), Admission::Probe);
    }

    #[test]
    fn jitter_adds_up_to_its_share_and_differs_between_programs() {
        let now = Instant::now();
        let opened_for = |seed| {
            let options = BreakerOptions { jitter: 0.5, seed, ..BreakerOptions::default() };
            let mut breaker = Breaker::new(options);
            break_at(&mut breaker, now);
            (0..1000)
                .map(|ms| SECOND + Duration::from_millis(ms))
                .find(|time| breaker.clone().admit(now + *time) == Admission::Probe)
        };
        let times: Vec<_> = (0..20).map(|seed| opened_for(seed).unwrap()).collect();
        assert!(times.iter().all(|time| *time <= SECOND * 3 / 2), "{times:?}");
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*most > *least + SECOND / 4, "{times:?}");
    }
}
