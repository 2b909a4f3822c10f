//! Backtests of eight parameter sets at once: the sets are lanes, the loop goes over the bars.
//!
//! What a strategy looks at (averages, bands) lies ready in series, each computed once however many
//! sets share it. The pass compares them, keeps one account per lane, and adds up what the metrics
//! are made of; no curve is stored. An account in its usual state (long or flat, no order) takes some
//! two dozen instructions a bar for all eight lanes. The returns of a bar held, entered or left are
//! the same for every set, so that they are computed once per series, in the [`Tape`].
//!
//! Every operation is one of [`Doubles`](super::doubles::Doubles), rounded once: a set's result is the
//! same to the bit on every tier and in every lane.

mod long;
mod long_short;
mod pass;
mod rule;
mod tape;

use std::ops::Range;

use self::long::Long;
use self::long_short::LongShort;
use self::pass::{Account, Pass};
use self::rule::{Bands, Crossing, Each, Outside, Rule, Same};
use super::dispatch::dispatch_doubles;
use crate::{Cpu, Error, Result};

pub use self::rule::{LaneSeries, SweepLine, SweepRule};
pub use self::tape::{OrderFill, Tape, TapeTerms};

/// The number of parameter sets of a pass.
pub const SWEEP_LANES: usize = 8;

/// A position that brings no more than this of what it took has come out even, and not gained: bought and
/// sold at one price without costs, rounding alone decides on which side of 1 it comes to lie.
pub const SWEEP_EVEN: f64 = 1.0 + 1e-12;

/// What an account may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Positions {
    /// Everything in the asset, or nothing: a sell signal closes the position.
    #[default]
    Long,
    /// Everything in the asset, nothing, or as much sold short: a sell signal turns the position.
    LongShort,
}

/// What a pass comes to, a value per lane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SweepTally {
    /// The account's value at the last close; it begins with 1.
    pub equity: [f64; SWEEP_LANES],
    /// Σ r, where r is the return from one close to the next less the rate.
    pub sum: [f64; SWEEP_LANES],
    /// Σ r².
    pub squares: [f64; SWEEP_LANES],
    /// Σ min(r, 0)².
    pub downside: [f64; SWEEP_LANES],
    /// The deepest fall from the highest value before, as a positive fraction.
    pub drawdown: [f64; SWEEP_LANES],
    /// The closes at which a position was held.
    pub held: [f64; SWEEP_LANES],
    /// The positions opened.
    pub trades: [f64; SWEEP_LANES],
    /// The positions closed again.
    pub closed: [f64; SWEEP_LANES],
    /// The positions closed with a gain after costs, above [`SWEEP_EVEN`].
    pub won: [f64; SWEEP_LANES],
}

impl Cpu {
    /// Runs eight accounts over `bars` of `tape`, each with the parameters of its lane.
    ///
    /// An account opens flat at the first close of the range, with a value of 1. At every close a
    /// rule may ask for a position; the order is filled at the next bar's fill price, or at the close
    /// itself, as the tape says, and waits where there is none. A position takes the whole account:
    /// long buys as many shares as it pays for with their costs, short sells as many as its value
    /// comes to. An account whose value is not above 0 at a close is closed and stays at 0.
    ///
    /// A rule knows the bars of the range only, while its lines may rest on earlier ones.
    ///
    /// # Errors
    ///
    /// If the range or a line of the rule does not fit the tape.
    pub fn sweep(
        &self,
        tape: &Tape,
        bars: Range<usize>,
        rule: &SweepRule<'_>,
        positions: Positions,
    ) -> Result<SweepTally> {
        use SweepLine::{Each as E, Same as S};

        if bars.start > bars.end || bars.end > tape.len() {
            let expected = format!("a range within {} bars", tape.len());
            return Err(Error::Shape { op: "sweep", expected, got: format!("{bars:?}") });
        }
        rule.check(tape.len())?;
        let job = Job { cpu: self, tape, bars, positions };
        Ok(match *rule {
            SweepRule::Crossing { fast: S(fast), slow: E(slow) } => {
                job.run(Crossing { fast: Same(fast), slow: Each(slow.values()) })
            }
            SweepRule::Crossing { fast: E(fast), slow: S(slow) } => {
                job.run(Crossing { fast: Each(fast.values()), slow: Same(slow) })
            }
            SweepRule::Outside { line: S(line), low, high } => {
                job.run(Outside { line: Same(line), low, high })
            }
            SweepRule::Outside { line: E(line), low, high } => {
                job.run(Outside { line: Each(line.values()), low, high })
            }
            SweepRule::Bands { middle: S(middle), deviation: S(deviation), width } => {
                let (middle, deviation) = (Same(middle), Same(deviation));
                job.run(Bands { close: tape.close(), middle, deviation, width })
            }
            SweepRule::Bands { middle: E(middle), deviation: E(deviation), width } => {
                let (middle, deviation) = (Each(middle.values()), Each(deviation.values()));
                job.run(Bands { close: tape.close(), middle, deviation, width })
            }
            // Each form is a loop for every tier and account, which compilers take their time for:
            // there are those that sweeps of a grid ask for.
            SweepRule::Crossing { .. } => {
                let expected = "one line for each lane, and the other for all".to_owned();
                let got = "both lines alike".to_owned();
                return Err(Error::Shape { op: "sweep", expected, got });
            }
            SweepRule::Bands { .. } => {
                let expected = "both lines for each lane, or both for all".to_owned();
                let got = "one of each".to_owned();
                return Err(Error::Shape { op: "sweep", expected, got });
            }
        })
    }
}

/// A pass that has its rule still to come.
struct Job<'a> {
    cpu: &'a Cpu,
    tape: &'a Tape,
    bars: Range<usize>,
    positions: Positions,
}

impl Job<'_> {
    fn run<R: Rule>(self, rule: R) -> SweepTally {
        match self.positions {
            Positions::Long => self.run_as::<R, Long>(rule),
            Positions::LongShort => self.run_as::<R, LongShort>(rule),
        }
    }

    fn run_as<R: Rule, A: Account>(self, rule: R) -> SweepTally {
        let mut tally = SweepTally::default();
        if self.bars.is_empty() {
            tally.equity = [1.0; SWEEP_LANES];
            return tally;
        }
        let Self { cpu, tape, bars, .. } = self;
        dispatch_doubles(cpu.tier(), Pass::<R, A>::new(tape, bars, rule, &mut tally));
        tally
    }
}
