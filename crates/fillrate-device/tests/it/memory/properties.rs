//! What holds whatever is asked of a strategy or a pool, in whatever order.

use std::collections::BTreeMap;
use std::thread;

use fillrate_device::memory::strategy::{Placement, Span, Strategy as Fit};
use fillrate_device::memory::{
    Allocation, DeviceMemory, FakeBackend, MemoryOptions, PoolKind, Request, StrategyKind, StreamId,
};
use proptest::prelude::*;

/// Something done to a strategy.
#[derive(Clone, Debug)]
enum Step {
    Allocate(u32),
    /// One of those that live, by its rank.
    Free(usize),
    AllocateBelow(u32, u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = prop_oneof![4 => 1..64_u32, 2 => 1..2000_u32, 1 => 1..20_000_u32];
    let step = prop_oneof![
        5 => len.clone().prop_map(Step::Allocate),
        4 => any::<usize>().prop_map(Step::Free),
        1 => (len, 0..70_000_u32).prop_map(|(len, end)| Step::AllocateBelow(len, end)),
    ];
    proptest::collection::vec(step, 1..200)
}

fn kinds() -> impl Strategy<Value = StrategyKind> {
    proptest::sample::select(StrategyKind::ALL.to_vec())
}

const REGIONS: [Span; 3] = [
    Span { start: 0, len: 4096 },
    Span { start: 4097, len: 30_000 },
    Span { start: 40_000, len: 5 },
];

/// What a strategy should be like, in the plainest form.
#[derive(Default)]
struct Model {
    /// What is allocated, by where it begins.
    live: BTreeMap<u32, Placement>,
}

impl Model {
    fn insert(&mut self, asked: u32, placement: Placement) {
        let Span { start, len } = placement.span;
        assert!(len >= asked, "{len} of {asked}");
        let end = placement.span.end();
        let region = REGIONS.iter().find(|region| region.start <= start && end <= region.end());
        assert!(region.is_some(), "{placement:?} is in no region");
        let before = self.live.range(..end).next_back();
        assert!(before.is_none_or(|(_, b)| b.span.end() <= start), "{placement:?} on {before:?}");
        self.live.insert(start, placement);
    }

    fn live_len(&self) -> u64 {
        self.live.values().map(|placement| u64::from(placement.span.len)).sum()
    }

    fn check(&self, strategy: &dyn Fit) {
        let all: u64 = REGIONS.iter().map(|region| u64::from(region.len)).sum();
        assert_eq!(strategy.free_len() + self.live_len(), all, "granules are conserved");
        let mut spans = strategy.free_spans();
        assert_eq!(spans.iter().map(|s| u64::from(s.len)).sum::<u64>(), strategy.free_len());
        spans.extend(self.live.values().map(|placement| placement.span));
        spans.sort();
        assert!(spans.windows(2).all(|two| two[0].end() <= two[1].start), "{spans:?}");
    }

