//! The mean return of many series at each date.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use rayon::prelude::*;

use super::panel::{Dates, RiskPanel};
use super::returns::of;
use crate::Tier;
use crate::cpu::dispatch::{Kernel, dispatch_doubles};
use crate::cpu::doubles::Doubles;
use crate::cpu::lanes::Lanes;

/// The dates of a task, whose sums stay in the first-level cache.
const TASK: usize = 512;

/// At each date the mean of the simple returns that there are, added up in the order of the series; NaN at a
/// date without one.
pub(super) fn date_means(tier: Tier, panel: &RiskPanel<'_>) -> Vec<f64> {
    let mut means = vec![0.0; panel.dates()];
    let tasks = means.par_chunks_mut(TASK).enumerate();
    tasks.for_each(|(task, sums)| {
        let mut steps = [0_i64; TASK + 1];
        let run = DateSums { panel, first: task * TASK, sums, steps: &mut steps };
        dispatch_doubles(tier, run);
        let mut count = 0;
        for (sum, step) in sums.iter_mut().zip(steps) {
            count += step;
            *sum /= count as f64;
        }
    });
    means
}

/// The sums of some dates.
struct DateSums<'a> {
    panel: &'a RiskPanel<'a>,
    /// The first of the dates.
    first: usize,
    sums: &'a mut [f64],
    /// By how much the number of returns changes from the date before to each.
    steps: &'a mut [i64; TASK + 1],
}

impl Kernel for DateSums<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { panel, first, sums, steps } = self;
        let end = first + sums.len();
        for place in 0..panel.series() {
            let path = panel.path(place);
            let returns = path.len().saturating_sub(1);
            match panel.dates_of(place) {
                Dates::From(begin) => {
                    let (from, to) = (first.max(begin), end.min(begin + returns));
                    if from < to {
                        steps[from - first] += 1;
                        steps[to - first] -= 1;
                        let path = &path[from - begin..=to - begin];
                        // SAFETY: `L` is available.
                        unsafe { add::<L::Doubles>(path, &mut sums[from - first..to - first]) };
                    }
                }
                Dates::Each(dates) => {
                    let from = dates.partition_point(|date| (*date as usize) < first);
                    let to = from + dates[from..].partition_point(|date| (*date as usize) < end);
                    for at in from..to {
                        let date = dates[at] as usize - first;
                        steps[date] += 1;
                        steps[date + 1] -= 1;
                        sums[date] += path[at + 1] / path[at] - 1.0;
                    }
                }
            }
        }
    }
}

/// Adds the returns of prices, of which there is one more, to sums.
#[inline(always)]
unsafe fn add<V: Doubles>(path: &[f64], sums: &mut [f64]) {
    let mut at = 0;
    // SAFETY: there is a price more than sums; the caller has the instructions of `V`.
    unsafe {
        while at + V::LANES <= sums.len() {
            let to = sums.as_mut_ptr().add(at);
            V::load(to).add(of(path.as_ptr().add(at))).store(to);
            at += V::LANES;
        }
        while at < sums.len() {
            let to = sums.as_mut_ptr().add(at);
            f64::load(to).add(of(path.as_ptr().add(at))).store(to);
            at += 1;
        }
    }
}
