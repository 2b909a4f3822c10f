//! The search of surrogates on a device, which here is the processor in a GPU's stead: the same counts and
//! the same bits of the scores, surrogate by surrogate, whatever is searched for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fillrate::Result;
use fillrate::market::Philox;
use fillrate::market::device::{Computer, Job, Report};
use fillrate::waves::{
    Bars, Bounds, Direction, Form, Legs, Pattern, PivotRule, RuleSet, Search, SearchOptions,
    Significance, SignificanceOptions, SurrogateJob, SurrogateMethod, Surrogates,
};

use crate::emulator::Engine;
use crate::market_device::{Device, computer};

/// Open, high, low and close of a series.
struct Made([Vec<f64>; 4]);

impl Made {
    /// A series that rises from tooth to tooth.
    fn sawtooth(bars: i32) -> Self {
        let step = |bar| if bar % 2 == 0 { 1.03_f64 } else { 0.98 };
        let close: Vec<f64> =
            (0..bars).map(|bar| (0..bar).map(step).product::<f64>() * 100.0).collect();
        Self([(); 4].map(|()| close.clone()))
    }

    /// A random walk. Prices that are multiples of `tick` are often equal.
    fn walk(seed: u64, bars: usize, tick: f64) -> Self {
        let philox = Philox::new(seed);
        let mut close = 100.0;
        let mut columns = [(); 4].map(|()| Vec::with_capacity(bars));
        for bar in 0..bars as u64 {
            let open = close;
            let [u, v] = philox.uniforms(bar, 0, 0);
            let [above, below] = philox.uniforms(bar, 1, 0);
            close *= 1.0 + 0.03 * (u + v - 1.0);
            let high = open.max(close) * (1.0 + 0.01 * above);
            let low = open.min(close) * (1.0 - 0.01 * below);
            let whole = |price: f64| (price / tick).round() * tick;
            for (column, price) in columns.iter_mut().zip([open, high, low, close]) {
                column.push(whole(price));
            }
        }
        Self(columns)
    }

    fn bars(&self) -> Bars<'_> {
        let [open, high, low, close] = &self.0;
        Bars::new(open, high, low, close).unwrap()
    }

    fn job(&self, search: &Arc<Search>, surrogates: u32, kind: Kind) -> Result<SurrogateJob> {
        let prepared = Surrogates::new(&self.bars(), kind.method, "ACME", 3, None)?;
        // Not the first, so that the numbers of surrogates are not their places.
        let numbers = 5..5 + surrogates;
        SurrogateJob::new(search, &Arc::new(prepared), numbers, kind.pivots, kind.open_ends)
    }
}

/// How surrogates are made and searched.
#[derive(Clone, Copy, Debug)]
struct Kind {
    method: SurrogateMethod,
    pivots: PivotRule,
    open_ends: bool,
}

const USUAL: Kind =
    Kind { method: SurrogateMethod::Block, pivots: PivotRule::Fractal(1), open_ends: false };

fn search(options: SearchOptions) -> Arc<Search> {
    Arc::new(Search::new(options))
}

/// How many patterns were found; on either side the same.
#[track_caller]
fn check(
    computer: &Computer<SurrogateJob>,
    search: &Arc<Search>,
    made: &Made,
    surrogates: u32,
    kind: Kind,
) -> u64 {
    let job = made.job(search, surrogates, kind).unwrap();
    let expected = job.on_processor().unwrap();
    let found = computer.run(job).unwrap();
    assert_eq!(found.len(), surrogates as usize);
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let place = format!("{kind:?}, surrogate {number} of {} bars", made.0[0].len());
        assert_eq!(found.count, expected.count, "{place}");
        for ((kind, found), expected) in search.kinds().iter().zip(&found.best).zip(&expected.best)
        {
            let bits = |score: Option<f64>| score.map(f64::to_bits);
            assert_eq!(bits(*found), bits(*expected), "{place}, {kind:?}: {found:?}, {expected:?}");
        }
        assert_eq!(found.best.len(), search.kinds().len());
    }
    expected.iter().map(|run| run.count).sum()
}

#[test]
fn surrogates_of_every_method_with_every_pivot_are_those_of_the_processor() {
    let computer = computer(Device::sound());
    let every = search(SearchOptions::default());
    let mut jobs = 0;
    let mut found = 0;
    for method in [SurrogateMethod::Block, SurrogateMethod::Fourier, SurrogateMethod::Gbm] {
        for (pivots, open_ends) in [
            (PivotRule::Fractal(1), false),
            (PivotRule::Fractal(1), true),
            (PivotRule::Fractal(2), true),
            (PivotRule::AtrZigzag(1.0), false),
            (PivotRule::AtrZigzag(0.7), true),
        ] {
            let kind = Kind { method, pivots, open_ends };
            for (bars, surrogates, tick) in [(150, 3, 1e-6), (97, 2, 1.0)] {
                let made = Made::walk(bars as u64, bars, tick);
                found += check(&computer, &every, &made, surrogates, kind);
                jobs += 1;
            }
        }
    }
    assert!(found > 10_000, "{found}");
    let Report { on_device, on_processor, .. } = computer.report();
    assert_eq!((on_device, on_processor), (jobs, 0));
}

