//! What a pool does, case by case.

use std::sync::{Arc, Mutex};

use fillrate_device::memory::{
    DeviceMemory, FakeBackend, FakeCall, MemoryOptions, PoolKind, Request, StrategyKind, StreamId,
};
use fillrate_device::{Error, Fault};

const MIB: u64 = 1 << 20;
const A: StreamId = StreamId(1);
const B: StreamId = StreamId(2);

/// The whole of a device of `size_bytes`, taken a megabyte at a time.
fn whole(size_bytes: u64) -> (Arc<FakeBackend>, DeviceMemory) {
    let options = MemoryOptions { fraction: 1.0, growth_bytes: MIB, ..MemoryOptions::default() };
    with(size_bytes, options)
}

fn with(size_bytes: u64, options: MemoryOptions) -> (Arc<FakeBackend>, DeviceMemory) {
    let backend = FakeBackend::shared(size_bytes);
    let memory = DeviceMemory::new(backend.clone(), options).unwrap();
    (backend, memory)
}

#[test]
fn the_budget_is_of_what_is_free_at_the_start() {
    let backend = FakeBackend::shared(100 * MIB);
    backend.set_foreign(60 * MIB);
    let options =
        MemoryOptions { fraction: 0.5, margin_bytes: 30 * MIB, ..MemoryOptions::default() };
    let memory = DeviceMemory::new(backend.clone(), options).unwrap();
    assert_eq!(memory.budget_bytes(), 10 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let kept = pool.allocate(&Request::new(10 * MIB)).unwrap();
    assert_eq!((memory.left_bytes(), backend.blocks()), (0, 1));
    drop(kept);
    assert_eq!((memory.trim().unwrap(), backend.blocks()), (10 * MIB, 0));
}

#[test]
fn exhaustion_says_what_there_is() {
    let (_, memory) = whole(4 * MIB);
    let pool = memory.pool(PoolKind::Workspace);
    let _kept: Vec<_> = (0..3).map(|_| pool.allocate(&Request::new(MIB)).unwrap()).collect();
    let error = pool.allocate(&Request::new(2 * MIB)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fake: no 2097152 bytes in pool `workspace`: 3145728 bytes are in use, the largest free \
         range has 0, and it may have 4194304 in all"
    );
    assert_eq!(pool.statistics().refusals, 1);
    assert!(pool.allocate(&Request::new(u64::MAX)).is_err());
}

#[test]
fn a_device_that_has_less_than_the_budget_says_so() {
    let (backend, memory) = whole(8 * MIB);
    backend.set_foreign(6 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let error = pool.allocate(&Request::new(4 * MIB)).unwrap_err();
    let Error::Exhausted { source, .. } = error else { panic!("{error}") };
    assert_eq!(source, Some(Fault::OutOfMemory { requested_bytes: 4 * MIB }));
    // What fits is still had, although not with room to spare.
    assert!(pool.allocate(&Request::new(2 * MIB)).is_ok());
}

#[test]
fn a_fault_of_the_device_is_not_taken_for_exhaustion() {
    let (backend, memory) = whole(8 * MIB);
    let lost = Fault::Sticky { what: "illegal address".to_owned() };
    backend.fail_next(FakeCall::Reserve, lost.clone());
    let pool = memory.pool(PoolKind::Default);
    let error = pool.allocate(&Request::new(1)).unwrap_err();
    assert!(matches!(&error, Error::Device { source, .. } if *source == lost), "{error}");
}

#[test]
fn a_pool_keeps_to_its_own_limit() {
    let mut options = MemoryOptions { fraction: 1.0, growth_bytes: MIB, ..Default::default() };
    options.pool_mut(PoolKind::Shared).limit_bytes = Some(2 * MIB);
    let (_, memory) = with(8 * MIB, options);
    let pool = memory.pool(PoolKind::Shared);
    let _kept = pool.allocate(&Request::new(2 * MIB)).unwrap();
    assert!(matches!(
        pool.allocate(&Request::new(1)),
        Err(Error::Exhausted { limit_bytes: 0x20_0000, pool: "shared", .. })
    ));
    assert!(memory.pool(PoolKind::Default).allocate(&Request::new(6 * MIB)).is_ok());
}

#[test]
fn what_one_pool_does_not_need_another_gets() {
    let (_, memory) = whole(4 * MIB);
    drop(memory.pool(PoolKind::Workspace).allocate(&Request::new(4 * MIB)).unwrap());
    assert_eq!(memory.left_bytes(), 0);
    assert!(memory.pool(PoolKind::Persistent).allocate(&Request::new(3 * MIB)).is_ok());
}

#[test]
fn a_budget_taken_up_front_is_one_block() {
    let options = MemoryOptions { reserve: true, growth_bytes: MIB, ..MemoryOptions::default() };
    let (backend, memory) = with(10 * MIB, options);
    assert_eq!((backend.blocks(), memory.statistics().reserved_bytes), (1, 9 * MIB));
    let kept = memory.pool(PoolKind::Default).allocate(&Request::new(5 * MIB)).unwrap();
    let other = memory.pool(PoolKind::Persistent).allocate(&Request::new(4 * MIB)).unwrap();
    drop(kept);
    memory.trim().unwrap();
    assert_eq!((backend.blocks(), memory.left_bytes()), (1, 5 * MIB));
    drop(memory);
    assert_eq!(backend.blocks(), 1, "an allocation keeps what it lies in");
    drop(other);
    assert_eq!(backend.blocks(), 0);
}

#[test]
fn memory_freed_on_a_stream_is_its_own_again_at_once() {
    let (backend, memory) = whole(MIB);
    backend.hold(A);
    let pool = memory.pool(PoolKind::Default);
    for _ in 0..3 {
        drop(pool.allocate(&Request::new(MIB).on(A)).unwrap());
    }
    assert_eq!((backend.waits(), backend.open_events()), (vec![], 0));
}

#[test]
fn another_stream_gets_it_behind_an_event() {
    let (backend, memory) = whole(2 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let kept = pool.allocate(&Request::new(MIB).on(A)).unwrap();
    drop(pool.allocate(&Request::new(MIB).on(A)).unwrap());
    backend.hold(A);
    let borrowed = pool.allocate(&Request::new(MIB).on(B)).unwrap();
    assert_eq!(backend.waits(), [(B, A)]);
    assert_eq!(pool.statistics().borrowings, 1);
    // Given back, it is the first stream's only when the second has come so far.
    backend.hold(B);
    drop(borrowed);
    assert_eq!(pool.statistics().waiting_bytes, MIB);
    backend.finish(B);
    let again = pool.allocate(&Request::new(MIB).on(A)).unwrap();
    assert_eq!((backend.waits().len(), pool.statistics().waiting_bytes), (1, 0));
    drop((kept, again));
    assert_eq!(backend.open_events(), 0);
}

#[test]
fn memory_that_others_used_waits_for_them_or_is_ordered_behind_them() {
    let (backend, memory) = whole(MIB);
    let pool = memory.pool(PoolKind::Shared);
    let shared = pool.allocate(&Request::new(MIB).on(A)).unwrap();
    shared.use_on(B);
    shared.use_on(B);
    backend.hold(B);
    drop(shared);
    assert_eq!((pool.statistics().waiting_bytes, backend.open_events()), (MIB, 1));
    // There is no other memory, so the stream waits; the host does not.
    let _next = pool.allocate(&Request::new(MIB).on(A)).unwrap();
    assert_eq!((backend.waits(), backend.open_events()), (vec![(A, B)], 0));
}

#[test]
fn a_range_whose_last_use_cannot_be_known_is_never_used_again() {
    let (backend, memory) = whole(MIB);
    let pool = memory.pool(PoolKind::Default);
    let shared = pool.allocate(&Request::new(MIB).on(A)).unwrap();
    shared.use_on(B);
    backend.fail_next(FakeCall::Record, Fault::Operation { what: "no".to_owned() });
    drop(shared);
    assert!(pool.allocate(&Request::new(MIB).on(A)).is_err());
    assert_eq!(pool.statistics().waiting_bytes, MIB);
}

#[test]
fn defragmentation_moves_what_nobody_holds_and_frees_whole_regions() {
    for strategy in StrategyKind::ALL {
        let options = MemoryOptions { fraction: 1.0, growth_bytes: MIB, ..Default::default() };
        let (backend, memory) = with(64 * MIB, options.with_strategy(strategy));
        let pool = memory.pool(PoolKind::Default);
        let request = Request::new(MIB / 4).on(A);
        let mut all: Vec<_> = (0..64).map(|_| pool.allocate(&request).unwrap()).collect();
        // One of eight stays: holes everywhere.
        let mut index = 0;
        all.retain(|_| {
            index += 1;
            index % 8 == 0
        });
        let holder = all.pop().unwrap();
        let pinned = holder.pin();
        let address = pinned.address();
        let before = pool.statistics();
        let moved = pool.defragment(usize::MAX).unwrap();
        assert!(moved > 0 && moved <= all.len(), "{strategy:?}: {moved}");
        assert_eq!(backend.copied_bytes(), moved as u64 * MIB / 4);
        let after = pool.statistics();
        assert_eq!(after.allocated_bytes, before.allocated_bytes, "{strategy:?}");
        assert_eq!((pinned.address(), holder.pin().address()), (address, address));
        pool.trim().unwrap();
        // Seven quarters in as few regions as hold them, and the one that was held.
        let kept = pool.statistics().reserved_bytes;
        assert!(kept < before.reserved_bytes, "{strategy:?}: {kept}");
        assert_eq!(pool.defragment(usize::MAX).unwrap(), 0, "{strategy:?}");
    }
}

#[test]
fn what_is_shared_between_streams_is_not_moved() {
    let (_, memory) = whole(8 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let hole = pool.allocate(&Request::new(MIB / 2).on(A)).unwrap();
    let shared = pool.allocate(&Request::new(MIB / 2).on(A)).unwrap();
    shared.use_on(B);
    drop(hole);
    assert_eq!(pool.defragment(usize::MAX).unwrap(), 0);
}

#[test]
fn a_copy_that_fails_leaves_everything_where_it_was() {
    let (backend, memory) = whole(8 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let hole = pool.allocate(&Request::new(MIB / 2).on(A)).unwrap();
    let kept = pool.allocate(&Request::new(MIB / 2).on(A)).unwrap();
    drop(hole);
    let (address, before) = (kept.pin().address(), pool.statistics());
    backend.fail_next(FakeCall::Copy, Fault::Operation { what: "no".to_owned() });
    assert!(pool.defragment(usize::MAX).is_err());
    assert_eq!((kept.pin().address(), pool.statistics()), (address, before));
    assert_eq!(pool.defragment(usize::MAX).unwrap(), 1);
    assert_ne!(kept.pin().address(), address);
}

#[test]
fn what_was_not_given_back_is_told_at_the_end_and_on_demand() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let (_, memory) = whole(8 * MIB);
    let memory = memory.on_leak(move |live| sink.lock().unwrap().extend_from_slice(live));
    let old = memory.pool(PoolKind::Persistent);
    let old = old.allocate(&Request::new(100).tagged("weights")).unwrap();
    let pool = memory.pool(PoolKind::Default);
    let young = pool.allocate(&Request::new(200).tagged(format!("step {}", 7))).unwrap();
    assert_eq!(memory.live().len(), 2);
    drop(young);
    drop(memory);
    let told = told.lock().unwrap();
    let [live] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((live.pool, live.size_bytes), (PoolKind::Persistent, 100));
    assert!(live.to_string().starts_with("weights: 100 bytes in pool `persistent` for "));
    drop(old);
}

#[test]
fn alignment_beyond_a_granule_is_kept_through_a_move() {
    let (_, memory) = whole(8 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let hole = pool.allocate(&Request::new(MIB / 4)).unwrap();
    let aligned = pool.allocate(&Request::new(1000).aligned_to(60_000)).unwrap();
    assert_eq!(aligned.pin().address() % 65_536, 0);
    drop(hole);
    assert_eq!(pool.defragment(1).unwrap(), 1);
    assert_eq!(aligned.pin().address() % 65_536, 0);
}

#[test]
fn what_is_asked_of_a_pool_can_be_recorded() {
    let (_, memory) = whole(8 * MIB);
    let pool = memory.pool(PoolKind::Default);
    let before = pool.allocate(&Request::new(10)).unwrap();
    pool.start_recording();
    let first = pool.allocate(&Request::new(1000)).unwrap();
    let second = pool.allocate(&Request::new(2000)).unwrap();
    drop((before, first));
    let trace = pool.take_recording();
    assert_eq!(trace.to_string(), "allocate 0 1000\nallocate 1 2000\nfree 0\n");
    drop(second);
    assert!(pool.take_recording().events().is_empty());
}
