//! The wave search against its targets: medians of interleaved rounds, on one core unless said.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot set up its input has failed")]
#![allow(clippy::print_stdout, reason = "the figures are reported on the terminal")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use fillrate::market::Philox;
use fillrate::waves::{Bars, Direction, Legs, Pattern, PivotRule, Search, SearchOptions};
use fillrate::waves::{Significance, SignificanceOptions, SurrogateMethod};
use rayon::prelude::*;

/// Rounds of each measurement, of which the median is reported.
const ROUNDS: usize = 7;

struct Prices {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

impl Prices {
    fn bars(&self) -> Bars<'_> {
        Bars::new(&self.open, &self.high, &self.low, &self.close).unwrap()
    }
}

/// Daily bars of a stock with 1.5 % volatility, in eight steps a day.
fn random_walk(seed: u64, bars: usize) -> Prices {
    let philox = Philox::new(seed);
    let mut prices =
        Prices { open: Vec::new(), high: Vec::new(), low: Vec::new(), close: Vec::new() };
    let mut log = 100.0_f64.ln();
    for bar in 0..bars {
        let open = log;
        let (mut high, mut low) = (log, log);
        for step in 0..4 {
            for normal in philox.normals(0, bar as u32, step) {
                log += normal * 0.015 / 8.0_f64.sqrt();
                (high, low) = (high.max(log), low.min(log));
            }
        }
        prices.open.push(open.exp());
        prices.high.push(high.exp());
        prices.low.push(low.exp());
        prices.close.push(log.exp());
    }
    prices
}

/// The adversary: each tooth rises, none undercuts the one before.
fn sawtooth(bars: usize) -> Prices {
    let close: Vec<f64> = (0..bars)
        .map(|bar| 100.0 + (bar / 2) as f64 + if bar % 2 == 1 { 2.0 } else { 0.0 })
        .collect();
    Prices { open: close.clone(), high: close.clone(), low: close.clone(), close }
}

fn median_time(mut pass: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            pass();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

/// The search of a series of which nothing is known: a clone has learnt nothing from the rounds before.
fn alone(search: &Search, prices: &Prices) -> Duration {
    black_box(search.top(&legs(prices), 1, None));
    let mut searches = vec![search.clone(); ROUNDS].into_iter();
    median_time(|| {
        let search = searches.next().unwrap();
        black_box(search.top(&legs(black_box(prices)), 50, None));
    })
}

fn legs(prices: &Prices) -> Legs {
    Legs::find(&prices.bars(), PivotRule::Fractal(1), false).unwrap()
}

fn report(what: &str, time: Duration, note: &str) {
    println!("{what:<58} {:>10.3} ms  {note}", time.as_secs_f64() * 1e3);
}

fn main() {
    let impulses =
        Search::new(SearchOptions { patterns: vec![Pattern::Impulse], ..SearchOptions::default() });
    let rising = Search::new(SearchOptions {
        patterns: vec![Pattern::Impulse],
        directions: vec![Direction::Up],
        ..SearchOptions::default()
    });
    let every = Search::new(SearchOptions::default());
    for bars in [500, 2_148, 20_000] {
        let prices = random_walk(1, bars);
        let found: u64 = impulses.counts(&legs(&prices), None).iter().sum();
        let time = median_time(|| {
            black_box(impulses.counts(&legs(black_box(&prices)), None));
        });
        report(&format!("count impulses, {bars} bars"), time, &format!("{found} impulses"));
        report(&format!("top 50 impulses, {bars} bars"), alone(&impulses, &prices), "");
        report(&format!("top 50 of all patterns, {bars} bars"), alone(&every, &prices), "");
    }
    let adversary = sawtooth(500);
    let started = Instant::now();
    let found: u64 = rising.counts(&legs(&adversary), None).iter().sum();
    report(
        "count impulses up, 500-bar sawtooth (one run)",
        started.elapsed(),
        &format!("{found} impulses"),
    );
    for (name, search) in [("impulses", &impulses), ("all patterns", &every)] {
        report(&format!("top 50 {name}, 500-bar sawtooth"), alone(search, &adversary), "");
    }
    for method in [SurrogateMethod::Block, SurrogateMethod::Fourier, SurrogateMethod::Gbm] {
        surrogates(&impulses, method);
    }
    panel(&impulses, "impulses");
    panel(&every, "all patterns");
}

/// The search of 1,000 surrogates of 2,500 bars, their making, counts and best scores included.
fn surrogates(search: &Search, method: SurrogateMethod) {
    let prices = random_walk(1, 2_500);
    let options = SignificanceOptions {
        surrogates: 1_000,
        method,
        seed: 1,
        block_bars: None,
        pivots: PivotRule::Fractal(1),
        open_ends: false,
    };
    let (bars, legs) = (prices.bars(), legs(&prices));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let started = Instant::now();
    pool.install(|| {
        black_box(Significance::measure(search, &bars, &legs, "A", &options).unwrap());
    });
    let what = format!("1,000 {} surrogates x 2,500 bars (one run)", method.as_str());
    report(&what, started.elapsed(), "");
}

fn panel(search: &Search, name: &str) {
    let panel: Vec<Prices> = (0..500).map(|seed| random_walk(seed, 2_500)).collect();
    let pass = |prices: &Prices| search.top(&legs(prices), 50, None).len();
    let time = median_time(|| {
        black_box(panel.iter().map(pass).sum::<usize>());
    });
    report(&format!("top 50 {name}, 500 x 2,500 bars, one core"), time, "");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let two = pool.install(|| {
        median_time(|| {
            black_box(panel.par_iter().map(pass).sum::<usize>());
        })
    });
    let ratio = time.as_secs_f64() / two.as_secs_f64();
    report(
        &format!("top 50 {name}, 500 x 2,500 bars, two cores"),
        two,
        &format!("{ratio:.2} times"),
    );
    let half = median_time(|| {
        black_box(panel[..250].iter().map(pass).sum::<usize>());
    });
    report(&format!("top 50 {name}, 250 x 2,500 bars, one core"), half, "");
}
