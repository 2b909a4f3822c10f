//! Paths of prices, as plainly as they can be said: one after the other, with the standard library's
//! functions.

use crate::{BasketTerms, HestonTerms, MertonTerms, PathGrid, PathModel};

/// The standard normal number of a path at a step.
fn normal(grid: &PathGrid, path: u64, step: u32, stream: u32) -> f64 {
    let number = grid.philox.normals(path, step / 2, stream)[(step % 2) as usize];
    if grid.mirrored { -number } else { number }
}

/// The uniform number of a path at a step.
fn uniform(grid: &PathGrid, path: u64, step: u32, stream: u32) -> f64 {
    let number = grid.philox.uniforms(path, step / 2, stream)[(step % 2) as usize];
    if grid.mirrored { 1.0 - number } else { number }
}

/// [`crate::Cpu::path_rows`] of the path `path`: its prices, `[steps]`.
#[must_use]
pub fn path(model: &PathModel, grid: &PathGrid, path: u64) -> Vec<f64> {
    let logs = match model {
        PathModel::GeometricBrownian { drift, vol } => brownian(*drift, *vol, grid, path),
        PathModel::Merton(terms) => merton(terms, grid, path),
        PathModel::Heston(terms) => heston(terms, grid, path),
    };
    logs.into_iter().map(|log| grid.spot * log.exp()).collect()
}

fn brownian(drift: f64, vol: f64, grid: &PathGrid, path: u64) -> Vec<f64> {
    let mut log = 0.0;
    let step = |step| {
        let moved = vol * grid.step_years.sqrt() * normal(grid, path, step, 0);
        log += (drift - 0.5 * vol * vol) * grid.step_years + moved;
        log
    };
    (0..grid.steps).map(step).collect()
}

fn merton(terms: &MertonTerms, grid: &PathGrid, path: u64) -> Vec<f64> {
    let MertonTerms { drift, vol, jumps_per_year, jump_mean, jump_vol } = *terms;
    let growth = (jump_mean + 0.5 * jump_vol * jump_vol).exp() - 1.0;
    let expected = jumps_per_year * grid.step_years;
    let mut log = 0.0;
    let step = |step| {
        let u = uniform(grid, path, step, 1);
        let (mut jumps, mut term) = (0.0, (-expected).exp());
        let mut at_most = term;
        while u > at_most && jumps < 40.0 {
            jumps += 1.0;
            term *= expected / jumps;
            at_most += term;
        }
        log += (drift - 0.5 * vol * vol - jumps_per_year * growth) * grid.step_years;
        log += vol * grid.step_years.sqrt() * normal(grid, path, step, 0);
        log += jumps * jump_mean + f64::sqrt(jumps) * jump_vol * normal(grid, path, step, 2);
        log
    };
    (0..grid.steps).map(step).collect()
}

fn heston(terms: &HestonTerms, grid: &PathGrid, path: u64) -> Vec<f64> {
    let HestonTerms { drift, variance, reversion, variance_mean, variance_vol, correlation } =
        *terms;
    let years = grid.step_years;
    let (mut log, mut variance) = (0.0, variance);
    let step = |step| {
        let (first, second) = (normal(grid, path, step, 0), normal(grid, path, step, 1));
        let other = correlation * first + (1.0 - correlation * correlation).sqrt() * second;
        let positive = f64::max(variance, 0.0);
        log += (drift - 0.5 * positive) * years + (positive * years).sqrt() * first;
        variance += reversion * (variance_mean - positive) * years;
        variance += variance_vol * (positive * years).sqrt() * other;
        log
    };
    (0..grid.steps).map(step).collect()
}

/// [`crate::Cpu::basket_rows`] of the path `path`: the basket's worth, `[steps]`.
#[must_use]
pub fn basket(terms: &BasketTerms<'_>, grid: &PathGrid, path: u64) -> Vec<f64> {
    let assets = terms.worth.len();
    let mut logs = vec![0.0; assets];
    let step = |step| {
        let numbers: Vec<f64> =
            (0..assets).map(|asset| normal(grid, path, step, asset as u32)).collect();
        for (asset, log) in logs.iter_mut().enumerate() {
            let row = &terms.mixing[asset * assets..][..=asset];
            let mixed: f64 = row.iter().zip(&numbers).map(|(l, z)| l * z).sum();
            let (drift, vol) = (terms.drift[asset], terms.vol[asset]);
            *log += (drift - 0.5 * vol * vol) * grid.step_years;
            *log += vol * grid.step_years.sqrt() * mixed;
        }
        logs.iter().zip(terms.worth).map(|(log, worth)| worth * f64::exp(*log)).sum()
    };
    (0..grid.steps).map(step).collect()
}

/// [`crate::Cpu::path_averages`] of the path `path`.
#[must_use]
pub fn averages(model: [f64; 2], grid: &PathGrid, path: u64) -> [f64; 2] {
    let logs = brownian(model[0], model[1], grid, path);
    let count = f64::from(grid.steps);
    let ratios: f64 = logs.iter().map(|log| log.exp()).sum();
    [ratios / count, (logs.iter().sum::<f64>() / count).exp()]
}

/// [`crate::Cpu::path_bridges`] of the path `path`.
#[must_use]
pub fn bridge(
    [drift, vol]: [f64; 2],
    grid: &PathGrid,
    barrier: &crate::PathBarrier,
    path: u64,
) -> [f64; 3] {
    let level = (barrier.level / grid.spot).ln();
    let (mut alive, mut touch, mut before) = (1.0, 0.0, 0.0);
    let logs = brownian(drift, vol, grid, path);
    for (step, after) in logs.iter().enumerate() {
        let is_lost = |x: f64| if barrier.is_down { x <= level } else { x >= level };
        let product = (before - level) * (after - level);
        let chance = if is_lost(before) || is_lost(*after) {
            1.0
        } else {
            (-2.0 * product / (vol * vol * grid.step_years)).exp()
        };
        let moment = (step as f64 + 0.5) * grid.step_years;
        touch += alive * chance * (-barrier.rate * moment).exp();
        alive *= 1.0 - chance;
        before = *after;
    }
    [grid.spot * before.exp(), alive, touch]
}
