//! Accounts that are long or flat.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::SWEEP_EVEN;
use super::pass::{Account, Sums, Wanted};
use super::tape::Tape;
use crate::cpu::doubles::Compare;

pub(super) struct Long;

#[derive(Clone, Copy)]
pub(super) struct LongAccounts<V: Compare> {
    /// Shares where a position is held, else cash: an account never has both.
    units: V,
    held: V::Mask,
    /// What a position must bring to have gained, by the cash that it was bought with.
    even: V,
}

impl Account for Long {
    type Of<V: Compare> = LongAccounts<V>;

    #[inline(always)]
    unsafe fn open<V: Compare>() -> LongAccounts<V> {
        // SAFETY: the trait's contract.
        unsafe { LongAccounts { units: V::splat(1.0), held: V::nowhere(), even: V::splat(1.0) } }
    }

    #[inline(always)]
    unsafe fn bar<V: Compare>(
        accounts: &mut LongAccounts<V>,
        tape: &Tape,
        at: usize,
        wanted: &mut Wanted<V>,
        sums: &mut Sums<V>,
    ) -> (V, V, V::Mask) {
        // SAFETY: the trait's contract; every column of the tape has its length.
        unsafe {
            let one = V::splat(1.0);
            let held_before = accounts.held;
            let entered = V::without(wanted.long, held_before);
            let left = V::without(held_before, wanted.long);
            let mut r = V::select(
                held_before,
                V::splat(*tape.hold.get_unchecked(at)),
                V::splat(-tape.terms.rate),
            );
            let buy = *tape.buy.get_unchecked(at);
            // Some bar in twenty has an order, and a missing price lets it wait.
            if V::any(V::either(entered, left)) && !buy.is_nan() {
                let before = accounts.units;
                let bought = before.mul(V::splat(buy));
                let sold = before.mul(V::splat(*tape.sell.get_unchecked(at)));
                accounts.units = V::select(left, sold, V::select(entered, bought, before));
                let even = before.mul(V::splat(SWEEP_EVEN));
                accounts.even = V::select(entered, even, accounts.even);
                let won = V::both(left, sold.above(accounts.even));
                sums.won = V::select(won, sums.won.add(one), sums.won);
                sums.trades = V::select(entered, sums.trades.add(one), sums.trades);
                r = V::select(entered, V::splat(*tape.enter.get_unchecked(at)), r);
                r = V::select(left, V::splat(*tape.leave.get_unchecked(at)), r);
                accounts.held = wanted.long;
            }
            let value = accounts.units.mul(V::splat(*tape.close.get_unchecked(at)));
            let equity = V::select(accounts.held, value, accounts.units);
            (equity, r, accounts.held)
        }
    }
}