#[test]
fn every_rule_weight_and_least_score_counts_the_same() {
    let computer = computer(Device::sound());
    let mut other = RuleSet::strict();
    assert!(other.set(Form::Impulse, "convergence", Some(Bounds::below(0.5))));
    assert!(other.set(Form::Impulse, "wave5_duration", Some(Bounds::NONE)));
    assert!(other.set(Form::Zigzag, "c_to_b", Some(Bounds::between(0.5, 4.0))));
    assert!(other.set(Form::TriangleExpanding, "e_retrace", Some(Bounds::above(1.1))));
    let made = Made::walk(7, 120, 0.5);
    let mut found = Vec::new();
    for rules in [RuleSet::none(), RuleSet::strict(), other] {
        for (weights, score_min) in
            [("time=0", 0.0), ("fibonacci=0,simplicity=3", 0.7), ("rules=0,time=1", 0.95)]
        {
            let weights = weights.parse().unwrap();
            let (rules, usual) = (rules.clone(), SearchOptions::default());
            let every = search(SearchOptions { rules, weights, score_min, ..usual });
            found.push(check(&computer, &every, &made, 2, USUAL));
        }
    }
    assert!(found.iter().all(|&found| found > 100), "{found:?}");
    for pattern in Pattern::ALL {
        let (patterns, directions) = (vec![pattern], vec![Direction::Down]);
        let usual = SearchOptions::default();
        let one = search(SearchOptions { patterns, directions, ..usual });
        check(&computer, &one, &made, 2, USUAL);
    }
    assert_eq!(computer.report().on_processor, 0);
}

#[test]
fn short_steady_and_flat_series_are_searched_alike() {
    let computer = computer(Device::sound());
    let every = search(SearchOptions::default());
    for bars in [1, 2, 3, 4, 7, 31] {
        for open_ends in [false, true] {
            let made = Made::walk(1, bars, 1e-6);
            check(&computer, &every, &made, 3, Kind { open_ends, ..USUAL });
            let pivots = PivotRule::Fractal(20);
            check(&computer, &every, &made, 3, Kind { pivots, open_ends, ..USUAL });
        }
    }
    // One that rises has many more waves from each pivot; one that stands still has none.
    let found = check(&computer, &every, &Made::sawtooth(50), 2, USUAL);
    assert!(found > 2000, "{found}");
    let flat = Made([(); 4].map(|()| vec![5.0; 40]));
    assert_eq!(check(&computer, &every, &flat, 2, Kind { open_ends: true, ..USUAL }), 0);
    // More series than a block has threads to make them, and more places than a block sums.
    let patterns = vec![Pattern::Zigzag];
    let one = search(SearchOptions { patterns, ..SearchOptions::default() });
    check(&computer, &one, &Made::walk(3, 20, 1e-6), 300, USUAL);
    assert_eq!(computer.report().on_processor, 0);
}

fn significance(surrogates: u32) -> SignificanceOptions {
    SignificanceOptions {
        surrogates,
        method: SurrogateMethod::Block,
        seed: 5,
        block_bars: Some(4),
        pivots: PivotRule::Fractal(1),
        open_ends: false,
    }
}

#[test]
fn what_the_device_fails_at_any_step_has_the_same_answer_from_the_processor() {
    let patterns = vec![Pattern::Impulse, Pattern::Flat];
    let every = search(SearchOptions { patterns, ..SearchOptions::default() });
    let made = Made::walk(11, 80, 1e-6);
    let (bars, options) = (made.bars(), significance(9));
    let legs = Legs::find(&bars, options.pivots, options.open_ends).unwrap();
    let expected = Significance::measure(&every, &bars, &legs, "A", &options).unwrap();
    let measured = |device: &Device| -> Report {
        let computer = computer(device.clone());
        for _ in 0..2 {
            let found =
                Significance::measure_on(&computer, &every, &bars, &legs, "A", &options).unwrap();
            assert_eq!(found, expected);
        }
        computer.report()
    };
    let sound = Device::sound();
    assert_eq!((measured(&sound).on_device, sound.launches.load(Ordering::Relaxed)), (2, 2 * 8));
    for failing in 0..8 {
        let report = measured(&Device { failing: Some(failing), ..Device::sound() });
        assert_eq!((report.on_device, report.degraded), (1, 1), "launch {failing}");
        assert_eq!(report.reason.as_deref(), Some("a launch out of resources"));
    }
    // No memory for the series, and none for their waves.
    for full in 0..2 {
        let report = measured(&Device { full: Some(full), ..Device::sound() });
        assert_eq!((report.on_device, report.degraded), (1, 1), "request {full}");
        assert!(report.reason.unwrap().starts_with("the device has no "));
    }
}

#[test]
fn prices_that_leave_their_range_are_the_same_error_on_either_side() {
    let mut made = Made::walk(4, 60, 1e-6);
    // A step of a surrogate multiplies its price by up to 10⁴⁵.
    for column in &mut made.0 {
        column[30..].iter_mut().for_each(|price| *price *= 1e45);
    }
    let computer = computer(Device::sound());
    let patterns = vec![Pattern::Zigzag];
    let some = search(SearchOptions { patterns, ..SearchOptions::default() });
    let usual = SignificanceOptions { block_bars: Some(1), ..significance(200) };
    let bars = made.bars();
    let legs = Legs::find(&bars, usual.pivots, usual.open_ends).unwrap();
    for method in [SurrogateMethod::Block, SurrogateMethod::Gbm] {
        let options = SignificanceOptions { method, ..usual };
        let here = Significance::measure(&some, &bars, &legs, "A", &options);
        let there = Significance::measure_on(&computer, &some, &bars, &legs, "A", &options);
        for outcome in [here, there] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.starts_with("bar ") && error.contains(" is "), "{error}");
        }
    }
}

#[test]
fn no_table_is_read_beyond_its_end() {
    let computer = computer(Device { engine: Engine::AddressSanitizer, ..Device::sound() });
    let every = search(SearchOptions::default());
    let made = Made::walk(6, 50, 0.5);
    check(&computer, &every, &made, 1, Kind { open_ends: true, ..USUAL });
    assert_eq!(computer.report().on_processor, 0);
}
