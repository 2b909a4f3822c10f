//! Products of matrices, and sums over returns.

use std::fmt::Write as _;

use fillrate::market::backtest::WalkForward;
use fillrate::market::device::{Job, MatmulJob, MatmulShape, MatmulValue, Report};
use fillrate::market::portfolio::{
    Bounds, Covariance, Objective, PortfolioOptions, frontier, frontier_on, optimize, optimize_on,
    walk_forward as portfolio_walk, walk_forward_on as portfolio_walk_on,
};
use fillrate::market::{Column, Date, Panel, PanelOptions, Philox};
use fillrate::records::{InputFormat, ReadOptions, Reader};

use super::{Device, bits, computer};

/// Small whole numbers, whose sums are exact in every order.
fn check_product<T: MatmulValue>(device: Device, of: fn(f32) -> T) -> Report
where
    f64: From<T::Sum>,
{
    let shape = MatmulShape { rows: 13, inner: 40, columns: 9 };
    let matrix = |seed, count| -> Vec<T> {
        let philox = Philox::new(seed);
        let number = |at| (8.0 * philox.uniforms(at, 0, 0)[0]).floor() as f32 - 4.0;
        (0..count as u64).map(|at| of(number(at))).collect()
    };
    let job = MatmulJob::new(shape, matrix(1, 13 * 40), matrix(2, 40 * 9)).unwrap();
    let twin = job.on_processor().unwrap();
    let computer = computer(device);
    let found = computer.run(job).unwrap();
    let wide = |values: Vec<T::Sum>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let (found, twin) = (wide(found), wide(twin));
    assert!(found.iter().any(|value| *value != 0.0));
    assert_eq!(bits(&found), bits(&twin));
    computer.report()
}

#[test]
fn products_of_matrices_go_to_the_device() {
    for report in [
        check_product(Device::sound(), |x| x),
        check_product(Device::sound(), f64::from),
        check_product(Device::sound(), half::bf16::from_f32),
        check_product(Device::sound(), half::f16::from_f32),
    ] {
        assert_eq!((report.on_device, report.on_processor, report.degraded), (1, 0, 0));
    }
    let empty =
        MatmulJob::<f32>::new(MatmulShape { rows: 2, inner: 0, columns: 1 }, vec![], vec![]);
    let zeros: Vec<f32> = computer(Device::sound()).run(empty.unwrap()).unwrap();
    assert_eq!(zeros, [0.0, 0.0]);
    let shape = MatmulShape { rows: 2, inner: 3, columns: 4 };
    let refused = MatmulJob::new(shape, vec![0.0; 6], vec![0.0; 11]).unwrap_err().to_string();
    assert_eq!(refused, "matmul: expected [2, 3] by [3, 4], got [6, 11, 8] values");
}

#[test]
fn products_that_the_device_fails_come_from_the_processor() {
    let report = check_product(Device { failing: Some(0), ..Device::sound() }, |x| x);
    assert_eq!((report.on_device, report.on_processor, report.degraded), (0, 1, 1));
    assert_eq!(report.reason.as_deref(), Some("a product without algorithm"));
    let full = check_product(Device { full: Some(0), ..Device::sound() }, f64::from);
    assert_eq!((full.on_device, full.degraded), (0, 1));
}

/// Five symbols whose returns have much in common.
fn pairs_panel() -> Panel {
    let mut table = "symbol,date,close\n".to_owned();
    let philox = Philox::new(6);
    for symbol in 0..5 {
        let mut close = 50.0;
        for bar in 0..120 {
            let common = philox.normals(bar, 0, 0)[0];
            close *= 1.0 + 0.004 * common + 0.008 * philox.normals(bar, 1 + symbol, 0)[0];
            let date = Date::from_epoch_nanos(bar as i64 * 86_400_000_000_000).unwrap();
            let _ = writeln!(table, "S{symbol},{date},{close}");
        }
    }
    let options = ReadOptions { format: Some(InputFormat::Csv), ..ReadOptions::default() };
    let stream = Box::new(std::io::Cursor::new(table));
    let mut reader = Reader::from_stream(stream, &options).unwrap();
    Panel::read(&mut reader, &PanelOptions::only(&[Column::Close])).unwrap()
}

#[test]
fn portfolios_on_a_device_are_those_of_the_processor() {
    let (panel, computer) = (pairs_panel(), computer(Device::sound()));
    let options = |objective, covariance| PortfolioOptions {
        objective,
        covariance,
        bounds: Bounds::LONG_ONLY,
        ..PortfolioOptions::default()
    };
    for covariance in Covariance::ALL {
        let options = options(Objective::MinVariance, covariance);
        let expected = optimize(&panel, &options).unwrap();
        assert_eq!(optimize_on(&computer, &panel, &options).unwrap(), expected);
        let walk = WalkForward { train: 40, test: 15 };
        let expected = portfolio_walk(&panel, &options, walk).unwrap();
        assert_eq!(expected.len(), 7);
        assert_eq!(portfolio_walk_on(&computer, &panel, &options, walk).unwrap(), expected);
    }
    let options = options(Objective::MinCvar { confidence: 0.9 }, Covariance::Sample);
    let expected = frontier(&panel, &options, 9).unwrap();
    assert_eq!(frontier_on(&computer, &panel, &options, 9).unwrap(), expected);
    // A covariance or all covariances of a walk each, and for the frontier the returns too.
    let Report { on_device, on_processor, degraded, .. } = computer.report();
    assert_eq!((on_device, on_processor, degraded), (3 + 3 + 2, 0, 0));
}

#[test]
fn sums_that_the_device_fails_come_from_the_processor() {
    let (panel, options) = (pairs_panel(), PortfolioOptions::default());
    let expected = optimize(&panel, &options).unwrap();
    let failing = computer(Device { failing: Some(1), ..Device::sound() });
    assert_eq!(optimize_on(&failing, &panel, &options).unwrap(), expected);
    assert_eq!(failing.report().degraded, 1);
}
