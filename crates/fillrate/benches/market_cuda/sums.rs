//! Sums over returns, and products of matrices.

use std::ops::Range;

use fillrate::market::Philox;
use fillrate::market::device::{Job, MarketDevice, MatmulJob, MatmulShape, MatmulValue};
use fillrate_kernels::cuda::{
    Accelerator, CudaPrices, CudaProducts, DeviceDates, DeviceReturns, Layout, Memory, Program,
};
use fillrate_kernels::{CovarianceSum, Cpu, ReturnTable, triangle};
use serde_json::{Value, json};

use super::{SYMBOLS, bits, median_s};

/// A panel's worth of returns, in windows of two years that begin a month apart, and portfolios of it.
const RETURN_DATES: usize = 2520;
const WINDOW_DATES: usize = 504;
const WINDOW_STEP: usize = 21;
const PORTFOLIOS: usize = 1000;
/// The sides of square matrices.
const SIDE: usize = 4096;

/// Returns `[symbols, dates]` and weights `[portfolios, symbols]`.
fn returns_and_weights() -> [Vec<f64>; 2] {
    let philox = Philox::new(5);
    let count = (SYMBOLS * RETURN_DATES) as u64;
    let returns = (0..count).map(|place| 0.01 * philox.normals(place, 0, 0)[0]).collect();
    let count = (PORTFOLIOS * SYMBOLS) as u64;
    let weight = |place| philox.uniforms(place, 1, 0)[0] / SYMBOLS as f64;
    [returns, (0..count).map(weight).collect()]
}

/// Covariances of windows, and the returns of many portfolios.
pub(crate) fn sums_over_returns(accelerator: &dyn Accelerator) -> [Value; 2] {
    let [values, weights] = returns_and_weights();
    let table = ReturnTable::new(&values, SYMBOLS, RETURN_DATES).unwrap();
    let firsts = (0..=RETURN_DATES - WINDOW_DATES).step_by(WINDOW_STEP);
    let windows: Vec<Range<usize>> = firsts.map(|first| first..first + WINDOW_DATES).collect();
    let bounds = DeviceDates::bounds(&windows);
    let sizes = [windows.len() * triangle(SYMBOLS), PORTFOLIOS * RETURN_DATES];
    let prices = CudaPrices::new(accelerator.queue(Program::Prices).unwrap()).unwrap();
    let scratch = CudaPrices::covariance_scratch_bytes(SYMBOLS, windows.len(), WINDOW_DATES);
    let mut layout = Layout::default();
    let spans = [
        values.len() * 8,
        bounds.len() * 8,
        weights.len() * 8,
        scratch,
        8 * sizes[0],
        8 * sizes[1],
    ]
    .map(|bytes| layout.reserve(bytes));
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let [values_at, bounds_at, weights_at, scratch, covariances_at, returns_at] =
        spans.map(|span| span.at(region.address()));
    let returns = DeviceReturns { values: values_at, symbols: SYMBOLS, dates: RETURN_DATES };
    let dates = DeviceDates { bounds: bounds_at, windows: windows.len(), longest: WINDOW_DATES };
    let sum = CovarianceSum::Centred { less: 1 };
    let covariances =
        || prices.covariances(&returns, &dates, sum, covariances_at, scratch).unwrap();
    let portfolios =
        || prices.portfolio_returns(&returns, weights_at, PORTFOLIOS, returns_at).unwrap();
    let queue = prices.queue();
    let upload = |to, bytes: &[u8]| queue.upload(to, bytes).unwrap();
    let mut found = sizes.map(|size| vec![0.0; size]);
    let mut twin = sizes.map(|size| vec![0.0; size]);
    let mut measure = |which: usize, name: &str, terms: f64, launch: &dyn Fn()| {
        let from = [covariances_at, returns_at][which];
        let mut all = || {
            upload(values_at, bytemuck::cast_slice(&values));
            match which {
                0 => upload(bounds_at, bytemuck::cast_slice(&bounds)),
                _ => upload(weights_at, bytemuck::cast_slice(&weights)),
            }
            launch();
            queue.download(from, bytemuck::cast_slice_mut(&mut found[which])).unwrap();
        };
        let end_to_end_s = median_s(&mut all);
        let resident_s = median_s(|| {
            launch();
            queue.synchronize().unwrap();
        });
        let twin = &mut twin[which];
        let processor_s = median_s(|| match which {
            0 => Cpu::detect().covariances(&table, &windows, sum, twin).unwrap(),
            _ => Cpu::detect().portfolio_returns(&table, &weights, twin).unwrap(),
        });
        assert!(bits(&found[which]).eq(bits(twin)), "{name}");
        json!({
            "op": name, "of": "products and sums", "count": terms,
            "resident_per_s": terms / resident_s,
            "end_to_end_per_s": terms / end_to_end_s,
            "processor_per_s": terms / processor_s,
            "equal_to_the_bit": true,
        })
    };
    let of_windows = (windows.len() * WINDOW_DATES * triangle(SYMBOLS)) as f64;
    let of_portfolios = (PORTFOLIOS * RETURN_DATES * SYMBOLS) as f64;
    [
        measure(0, "covariances", of_windows, &covariances),
        measure(1, "portfolio_returns", of_portfolios, &portfolios),
    ]
}

