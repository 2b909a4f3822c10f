//! What a call costs among many holes.

use std::time::Instant;

use serde::Serialize;

use super::super::strategy::{Span, StrategyKind};
use crate::random::Random;

/// Times of single calls, in nanoseconds, the clock's own taken off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CallTimes {
    /// Half of the calls took at most this.
    pub p50_ns: f64,
    /// 99 of a hundred did.
    pub p99_ns: f64,
}

/// What allocating and freeing cost among a number of holes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HoleTimes {
    /// Free ranges between allocations.
    pub holes: usize,
    /// An allocation.
    pub allocate: CallTimes,
    /// Its end.
    pub free: CallTimes,
}

/// The longest allocation, in granules.
const LEN_MAX: u64 = 64;

/// Times `calls` allocations and as many ends among `holes` free ranges of random lengths, each
/// between two allocations. The memory is made up: what is timed is the bookkeeping.
#[must_use]
pub fn time_holes(kind: StrategyKind, holes: usize, calls: usize) -> HoleTimes {
    let mut random = Random::new(holes as u64);
    let mut strategy = kind.build();
    strategy.add_region(Span { start: 0, len: 1 << 30 });
    let mut len = move || random.between(1, LEN_MAX) as u32;
    let mut filled: Vec<_> = (0..2 * holes).filter_map(|_| strategy.allocate(len())).collect();
    let mut index = 0;
    filled.retain(|placement| {
        index += 1;
        if index % 2 == 0 {
            strategy.free(*placement);
        }
        index % 2 == 1
    });
    let mut random = Random::new(!(holes as u64));
    let (mut allocate, mut free) = (Vec::with_capacity(calls), Vec::with_capacity(calls));
    for _ in 0..calls {
        let victim = random.below(filled.len() as u64) as usize;
        let (placement, len) = (filled[victim], len());
        let begun = Instant::now();
        strategy.free(placement);
        let freed = Instant::now();
        let found = strategy.allocate(len);
        let ended = Instant::now();
        free.push((freed - begun).as_nanos() as u64);
        allocate.push((ended - freed).as_nanos() as u64);
        match found {
            Some(placement) => filled[victim] = placement,
            None => drop(filled.swap_remove(victim)),
        }
    }
    let clock_ns = clock_ns();
    HoleTimes { holes, allocate: times(allocate, clock_ns), free: times(free, clock_ns) }
}

/// What two looks at the clock take in between, in nanoseconds: the median.
fn clock_ns() -> u64 {
    let mut looks: Vec<u64> =
        (0..1001).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    looks.sort_unstable();
    looks[looks.len() / 2]
}

fn times(mut calls_ns: Vec<u64>, clock_ns: u64) -> CallTimes {
    calls_ns.sort_unstable();
    let at = |share: f64| {
        let index = (calls_ns.len() as f64 * share) as usize;
        calls_ns.get(index).map_or(0.0, |ns| ns.saturating_sub(clock_ns) as f64)
    };
    CallTimes { p50_ns: at(0.5), p99_ns: at(0.99) }
}

#[cfg(test)]
mod tests {
    use std::sync::PoisonError;

    use super::*;
    use crate::process::TURN;

    #[test]
    fn percentiles_are_those_of_the_calls() {
        let found = times((1..=200).rev().collect(), 10);
        assert_eq!(found, CallTimes { p50_ns: 91.0, p99_ns: 189.0 });
        assert_eq!(times(vec![5], 10), CallTimes { p50_ns: 0.0, p99_ns: 0.0 });
    }

    #[test]
    fn every_strategy_can_be_timed() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in StrategyKind::ALL {
            let found = time_holes(kind, 50, 100);
            assert_eq!(found.holes, 50);
            assert!(found.free.p50_ns <= found.free.p99_ns);
        }
    }
}
