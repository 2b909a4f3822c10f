//! Weights found on one stretch of the past and held over the next.

use std::ops::Range;
use std::sync::Arc;

use fillrate_kernels::triangle;
use rayon::prelude::*;

use super::covariance::Matrix;
use super::on_device::PortfolioJob;
use super::sample::Sample;
use super::{Estimates, Portfolio, PortfolioOptions, check};
use crate::market::backtest::WalkForward;
use crate::market::date::Date;
use crate::market::device::Computer;
use crate::market::panel::Panel;
use crate::market::risk::{BARS_PER_YEAR, Drawdown};
use crate::{Error, Result};

/// The terms of the covariances of a job: enough work that a device's copies are small beside it, little
/// enough that a program may be stopped.
const JOB_TERMS: usize = 1 << 30;

/// The values of the covariances of a job: 256 MiB.
const JOB_VALUES: usize = 1 << 25;

/// What came of weights that were kept, put back to their parts at each date.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The number of returns.
    pub observations: usize,
    /// What was gained, as a share of what was put in.
    pub total_return: f64,
    /// The mean return, per bar.
    pub mean: f64,
    /// The standard deviation of the returns, which divides by n − 1; `None` of a single return.
    pub volatility: Option<f64>,
    /// The mean above the rate in deviations, × √252; `None` without a deviation.
    pub sharpe: Option<f64>,
    /// The deepest fall from the highest value before, as a positive fraction.
    pub max_drawdown: f64,
}

/// One fold, or all of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct PortfolioFold {
    /// The fold, from 1; `None` for all of them together.
    pub number: Option<usize>,
    /// The dates of the first and the last return that the weights rest on; `None` for all folds together.
    pub train: Option<[Date; 2]>,
    /// The dates of the first and the last return that they were held over.
    pub test: [Date; 2],
    /// The best portfolio of the dates that the weights rest on; `None` for all folds together.
    pub portfolio: Option<Portfolio>,
    /// What came of its weights afterwards.
    pub held: Held,
}

/// Walks through the panel: weights are found on `walk.train` returns, held over the `walk.test` returns
/// after them, and so on, `walk.test` returns further each time. The last fold has what is left, and after
/// it comes a record of all folds one after the other. No weight rests on a return that it is tried on.
///
/// # Errors
///
/// As for [`optimize`](super::optimize), naming the fold; if there is no return after the first
/// `walk.train`, `walk` has a length below 2 or 1, or turnover is limited, which a walk does not know of.
pub fn walk_forward(
    panel: &Panel,
    options: &PortfolioOptions,
    walk: WalkForward,
) -> Result<Vec<PortfolioFold>> {
    walk_forward_on(&Computer::processor(), panel, options, walk)
}

/// The same, with the covariances of many folds at once computed where `computer` says.
///
/// # Errors
///
/// As for [`walk_forward`].
pub fn walk_forward_on(
    computer: &Computer<PortfolioJob>,
    panel: &Panel,
    options: &PortfolioOptions,
    walk: WalkForward,
) -> Result<Vec<PortfolioFold>> {
    check(options)?;
    let refused = |name, message| Err(Error::Argument { name, message });
    if walk.train < 2 || walk.test == 0 {
        let message = format!("{walk:?} has no returns to rest on or none to be tried on");
        return refused("walk_forward", message);
    }
    if options.turnover.is_some() {
        let message = "a walk begins each fold anew: turnover cannot be limited".to_owned();
        return refused("turnover", message);
    }
    let sample = Arc::new(Sample::of(panel, options.column)?);
    let trains = walk.trains(sample.rows);
    if trains.is_empty() {
        let message =
            format!("{} common returns: none comes after the first {}", sample.rows, walk.train);
        return refused("walk_forward", message);
    }
    let values = triangle(sample.symbols.len());
    let windows_of_job =
        (JOB_TERMS / values.saturating_mul(walk.train)).min(JOB_VALUES / values).max(1);
    let mut folds = Vec::with_capacity(trains.len() + 1);
    let mut returns = Vec::new();
    for windows in trains.chunks(windows_of_job) {
        let first = folds.len() + 1;
        let covariances = options.covariance.estimate(computer, &sample, windows)?;
        let work: Vec<_> = windows.iter().zip(covariances).enumerate().collect();
        let tried: Vec<_> = work
            .into_par_iter()
            .map(|(place, (train, covariance))| {
                let test = train.end..sample.rows.min(train.end + walk.test);
                fold(first + place, &sample, [train.clone(), test], covariance, options)
            })
            .collect();
        for tried in tried {
            let (fold, of_fold) = tried?;
            folds.push(fold);
            returns.extend(of_fold);
        }
    }
    let begin = trains[0].end;
    let dates = &sample.dates[begin..];
    folds.push(PortfolioFold {
        number: None,
        train: None,
        test: [dates[1], dates[dates.len() - 1]],
        portfolio: None,
        held: held(dates, &returns, options),
    });
    Ok(folds)
}

/// One fold, and the returns of its weights over the rows they are tried on.
fn fold(
    number: usize,
    sample: &Sample,
    [train, test]: [Range<usize>; 2],
    covariance: Matrix,
    options: &PortfolioOptions,
) -> Result<(PortfolioFold, Vec<f64>)> {
    let dates = |rows: &Range<usize>| [sample.dates[rows.start + 1], sample.dates[rows.end]];
    let solve = || {
        let estimates = Estimates::new(Arc::new(sample.window(&train)), covariance, options)?;
        let solved = estimates.solve(&estimates.constraints(options)?, options)?;
        // A fold's own figures are few, and folds are many at once already.
        let mut all = estimates.portfolios(&Computer::processor(), vec![solved], options)?;
        Ok(all.swap_remove(0))
    };
    let portfolio: Portfolio = solve().map_err(|error| of_fold(error, number, dates(&train)))?;
    let mut returns = vec![0.0; test.len()];
    for (column, weight) in sample.columns().zip(&portfolio.weights) {
        for (sum, r) in returns.iter_mut().zip(&column[test.clone()]) {
            *sum += weight * r;
        }
    }
    let held = held(&sample.dates[test.start..=test.end], &returns, options);
    let (number, train, test) = (Some(number), Some(dates(&train)), dates(&test));
    Ok((PortfolioFold { number, train, test, portfolio: Some(portfolio), held }, returns))
}

/// An error with the fold that it is about.
fn of_fold(error: Error, number: usize, [from, to]: [Date; 2]) -> Error {
    match error {
        Error::Argument { name, message } => {
            let message = format!("fold {number}, {from} to {to}: {message}");
            Error::Argument { name, message }
        }
        other => other,
    }
}

/// The figures of returns, the first of which is from the first date to the second.
fn held(dates: &[Date], returns: &[f64], options: &PortfolioOptions) -> Held {
    let n = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / n;
    let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
    let volatility = (returns.len() > 1).then(|| (squares / (n - 1.0)).sqrt());
    let excess = mean - options.risk_free / BARS_PER_YEAR;
    let sharpe = volatility.filter(|deviation| *deviation > 0.0);
    Held {
        observations: returns.len(),
        total_return: returns.iter().map(|r| 1.0 + r).product::<f64>() - 1.0,
        mean,
        volatility,
        sharpe: sharpe.map(|deviation| excess / deviation * BARS_PER_YEAR.sqrt()),
        max_drawdown: Drawdown::of(dates[0], &dates[1..], returns).depth,
    }
}