/// A product of square matrices of normal numbers.
pub(crate) fn product<T: MatmulValue>(
    of: impl Fn(f64) -> T,
    accelerator: &dyn Accelerator,
    device: &MarketDevice,
) -> Value
where
    f64: From<T::Sum> + From<T>,
{
    let shape = MatmulShape { rows: SIDE, inner: SIDE, columns: SIDE };
    let count = SIDE * SIDE;
    let matrix = |seed| -> Vec<T> {
        let philox = Philox::new(seed);
        (0..count as u64).map(|place| of(philox.normals(place, 0, 0)[0])).collect()
    };
    let (a, b) = (matrix(1), matrix(2));
    let products = CudaProducts::new(accelerator.queue(Program::Products).unwrap());
    let mut layout = Layout::default();
    let spans = [T::TYPE.bytes(), T::TYPE.bytes(), T::TYPE.sum_bytes()]
        .map(|bytes| layout.reserve(count * bytes));
    let region = accelerator.allocate(Memory::Workspace, layout.bytes(), "benchmark").unwrap();
    let [a_at, b_at, out] = spans.map(|span| span.at(region.address()));
    products.queue().upload(a_at, bytemuck::cast_slice(&a)).unwrap();
    products.queue().upload(b_at, bytemuck::cast_slice(&b)).unwrap();
    let resident_s = median_s(|| {
        products.matmul::<T>(shape, a_at, b_at, out).unwrap();
        products.queue().synchronize().unwrap();
    });
    let norm = |values: &mut dyn Iterator<Item = T>| {
        values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
    };
    let of_rows: Vec<f64> =
        (0..SIDE).map(|row| norm(&mut a[row * SIDE..][..SIDE].iter().copied())).collect();
    let of_columns: Vec<f64> =
        (0..SIDE).map(|column| norm(&mut b[column..].iter().step_by(SIDE).copied())).collect();
    let job = MatmulJob::new(shape, a, b).unwrap();
    let (found, twin) = (job.on_device(device).unwrap(), job.on_processor().unwrap());
    // The sum of the sizes of a value's terms is at most the product of the norms.
    let apart = found.iter().zip(&twin).enumerate().map(|(place, (found, twin))| {
        let size = of_rows[place / SIDE] * of_columns[place % SIDE];
        (f64::from(*found) - f64::from(*twin)).abs() / size
    });
    let apart = apart.fold(0.0, f64::max);
    let bound = 2.0 * SIDE as f64 * T::TYPE.roundoff();
    assert!(apart <= bound, "{:?}: {apart} apart, at most {bound}", T::TYPE);
    let end_to_end_s = median_s(|| drop(job.on_device(device).unwrap()));
    let processor_s = median_s(|| drop(job.on_processor().unwrap()));
    let operations = 2.0 * (SIDE as f64).powi(3);
    json!({
        "op": format!("matmul_{}", T::TYPE.as_str()), "of": "operations", "count": operations,
        "resident_per_s": operations / resident_s,
        "end_to_end_per_s": operations / end_to_end_s,
        "processor_per_s": operations / processor_s,
        "apart": apart, "apart_bound": bound,
    })
}
