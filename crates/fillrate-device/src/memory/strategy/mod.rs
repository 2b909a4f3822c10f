//! Where in a pool an allocation goes: five answers behind one small trait.
//!
//! A strategy knows numbers only. It hands out [`Span`]s of granules out of *regions* it is given,
//! and its bookkeeping lies apart from the memory it describes, which a host often cannot touch.

mod best_fit;
mod bins;
mod blocks;
mod buddy;
mod first_fit;
mod ranges;
mod segregated_fit;
mod slab;

use serde::Serialize;

use self::best_fit::BestFit;
use self::buddy::Buddy;
use self::first_fit::FirstFit;
use self::segregated_fit::SegregatedFit;
use self::slab::Slab;

/// The unit that memory is handed out in, in bytes, and what every address is a multiple of.
///
/// Source: CUDA C++ Programming Guide, "Device Memory Accesses": "any address of a variable …
/// returned by one of the memory allocation routines … is always aligned to at least 256 bytes".
pub const GRANULE_BYTES: u64 = 256;

/// The granules that hold `size_bytes`: at least one. `None` if there are more than a span can
/// have (a tebibyte).
#[must_use]
pub fn granules(size_bytes: u64) -> Option<u32> {
    u32::try_from(size_bytes.div_ceil(GRANULE_BYTES).max(1)).ok()
}

/// A range of granules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first granule.
    pub start: u32,
    /// How many there are.
    pub len: u32,
}

impl Span {
    /// The granule after the last.
    #[must_use]
    pub fn end(self) -> u32 {
        self.start + self.len
    }
}

/// An allocated range and the strategy's own name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What is allocated: at least what was asked for.
    pub span: Span,
    /// The strategy's own; not every one needs it.
    pub token: u32,
}

/// A way to choose where allocations go.
///
/// Regions neither overlap nor touch, so that no allocation spans two. What [`allocate`] returns
/// overlaps nothing that is in use; [`free`] makes it whole with the free ranges beside it, and may
/// be given each placement once.
///
/// [`allocate`]: Strategy::allocate
/// [`free`]: Strategy::free
pub trait Strategy: Send {
    /// Adds a free region.
    fn add_region(&mut self, region: Span);

    /// Takes a region away, as it was added. Returns whether it could: nothing in it may be in use.
    fn remove_region(&mut self, region: Span) -> bool;

    /// Finds `len` granules, at least 1.
    fn allocate(&mut self, len: u32) -> Option<Placement>;

    /// Finds `len` granules that end at or before `end`, as low as can be found: for the pass that
    /// closes holes, which may take time.
    fn allocate_below(&mut self, len: u32, end: u32) -> Option<Placement>;

    /// Takes a placement back.
    fn free(&mut self, placement: Placement);

    /// Free granules.
    fn free_len(&self) -> u64;

    /// The granules of the largest allocation that would succeed, or 0.
    fn largest_free(&self) -> u32;

    /// Every free range, in no order.
    fn free_spans(&self) -> Vec<Span>;
}

/// The strategies by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    /// Free ranges in bins by size, found through bitmaps: a call takes constant time unless the
    /// alternative is to fail, for 18 bytes of host memory to 64 granules.
    #[default]
    SegregatedFit,
    /// The lowest free range that is long enough.
    FirstFit,
    /// The shortest free range that is long enough.
    BestFit,
    /// Blocks of powers of two.
    Buddy,
    /// Small requests in runs of equal slots, large ones by segregated fit.
    Slab,
}

impl StrategyKind {
    /// Every strategy.
    pub const ALL: [Self; 5] =
        [Self::SegregatedFit, Self::FirstFit, Self::BestFit, Self::Buddy, Self::Slab];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SegregatedFit => "segregated-fit",
            Self::FirstFit => "first-fit",
            Self::BestFit => "best-fit",
            Self::Buddy => "buddy",
            Self::Slab => "slab",
        }
    }

    /// A strategy without regions.
    #[must_use]
    pub fn build(self) -> Box<dyn Strategy> {
        match self {
            Self::SegregatedFit => Box::new(SegregatedFit::default()),
            Self::FirstFit => Box::new(FirstFit::default()),
            Self::BestFit => Box::new(BestFit::default()),
            Self::Buddy => Box::new(Buddy::default()),
            Self::Slab => Box::new(Slab::default()),
        }
    }
}
