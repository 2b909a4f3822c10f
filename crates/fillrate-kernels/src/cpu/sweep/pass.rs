//! The loop over the bars.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use std::marker::PhantomData;
use std::ops::Range;

use super::rule::Rule;
use super::tape::{OrderFill, Tape};
use super::{SWEEP_LANES, SweepTally};
use crate::cpu::dispatch::Kernel;
use crate::cpu::doubles::{Compare, Doubles};
use crate::cpu::lanes::Lanes;

/// The positions that the lanes are to have.
#[derive(Clone, Copy)]
pub(super) struct Wanted<V: Compare> {
    pub(super) long: V::Mask,
    pub(super) short: V::Mask,
}

/// What a pass adds up.
#[derive(Clone, Copy)]
pub(super) struct Sums<V> {
    sum: V,
    squares: V,
    downside: V,
    peak: V,
    /// What of the peak was left at the deepest fall, and that fall.
    left: V,
    drawdown: V,
    pub(super) trades: V,
    pub(super) won: V,
    held: V,
}

/// The accounts of all lanes.
///
/// # Safety
///
/// The caller has the instructions of `V`, and `at` is a bar of the tape other than its first.
pub(super) trait Account {
    type Of<V: Compare>: Copy;

    /// Accounts of 1 that hold nothing.
    unsafe fn open<V: Compare>() -> Self::Of<V>;

    /// Fills the orders of a bar, if they can be filled, and marks the accounts at its close: their
    /// value, the bar's return less the rate, and where a position is held.
    unsafe fn bar<V: Compare>(
        accounts: &mut Self::Of<V>,
        tape: &Tape,
        at: usize,
        wanted: &mut Wanted<V>,
        sums: &mut Sums<V>,
    ) -> (V, V, V::Mask);
}

/// A rule over a range of bars.
pub(super) struct Pass<'a, R, A> {
    tape: &'a Tape,
    /// Not empty, and within the tape and every line of the rule.
    bars: Range<usize>,
    rule: R,
    tally: &'a mut SweepTally,
    of: PhantomData<A>,
}

impl<'a, R: Rule, A: Account> Pass<'a, R, A> {
    pub(super) fn new(
        tape: &'a Tape,
        bars: Range<usize>,
        rule: R,
        tally: &'a mut SweepTally,
    ) -> Self {
        Self { tape, bars, rule, tally, of: PhantomData }
    }
}

impl<R: Rule, A: Account> Kernel for Pass<'_, R, A> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { tape, bars, rule, tally, .. } = self;
        // SAFETY: every bar is one of the tape and of the rule's lines, as was checked; `L` is
        // available.
        unsafe {
            let mut accounts = A::open::<L::Doubles>();
            let mut sums = Sums::<L::Doubles>::new();
            let mut sides = Sides::<L::Doubles>::new();
            let mut last = (L::Doubles::splat(1.0), L::Doubles::nowhere());
            let delay = match tape.terms.fill {
                OrderFill::NextOpen => 1,
                OrderFill::Close => {
                    // What is seen at the close that opens the account moves nothing yet.
                    sides.look(rule, bars.start);
                    sides.wanted = Wanted::nothing();
                    0
                }
            };
            for at in bars.start + 1..bars.end {
                sides.look(rule, at - delay);
                let (equity, r, held) =
                    A::bar(&mut accounts, tape, at, &mut sides.wanted, &mut sums);
                sums.add(equity, r, held);
                last = (equity, held);
            }
            sums.store(last, tally);
        }
    }
}

impl<V: Compare> Wanted<V> {
    #[inline(always)]
    unsafe fn nothing() -> Self {
        // SAFETY: the caller has the instructions.
        unsafe { Self { long: V::nowhere(), short: V::nowhere() } }
    }
}

/// What the lanes have seen of their rule.
struct Sides<V: Compare> {
    wanted: Wanted<V>,
    /// The lanes that have been on the side to buy, and on the side to sell.
    bought: V::Mask,
    sold: V::Mask,
}

// SAFETY (of every block below): the caller has the instructions and names a checked bar.

impl<V: Compare> Sides<V> {
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: see above.
        unsafe { Self { wanted: Wanted::nothing(), bought: V::nowhere(), sold: V::nowhere() } }
    }

    /// Lets the rule decide at a bar.
    #[inline(always)]
    unsafe fn look<R: Rule>(&mut self, rule: R, at: usize) {
        // SAFETY: see above.
        unsafe {
            let [buy, sell] = rule.sides::<V>(at);
            let (mut to_long, mut to_short) = (buy, sell);
            if R::CROSSES {
                // A lane that is where it has always been has not crossed. What it wants was decided
                // when it came there.
                self.bought = V::either(self.bought, buy);
                self.sold = V::either(self.sold, sell);
                to_long = V::both(buy, self.sold);
                to_short = V::both(sell, self.bought);
            }
            let Wanted { long, short } = self.wanted;
            self.wanted.long = V::without(V::either(long, to_long), sell);
            self.wanted.short = V::without(V::either(short, to_short), buy);
        }
    }
}

impl<V: Compare> Sums<V> {
    #[inline(always)]
    unsafe fn new() -> Self {
        // SAFETY: see above.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            Self {
                sum: zero,
                squares: zero,
                downside: zero,
                peak: one,
                left: one,
                drawdown: zero,
                trades: zero,
                won: zero,
                held: zero,
            }
        }
    }

    /// Takes a bar.
    #[inline(always)]
    unsafe fn add(&mut self, equity: V, r: V, held: V::Mask) {
        // SAFETY: see above.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            self.sum = self.sum.add(r);
            self.squares = self.squares.add(r.mul(r));
            let loss = r.min(zero);
            self.downside = self.downside.add(loss.mul(loss));
            self.held = self.held.add(V::select(held, one, zero));
            self.peak = equity.max(self.peak);
            // A division a bar would take longer than all the rest, and few falls are the deepest.
            let deeper = self.peak.mul(self.left).above(equity);
            if V::any(deeper) {
                // Lanes beside one that falls deeper stay as they are, so that no lane's last bit depends
                // on another's.
                let fall = one.sub(equity.div(self.peak)).max(self.drawdown);
                self.drawdown = V::select(deeper, fall, self.drawdown);
                self.left = one.sub(self.drawdown);
            }
        }
    }

    #[inline(always)]
    unsafe fn store(&self, (equity, held): (V, V::Mask), tally: &mut SweepTally) {
        const { assert!(V::LANES == SWEEP_LANES) };
        // SAFETY: see above; every array of the tally has a value for each lane.
        unsafe {
            let still_open = V::select(held, V::splat(1.0), V::splat(0.0));
            equity.store(tally.equity.as_mut_ptr());
            self.sum.store(tally.sum.as_mut_ptr());
            self.squares.store(tally.squares.as_mut_ptr());
            self.downside.store(tally.downside.as_mut_ptr());
            self.drawdown.store(tally.drawdown.as_mut_ptr());
            self.held.store(tally.held.as_mut_ptr());
            self.trades.store(tally.trades.as_mut_ptr());
            self.trades.sub(still_open).store(tally.closed.as_mut_ptr());
            self.won.store(tally.won.as_mut_ptr());
        }
    }
}