    /// That free ranges which touch are one: buddies and slots join only with their like.
    fn check_whole(strategy: &dyn Fit) {
        let mut spans = strategy.free_spans();
        spans.sort();
        assert!(spans.windows(2).all(|two| two[0].end() < two[1].start), "{spans:?}");
        let largest = spans.iter().map(|span| span.len).max();
        assert_eq!(strategy.largest_free(), largest.unwrap_or(0));
    }
}

proptest! {
    #[test]
    fn strategies_hand_out_each_granule_once(kind in kinds(), steps in steps()) {
        let (mut strategy, mut model) = (kind.build(), Model::default());
        for region in REGIONS {
            strategy.add_region(region);
        }
        for step in steps {
            match step {
                Step::Allocate(len) => {
                    let largest = strategy.largest_free();
                    let placement = strategy.allocate(len);
                    // The answer is yes exactly if the largest allocation is as large.
                    prop_assert_eq!(placement.is_some(), len <= largest, "{} of {}", len, largest);
                    if let Some(placement) = placement {
                        model.insert(len, placement);
                    }
                }
                Step::AllocateBelow(len, end) => {
                    if let Some(placement) = strategy.allocate_below(len, end) {
                        prop_assert!(placement.span.end() <= end);
                        model.insert(len, placement);
                    }
                }
                Step::Free(rank) if !model.live.is_empty() => {
                    let start = *model.live.keys().nth(rank % model.live.len()).unwrap();
                    strategy.free(model.live.remove(&start).unwrap());
                }
                Step::Free(_) => {}
            }
            model.check(&*strategy);
            if !matches!(kind, StrategyKind::Buddy | StrategyKind::Slab) {
                Model::check_whole(&*strategy);
            }
        }
        // A region in use stays, and one that is not goes.
        for region in REGIONS {
            let used = model.live.values().any(|placement| {
                region.start <= placement.span.start && placement.span.end() <= region.end()
            });
            prop_assert_eq!(strategy.remove_region(region), !used);
            if !used {
                strategy.add_region(region);
            }
        }
        for placement in std::mem::take(&mut model.live).into_values() {
            strategy.free(placement);
        }
        // All that was freed is whole again.
        model.check(&*strategy);
        for region in REGIONS {
            prop_assert!(strategy.remove_region(region), "{region:?} is not whole");
        }
        prop_assert_eq!((strategy.free_len(), strategy.largest_free()), (0, 0));
        prop_assert!(strategy.allocate(1).is_none());
    }

    #[test]
    fn threads_never_share_a_byte(
        kind in kinds(),
        sizes in proptest::collection::vec(1..100_000_u64, 40),
        reserve in any::<bool>(),
    ) {
        let backend = FakeBackend::shared(8 << 20);
        let options = MemoryOptions { reserve, growth_bytes: 1 << 18, ..MemoryOptions::default() };
        let options = options.with_strategy(kind);
        let memory = DeviceMemory::new(backend.clone(), options).unwrap();
        let kept: Vec<Allocation> = thread::scope(|scope| {
            let workers: Vec<_> = (0..4_u64)
                .map(|worker| {
                    let (pool, sizes) = (memory.pool(PoolKind::Default), &sizes);
                    scope.spawn(move || churn(&pool, sizes, worker))
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let mut ranges: Vec<(u64, u64)> =
            kept.iter().map(|kept| (kept.pin().address(), kept.size_bytes())).collect();
        ranges.sort_unstable();
        let apart = |two: &[(u64, u64)]| two[0].0 + two[0].1 <= two[1].0;
        prop_assert!(ranges.windows(2).all(apart), "{:?}", ranges);
        let statistics = memory.pool(PoolKind::Default).statistics();
        prop_assert_eq!(statistics.live, kept.len() as u64);
        let requested: u64 = ranges.iter().map(|(_, size)| size).sum();
        prop_assert_eq!(statistics.requested_bytes, requested);
        prop_assert_eq!(
            statistics.allocated_bytes + statistics.free_bytes + statistics.waiting_bytes,
            statistics.reserved_bytes
        );
        drop(kept);
        memory.trim().unwrap();
        prop_assert_eq!(memory.left_bytes(), memory.budget_bytes());
        drop(memory);
        prop_assert_eq!(backend.blocks(), 0);
    }
}

/// Allocates and frees, on a stream that two workers share, and returns what it keeps.
fn churn(pool: &fillrate_device::memory::Pool, sizes: &[u64], worker: u64) -> Vec<Allocation> {
    let mut kept = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let request = Request::new(size + worker).on(StreamId(worker / 2));
        // What does not fit is refused, which is not what is tested here.
        if let Ok(allocation) = pool.allocate(&request) {
            kept.push(allocation);
        }
        if index % 3 == 2 && !kept.is_empty() {
            kept.swap_remove(index % kept.len());
        }
    }
    kept
}
