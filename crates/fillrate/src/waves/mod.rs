//! Elliott waves: every impulse and correction of a price series, and what it is worth.
//!
//! ```
//! use fillrate::waves::{Bars, Form, Legs, PivotRule, Search, SearchOptions};
//!
//! let close = [12.0, 10.0, 14.0, 12.0, 18.5, 16.0, 20.0, 19.0];
//! let bars = Bars::new(&close, &close, &close, &close)?;
//! let legs = Legs::find(&bars, PivotRule::Fractal(1), false)?;
//! let search = Search::new(SearchOptions::default());
//! let all = search.all(&legs, None)?;
//! let impulse = all.iter().find(|hit| hit.form == Form::Impulse).unwrap();
//! assert_eq!(impulse.indices(), [1, 2, 3, 4, 5, 6]);
//! // The best three are the first three of all, found without visiting the others.
//! assert_eq!(search.top(&legs, 3, None), all[..3]);
//! let found = search.describe(&bars, impulse);
//! assert_eq!(found.rules[0].name, "wave2_retrace");
//! assert_eq!(found.rules[0].value, 0.5);
//! # Ok::<(), fillrate::Error>(())
//! ```
//!
//! # Definitions
//!
//! **Pivots.** A bar is a swing high of degree k if its high exceeds the highs of the k bars before
//! it and is not exceeded by those of the k bars after it; swing lows are mirrored. A bar with fewer
//! than k neighbours on a side is none, so the first and the last bar are pivots only if they are
//! asked to be. A bar can be a swing high and a swing low at once, but no pattern uses a bar twice:
//! indices rise strictly. See [`PivotRule`] for the causal zigzag.
//!
//! **Waves.** A wave up from a swing low at bar a to a swing high at bar b is valid when `low[a]` is
//! the lowest low and `high[b]` the highest high of the bars a..=b. Inside, a bar may touch either
//! price but not pass it. Waves down are mirrored. Lengths are differences of price; durations are
//! counted in bars, so that gaps between dates do not matter.
//!
//! **Patterns** are alternating pivots whose waves are all valid and which keep the rules below. The
//! direction of a pattern is that of its first wave; a zigzag that corrects a rise is `down`. What a
//! wave consists of is not asked: an outline 5-3-5 is a zigzag by its three waves.
//!
//! A wave whose start or end is passed on the way is not valid, so an expanded flat, a running flat,
//! a contracting triangle or a truncated impulse never spans a valid wave of the larger degree.
//! They are found as patterns all the same.
//!
//! # Rules
//!
//! The classic rules are those that Frost and Prechter call rules. Source: A. J. Frost and R. R.
//! Prechter, Elliott Wave Principle (10th edition, 2005), chapters 1 and 2, and the summary of rules
//! and guidelines in chapter 2.
//!
//! - *Impulse*: wave 2 retraces less than all of wave 1; wave 3 is not shorter than both 1 and 5
//!   (equal to the shorter is not shorter); wave 4 ends beyond the end of wave 1, touching it is
//!   entering its territory. Wave 5 need not pass wave 3: such an impulse is `truncated`.
//! - *Diagonals*: wave 2 retraces less than all of wave 1; wave 3 passes the end of wave 1; wave 4
//!   ends inside the territory of wave 1 and short of the end of wave 2. Contracting: waves 3 and 4
//!   are shorter than 1 and 2, wave 5 is shorter than 3, and the lines 1–3 and 2–4 converge.
//!   Expanding: longer, longer, longer, and they diverge. A leading diagonal's wave 5 passes wave 3,
//!   and so does an expanding ending one's; a contracting ending diagonal may be truncated. An
//!   outline alone cannot tell where in a trend it stands, so most leading diagonals are reported
//!   as ending ones too.
//! - *Zigzag*: B retraces less than all of A; C passes the end of A.
//! - *Flat*: B retraces at least 90 % of A. Regular: B does not pass the start of A, and C passes the
//!   end of A. Expanded: both are passed. Running: the start of A is passed, the end of A is not. B
//!   is less than twice A and C less than three times A: bounds that analysts add to keep the name's
//!   meaning, as in Frost and Prechter's guideline that B is usually 100 to 138 %, C 100 to 165 %.
//! - *Triangle*, contracting: no wave passes the end of the wave two before it, and the lines
//!   converge but meet only after wave D. B may pass the start of A (a running triangle), by half of
//!   A at most, which is the limit of the expanding kind. Expanding: C, D and E each pass the end of
//!   the wave two before, the lines diverge, and B, C and D retrace 100 to 150 %.
//!
//! The strict rules add the cut-offs of popular analysers, such as the open-source
//! `ElliottWaveAnalyzer`: for impulses wave 2 ≥ 20 % of wave 1 and longer than a ninth of its time,
//! wave 3 longer than wave 2, at least a third of wave 1 and longer than a seventh of its time,
//! wave 5 beyond wave 3 and shorter than twice wave 1; for zigzags B 0.35 to 0.618 and C 0.6 to 2.61
//! of A; for flats C 0.6 to 2.61 of A. [`RuleSet::from_toml`] reads others.
//!
//! # Score
//!
//! Guidelines reject nothing. The score is a weighted sum of four parts, each the mean of its terms,
//! each term in [0, 1]:
//!
//! - *fibonacci*: a length at its target is 1, one that misses it by a quarter or more is 0, linearly
//!   between. Impulse: wave 2 at 0.5 to 0.618 of 1; wave 3 at 1.618 or 2.618 of 1; wave 4 at 0.382
//!   of 3; wave 5 equal to 1 or 0.618 of the way from the start of 1 to the end of 3. Zigzag: B at
//!   0.382 to 0.786, C at 0.618, 1 or 1.618 of A. Flats: B at 1 or 1.236 to 1.382, C at 1 or 1.618.
//!   Diagonals: waves 2 and 4 at 0.66 to 0.81 of the wave before, waves 3 and 5 at 0.618 (1.618
//!   expanding) of the one before in their direction; triangles alike. Source: Frost and Prechter,
//!   chapter 4, and the guidelines of chapter 2.
//! - *rules*: the margin by which each rule is kept, in the rule's own unit, at most 1.
//! - *time*: durations near 0.382, 0.618, 1, 1.618 or 2.618 of an earlier wave's, by the same
//!   measure of nearness; which of them by wave. Frost and Prechter call time the weakest part of
//!   the theory; the targets are ours.
//! - *simplicity*: how few excuses the count needs. Impulse: waves 2 and 4 alternate in depth or
//!   time, wave 5 ends at the channel through 3 parallel to 2–4, waves 1 and 5 are equal, wave 5 is
//!   not truncated. Others: the last wave ends at its channel or boundary line.
//!
//! # Search
//!
//! [`Legs`] holds all valid waves in memory proportional to the pivots; the search visits chains of
//! them depth-first and leaves one only where that provably loses nothing. [`Search::top`] bounds
//! the score a beginning can still reach. The order of results is total, see [`Hit`].
//!
//! # Significance
//!
//! A long series always contains thousands of impulses. [`Significance`] searches surrogates of the
//! series in the same way and says how often chance does as well.

#![allow(
    clippy::float_cmp,
    reason = "prices are compared as they stand: that two are equal is part of the definitions"
)]

pub mod backtest;
mod bars;
mod extremes;
mod found;
mod guidelines;
mod legs;
mod measure;
mod nest;
mod pattern;
mod pivots;
mod rules;
mod scope;
mod score;
mod search;
mod significance;
mod steps;
mod surrogates;
mod table;

pub use bars::{BARS_MAX, Bars};
pub use found::{FibonacciTarget, Found, RuleValue};
pub use legs::{Legs, WAVES_MAX};
pub use nest::{NESTED_HITS_MAX, NestedCount, NestedHit};
pub use pattern::{Direction, Form, Pattern};
pub use pivots::{PivotRule, Pivots};
pub use rules::{Bounds, Rule, RuleSet};
pub use scope::{PreScoreWeights, Scope, ScopeOptions};
pub use score::{Part, Weights};
pub use search::{HITS_MAX, Hit, Search, SearchOptions};
pub use significance::{Significance, SignificanceOptions, benjamini_hochberg};
pub use surrogates::{SurrogateBars, SurrogateJob, SurrogateMethod, SurrogateRun, Surrogates};
pub use table::{Chance, Place, WaveColumns, WaveRecord};
