//! Accounts that are long, flat or short.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::SWEEP_EVEN;
use super::pass::{Account, Sums, Wanted};
use super::tape::Tape;
use crate::cpu::doubles::Compare;

pub(super) struct LongShort;

#[derive(Clone, Copy)]
pub(super) struct LongShortAccounts<V: Compare> {
    cash: V,
    /// Below 0 where shares were sold short.
    shares: V,
    long: V::Mask,
    short: V::Mask,
    /// What the account must come to for a position to have gained, by its value before.
    even: V,
    /// The account's value at the last close.
    equity: V,
    /// The accounts that have come to 0.
    ruined: V::Mask,
}

impl Account for LongShort {
    type Of<V: Compare> = LongShortAccounts<V>;

    #[inline(always)]
    unsafe fn open<V: Compare>() -> LongShortAccounts<V> {
        // SAFETY: the trait's contract.
        unsafe {
            let (one, nowhere) = (V::splat(1.0), V::nowhere());
            LongShortAccounts {
                cash: one,
                shares: V::splat(0.0),
                long: nowhere,
                short: nowhere,
                even: one,
                equity: one,
                ruined: nowhere,
            }
        }
    }

    #[inline(always)]
    unsafe fn bar<V: Compare>(
        accounts: &mut LongShortAccounts<V>,
        tape: &Tape,
        at: usize,
        wanted: &mut Wanted<V>,
        sums: &mut Sums<V>,
    ) -> (V, V, V::Mask) {
        // SAFETY: the trait's contract; every column of the tape has its length.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            wanted.long = V::without(wanted.long, accounts.ruined);
            wanted.short = V::without(wanted.short, accounts.ruined);
            accounts.fill(tape, at, *wanted, sums);
            let before = accounts.equity;
            let close = V::splat(*tape.close.get_unchecked(at));
            let value = accounts.cash.add(accounts.shares.mul(close));
            let alive = value.above(zero);
            let held = V::either(accounts.long, accounts.short);
            let newly_ruined = V::without(V::without(held, alive), accounts.ruined);
            if V::any(newly_ruined) {
                accounts.close_out(newly_ruined);
            }
            let equity = V::select(alive, value, zero);
            let idle = V::splat(-tape.terms.rate);
            // What is nothing stays nothing: its return is that of idle cash.
            let had = before.above(zero);
            let r = equity.div(V::select(had, before, one)).sub(one).add(idle);
            accounts.equity = equity;
            (equity, V::select(had, r, idle), V::either(accounts.long, accounts.short))
        }
    }
}

impl<V: Compare> LongShortAccounts<V> {
    /// Turns positions into those wanted, if the bar has a price for it.
    #[inline(always)]
    unsafe fn fill(&mut self, tape: &Tape, at: usize, wanted: Wanted<V>, sums: &mut Sums<V>) {
        // SAFETY: the trait's contract.
        unsafe {
            let (zero, one) = (V::splat(0.0), V::splat(1.0));
            let entered_long = V::without(wanted.long, self.long);
            let entered_short = V::without(wanted.short, self.short);
            let left_long = V::without(self.long, wanted.long);
            let left_short = V::without(self.short, wanted.short);
            let entered = V::either(entered_long, entered_short);
            let left = V::either(left_long, left_short);
            let buy = *tape.buy.get_unchecked(at);
            if !V::any(V::either(entered, left)) || buy.is_nan() {
                return;
            }
            let sold = self.shares.mul(V::splat(*tape.sell.get_unchecked(at)));
            let cover = V::splat(*tape.cover.get_unchecked(at));
            let covered = self.cash.add(self.shares.mul(cover)).max(zero);
            let mut cash = V::select(left_long, sold, self.cash);
            cash = V::select(left_short, covered, cash);
            let mut shares = V::select(left, zero, self.shares);
            let won = V::both(left, cash.above(self.even));
            sums.won = V::select(won, sums.won.add(one), sums.won);
            // An account that bought back for all it had has nothing to open a position with.
            let able = cash.above(zero);
            self.ruined = V::either(self.ruined, V::without(left, able));
            let (entered_long, entered_short) =
                (V::both(entered_long, able), V::both(entered_short, able));
            let entered = V::either(entered_long, entered_short);
            sums.trades = V::select(entered, sums.trades.add(one), sums.trades);
            self.even = V::select(entered, cash.mul(V::splat(SWEEP_EVEN)), self.even);
            let bought = cash.mul(V::splat(buy));
            let owed = zero.sub(cash.mul(V::splat(*tape.short.get_unchecked(at))));
            shares = V::select(entered_long, bought, shares);
            shares = V::select(entered_short, owed, shares);
            // A short sale brings the account's value again, less the fee.
            let doubled = cash.mul(V::splat(2.0 - tape.terms.fee));
            cash = V::select(entered_short, doubled, V::select(entered_long, zero, cash));
            self.long = V::either(V::without(self.long, left_long), entered_long);
            self.short = V::either(V::without(self.short, left_short), entered_short);
            (self.cash, self.shares) = (cash, shares);
        }
    }

    /// Ends accounts that are worth nothing.
    #[inline(always)]
    unsafe fn close_out(&mut self, ruined: V::Mask) {
        // SAFETY: the trait's contract.
        unsafe {
            let zero = V::splat(0.0);
            self.cash = V::select(ruined, zero, self.cash);
            self.shares = V::select(ruined, zero, self.shares);
            self.long = V::without(self.long, ruined);
            self.short = V::without(self.short, ruined);
            self.ruined = V::either(self.ruined, ruined);
        }
    }
}
