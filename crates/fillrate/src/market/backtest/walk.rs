//! Sets chosen on one stretch of the past and tried on the next.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::BacktestOptions;
use super::grid::Grid;
use super::layout::Layout;
use super::on_device::SweepJob;
use super::performance::{Metric, Performance};
use super::prepared::Prepared;
use super::replay::{of_curve, replay_range, returns};
use super::strategy::{ParameterSet, Strategy};
use super::sweep::SymbolSweep;
use crate::market::date::Date;
use crate::market::device::Computer;
use crate::market::panel::{Panel, Series};
use crate::{Error, Result};

/// How the past is divided: `train` bars to choose a set on, the `test` bars after them to try it,
/// and so on, `test` bars further each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkForward {
    /// The known closes that a set is chosen on.
    pub train: usize,
    /// The known closes that it is tried on; the last fold has what is left.
    pub test: usize,
}

impl WalkForward {
    /// What is chosen on, fold by fold, of so many bars.
    pub(in crate::market) fn trains(self, bars: usize) -> Vec<Range<usize>> {
        let starts = (0..bars).step_by(self.test);
        let folds = starts.map(|start| start..start + self.train);
        folds.take_while(|train| train.end < bars).collect()
    }
}

impl FromStr for WalkForward {
    type Err = String;

    /// Reads `train=BARS,test=BARS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "expected train=BARS,test=BARS, as train=504,test=126".to_owned();
        let (mut train, mut test) = (None, None);
        for part in text.split(',') {
            let (name, bars) = part.split_once('=').ok_or_else(wanted)?;
            let place = match name.trim() {
                "train" => &mut train,
                "test" => &mut test,
                _ => return Err(wanted()),
            };
            *place = bars.trim().parse().ok().filter(|bars| *bars > 0);
        }
        match (train, test) {
            (Some(train @ 2..), Some(test)) => Ok(Self { train, test }),
            (Some(_), Some(_)) => Err("train: a set is chosen on at least 2 bars".to_owned()),
            _ => Err(wanted()),
        }
    }
}

/// What came of one fold, or of all folds of a symbol one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Fold {
    /// The symbol's place in the panel.
    pub symbol: usize,
    /// The fold, from 1; `None` for all of them together.
    pub number: Option<usize>,
    /// The first and the last date that the set was chosen on; `None` for all folds together.
    pub train: Option<[Date; 2]>,
    /// The first and the last date that it was tried on.
    pub test: [Date; 2],
    /// The set; `None` for all folds together.
    pub set: Option<ParameterSet>,
    /// The metric that chose the set, on the dates it was chosen on.
    pub train_value: Option<f64>,
    /// What it came to on the dates it was tried on.
    pub performance: Performance,
}

/// Walks through each symbol: the folds, and after them all of them together. A symbol that has no
/// bar after the first `train` has no record.
///
/// A fold's account opens at the last close that its set was chosen on; indicators go on over the
/// borders, and nothing rests on a later bar.
///
/// # Errors
///
/// As for [`super::sweep`](super::sweep()), where `combinations_max` counts each fold.
pub fn walk_forward(
    panel: &Panel,
    strategy: Strategy,
    grid: &Grid,
    options: &BacktestOptions,
    walk: WalkForward,
    by: Metric,
) -> Result<Vec<Fold>> {
    walk_forward_on(&Computer::processor(), panel, strategy, grid, options, walk, by)
}

/// The same, with the sets that are chosen from run where `computer` says.
///
/// # Errors
///
/// As for [`walk_forward`].
pub fn walk_forward_on(
    computer: &Computer<SweepJob>,
    panel: &Panel,
    strategy: Strategy,
    grid: &Grid,
    options: &BacktestOptions,
    walk: WalkForward,
    by: Metric,
) -> Result<Vec<Fold>> {
    options.check()?;
    if walk.train < 2 || walk.test == 0 {
        let message = format!("{walk:?} has no bars to choose on or none to try on");
        return Err(Error::Argument { name: "walk_forward", message });
    }
    let layout = Arc::new(Layout::new(strategy, grid, options.combinations_max)?);
    let mut folds = Vec::new();
    for symbol in 0..panel.len() {
        let series = panel.series(symbol);
        let sweep = Arc::new(SymbolSweep::new(&series, &layout, options)?);
        let trains = walk.trains(sweep.closes());
        let runs = u128::from(layout.len()) * trains.len() as u128;
        if runs > options.combinations_max.into() {
            let (sets, max) = (layout.len(), options.combinations_max);
            let message = format!(
                "{sets} parameter sets in {} folds are above the limit of {max} backtests",
                trains.len()
            );
            return Err(Error::Argument { name: "grid", message });
        }
        let chosen = choose(computer, &sweep, &trains, by)?;
        folds.extend(try_out(symbol, &series, strategy, options, walk, &trains, &chosen)?);
    }
    Ok(folds)
}

/// The best set of each fold and its figure; of equal ones the first.
fn choose(
    computer: &Computer<SweepJob>,
    sweep: &Arc<SymbolSweep>,
    trains: &[Range<usize>],
    by: Metric,
) -> Result<Vec<(ParameterSet, Option<f64>)>> {
    let mut chosen: Vec<Option<(ParameterSet, Option<f64>)>> = vec![None; trains.len()];
    if trains.is_empty() {
        return Ok(Vec::new());
    }
    for slab in sweep.slabs(trains.len()) {
        let job = SweepJob::new(sweep, slab.clone(), trains.to_vec())?;
        let performances = computer.run(job)?;
        for (set, folds) in sweep.sets(&slab).into_iter().zip(performances.chunks(trains.len())) {
            for (best, performance) in chosen.iter_mut().zip(folds) {
                let value = by.of(performance);
                if best.is_none_or(|(_, known)| by.order(value, known).is_lt()) {
                    *best = Some((set, value));
                }
            }
        }
    }
    Ok(chosen.into_iter().flatten().collect())
}

fn try_out(
    symbol: usize,
    series: &Series<'_>,
    strategy: Strategy,
    options: &BacktestOptions,
    walk: WalkForward,
    trains: &[Range<usize>],
    chosen: &[(ParameterSet, Option<f64>)],
) -> Result<Vec<Fold>> {
    let prepared = Prepared::of(series, options)?;
    let closes = prepared.close.len();
    let date = |close: usize| series.dates()[prepared.bars[close]];
    let mut folds = Vec::new();
    // Together the folds are one account, which opens at the first fold's last close to choose on.
    let (mut all_returns, mut all_held, mut all_trades) = (Vec::new(), vec![false], Vec::new());
    for (number, (train, (set, train_value))) in trains.iter().zip(chosen).enumerate() {
        let test = train.end..closes.min(train.end + walk.test);
        let range = test.start - 1..test.end;
        let replay = replay_range(&prepared, strategy, set, options, range)?;
        all_returns.extend(returns(&replay.equity));
        all_held.extend(&replay.held[1..]);
        all_trades.extend(replay.trades);
        folds.push(Fold {
            symbol,
            number: Some(number + 1),
            train: Some([date(train.start), date(train.end - 1)]),
            test: [date(test.start), date(test.end - 1)],
            set: Some(*set),
            train_value: *train_value,
            performance: replay.performance,
        });
    }
    if let (Some(first), Some(last)) = (folds.first(), folds.last()) {
        let test = [first.test[0], last.test[1]];
        let performance = of_curve(&all_returns, &all_held, &all_trades, options);
        let (number, train, set, train_value) = (None, None, None, None);
        folds.push(Fold { symbol, number, train, test, set, train_value, performance });
    }
    Ok(folds)
}
