//! Series that look like the real one and mean nothing: what chance makes of the same prices.
//!
//! Each surrogate has as many bars as the original and begins with its first bar. Random numbers
//! are Philox's with the key (symbol, surrogate), so that any surrogate can be made again alone, in
//! any order, on any device.

mod fourier;
mod job;

use fillrate_kernels::{Philox, exp, ln, normal_draw};

use self::fourier::{Complex, Transform};
pub(super) use self::job::search_one;
pub use self::job::{SurrogateJob, SurrogateRun};
use super::bars::Bars;
use crate::{Error, Result};

/// How surrogates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SurrogateMethod {
    /// The stationary bootstrap: runs of bars, of geometric length, are drawn with replacement and
    /// laid end to end by their returns. Keeps the distribution of returns, the shapes of bars and
    /// short-range dependence, volatility clusters included.
    ///
    /// Source: D. N. Politis and J. P. Romano, "The stationary bootstrap", JASA 89 (1994), 1303–1313.
    #[default]
    Block,
    /// The returns are transformed, the phase of each frequency is drawn at random, its amplitude
    /// preserved, and the result is given the original's bars by rank. Keeps the distribution of
    /// returns and, nearly, their autocorrelation; destroys volatility clusters.
    ///
    /// Source: J. Theiler et al., "Testing for nonlinearity in time series: the method of surrogate
    /// data", Physica D 58 (1992), 77–94 (amplitude-adjusted Fourier transform).
    Fourier,
    /// Geometric Brownian motion with the mean and the deviation of the log returns. A bar opens at
    /// the close before it; its high and its low are drawn each from its own exact distribution
    /// given open and close, independently of each other.
    ///
    /// Source: P. Glasserman, Monte Carlo Methods in Financial Engineering (2003), section 6.4.1
    /// (the maximum of a Brownian bridge).
    Gbm,
}

impl SurrogateMethod {
    /// `block`, `fourier` or `gbm`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Fourier => "fourier",
            Self::Gbm => "gbm",
        }
    }
}

/// The columns of a surrogate, each of shape `[bars]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SurrogateBars {
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

impl SurrogateBars {
    /// The surrogate as bars to search.
    ///
    /// # Errors
    ///
    /// If its prices left the range of numbers.
    pub fn bars(&self) -> Result<Bars<'_>> {
        Bars::new(&self.open, &self.high, &self.low, &self.close)
    }

    fn push(&mut self, bar: [f64; 4]) {
        let [open, high, low, close] = bar;
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
    }
}

/// Makes the surrogates of one series.
#[derive(Debug)]
pub struct Surrogates {
    method: SurrogateMethod,
    symbol: u32,
    seed: u64,
    first: [f64; 4],
    /// Open, high, low and close of each later bar as multiples of the close before it; shape
    /// `[bars − 1]`.
    steps: Vec<[f64; 4]>,
    /// The chance that a run of bars ends, for [`SurrogateMethod::Block`].
    run_ends: f64,
    /// Mean and deviation of the log returns, for [`SurrogateMethod::Gbm`].
    drift: f64,
    volatility: f64,
    spectrum: Option<Spectrum>,
}

/// What [`SurrogateMethod::Fourier`] needs.
#[derive(Debug)]
struct Spectrum {
    transform: Transform,
    /// The amplitude of each frequency.
    amplitudes: Vec<f64>,
    /// The places of the returns in rising order.
    by_rank: Vec<u32>,
}

impl Surrogates {
    /// Prepares the surrogates of `bars`. The same `symbol` and `seed` give the same surrogates.
    /// `block_bars` is the mean length of the runs of [`SurrogateMethod::Block`]; without it the
    /// cube root of the number of bars.
    ///
    /// # Errors
    ///
    /// If a price is not above 0, or `block_bars` is 0.
    pub fn new(
        bars: &Bars<'_>,
        method: SurrogateMethod,
        symbol: &str,
        seed: u64,
        block_bars: Option<usize>,
    ) -> Result<Self> {
        if let Some(bar) = bars.low().iter().position(|&low| low <= 0.0) {
            let message = "surrogates are made of ratios, and a price is not above 0".into();
            return Err(Error::Bar { bar, message });
        }
        if block_bars == Some(0) {
            let message = "a block has at least one bar".into();
            return Err(Error::Argument { name: "block", message });
        }
        let (open, high, low, close) = (bars.open(), bars.high(), bars.low(), bars.close());
        let bar = |at: usize| [open[at], high[at], low[at], close[at]];
        let steps: Vec<[f64; 4]> =
            (1..bars.len()).map(|at| bar(at).map(|price| price / close[at - 1])).collect();
        let returns: Vec<f64> = steps.iter().map(|step| step[3].ln()).collect();
        let count = returns.len().max(1) as f64;
        let drift = returns.iter().sum::<f64>() / count;
        let variance = returns.iter().map(|r| (r - drift).powi(2)).sum::<f64>();
        let block = block_bars.map_or_else(|| count.cbrt().round().max(1.0), |bars| bars as f64);
        Ok(Self {
            method,
            symbol: symbol_key(symbol),
            seed,
            first: if bars.is_empty() { [0.0; 4] } else { bar(0) },
            run_ends: 1.0 / block,
            drift,
            volatility: (variance / (count - 1.0).max(1.0)).sqrt(),
            spectrum: (method == SurrogateMethod::Fourier).then(|| Spectrum::of(&returns)),
            steps,
        })
    }

    /// The bars of each surrogate.
    fn bars(&self) -> usize {
        if self.first == [0.0; 4] { 0 } else { 1 + self.steps.len() }
    }

    /// The seed of the random numbers of a surrogate.
    fn key(&self, surrogate: u32) -> u64 {
        (u64::from(self.symbol) << 32) | u64::from(surrogate)
    }

    /// Makes the surrogate of that number in `into`, whose memory is used again.
    pub fn make(&self, surrogate: u32, into: &mut SurrogateBars) {
        [&mut into.open, &mut into.high, &mut into.low, &mut into.close]
            .into_iter()
            .for_each(Vec::clear);
        if self.first == [0.0; 4] {
            return;
        }
        into.push(self.first);
        let philox = Philox::new(self.key(surrogate));
        match (&self.spectrum, self.method) {
            (Some(spectrum), _) => self.reorder(spectrum, philox, into),
            (None, SurrogateMethod::Gbm) => self.diffuse(philox, into),
            (None, _) => self.draw_runs(philox, into),
        }
    }

    fn draw_runs(&self, philox: Philox, into: &mut SurrogateBars) {
        let count = self.steps.len();
        let mut from = 0;
        let mut level = self.first[3];
        for bar in 0..count {
            let [end, place] = philox.uniforms(self.seed, bar as u32, 0);
            from = if bar == 0 || end < self.run_ends {
                ((place * count as f64) as usize).min(count - 1)
            } else if from + 1 == count {
                0
            } else {
                from + 1
            };
            level = step(level, self.steps[from], into);
        }
    }

    fn reorder(&self, spectrum: &Spectrum, philox: Philox, into: &mut SurrogateBars) {
        let drawn = spectrum.draw(|frequency| philox.uniforms(self.seed, frequency, 0)[0]);
        let mut order: Vec<u32> = (0..drawn.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| {
            drawn[a as usize].total_cmp(&drawn[b as usize]).then(a.cmp(&b))
        });
        let mut places = vec![0; drawn.len()];
        for (rank, &place) in order.iter().enumerate() {
            places[place as usize] = spectrum.by_rank[rank] as usize;
        }
        let mut level = self.first[3];
        for place in places {
            level = step(level, self.steps[place], into);
        }
    }

    fn diffuse(&self, philox: Philox, into: &mut SurrogateBars) {
        let mut level = self.first[3];
        let variance = self.volatility * self.volatility;
        for bar in 0..self.steps.len() {
            let normal = normal_draw(philox, self.seed, bar as u32, 0);
            let change = self.drift + self.volatility * normal;
            let [for_high, for_low] = philox.uniforms(self.seed, bar as u32, 1);
            let beyond = |uniform| (change * change - 2.0 * variance * ln(uniform)).sqrt();
            let high = ((change + beyond(for_high)) * 0.5).max(change).max(0.0);
            let low = ((change - beyond(for_low)) * 0.5).min(change).min(0.0);
            level = step(level, [1.0, exp(high), exp(low), exp(change)], into);
        }
    }
}

/// Adds a bar to a series that stands at `level`; returns its close.
fn step(level: f64, ratios: [f64; 4], into: &mut SurrogateBars) -> f64 {
    let bar = ratios.map(|ratio| level * ratio);
    into.push(bar);
    bar[3]
}

/// A number for a symbol's name, the same wherever it stands in a panel.
///
/// Source: the FNV-1a hash in 32 bits, draft-eastlake-fnv.
fn symbol_key(symbol: &str) -> u32 {
    symbol
        .bytes()
        .fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl Spectrum {
    fn of(returns: &[f64]) -> Self {
        let transform = Transform::new(returns.len());
        let series: Vec<Complex> = returns.iter().map(|&value| [value, 0.0]).collect();
        let amplitudes = transform.forward(&series).iter().map(|[re, im]| re.hypot(*im)).collect();
        let mut by_rank: Vec<u32> = (0..returns.len() as u32).collect();
        by_rank.sort_unstable_by(|&a, &b| {
            returns[a as usize].total_cmp(&returns[b as usize]).then(a.cmp(&b))
        });
        Self { transform, amplitudes, by_rank }
    }

    /// A real series with these amplitudes, times a constant, and phases of which `turn` gives, for
    /// each frequency, how much of a turn they are.
    fn draw(&self, turn: impl Fn(u32) -> f64) -> Vec<f64> {
        let count = self.amplitudes.len();
        let mut spectrum = vec![[0.0, 0.0]; count];
        for frequency in 1..=count / 2 {
            let (sine, cosine) = (std::f64::consts::TAU * turn(frequency as u32)).sin_cos();
            let amplitude = self.amplitudes[frequency];
            if 2 * frequency == count {
                // The highest frequency of an even length has no phase but its sign.
                spectrum[frequency] = [amplitude * cosine.signum(), 0.0];
            } else {
                spectrum[frequency] = [amplitude * cosine, amplitude * sine];
                spectrum[count - frequency] = [amplitude * cosine, -amplitude * sine];
            }
        }
        self.transform.forward(&spectrum).iter().map(|value| value[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::{Made, random_walk};
    use super::*;

    fn surrogate(made: &Made, method: SurrogateMethod, number: u32) -> SurrogateBars {
        let surrogates = Surrogates::new(&made.bars(), method, "ACME", 1, None).unwrap();
        let mut columns = SurrogateBars::default();
        surrogates.make(number, &mut columns);
        columns
    }

    fn log_returns(close: &[f64]) -> Vec<f64> {
        close.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect()
    }

    fn deviation(values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    const METHODS: [SurrogateMethod; 3] =
        [SurrogateMethod::Block, SurrogateMethod::Fourier, SurrogateMethod::Gbm];

    #[test]
    fn a_surrogate_is_a_series_of_sound_bars_that_can_be_made_again() {
        let made = random_walk(1, 500, 1e-6, 4.0);
        for method in METHODS {
            let one = surrogate(&made, method, 7);
            let bars = one.bars().unwrap();
            assert_eq!((bars.len(), bars.close()[0]), (500, made.close[0]));
            for at in 0..bars.len() {
                let (low, high) = (bars.low()[at], bars.high()[at]);
                let between = low * (1.0 - 1e-12)..=high * (1.0 + 1e-12);
                assert!(between.contains(&bars.open()[at]) && between.contains(&bars.close()[at]));
            }
            assert_eq!(one, surrogate(&made, method, 7));
            assert_ne!(one, surrogate(&made, method, 8));
            assert_ne!(one.close, made.close);
        }
    }

    #[test]
    fn returns_keep_their_distribution() {
        let made = random_walk(2, 2000, 1e-6, 4.0);
        let original = log_returns(&made.close);
        for method in METHODS {
            let drawn = log_returns(&surrogate(&made, method, 1).close);
            let ratio = deviation(&drawn) / deviation(&original);
            assert!((0.9..1.1).contains(&ratio), "{method:?}: {ratio}");
        }
        // Fourier surrogates have the very same returns in another order.
        let sorted = |mut returns: Vec<f64>| {
            returns.sort_by(f64::total_cmp);
            returns
        };
        let drawn = sorted(log_returns(&surrogate(&made, SurrogateMethod::Fourier, 1).close));
        for (one, other) in sorted(original).iter().zip(&drawn) {
            assert!((one - other).abs() < 1e-12);
        }
    }

    #[test]
    fn fourier_keeps_the_autocorrelation_and_blocks_keep_their_insides() {
        // Returns with a strong autocorrelation.
        let mut made = random_walk(3, 3000, 1e-9, 0.0);
        let mut level = 100.0;
        let mut last = 0.0;
        for bar in 1..3000 {
            last = 0.7 * last + (made.close[bar] / made.close[bar - 1]).ln();
            level *= f64::exp(last);
            (made.open[bar], made.high[bar], made.low[bar]) = (level, level, level);
        }
        made.open[0] = 100.0;
        made.close = made.open.clone();
        (made.high, made.low) = (made.open.clone(), made.open.clone());
        let correlation = |close: &[f64]| {
            let returns = log_returns(close);
            let pairs = returns.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
            pairs / returns.iter().map(|r| r * r).sum::<f64>()
        };
        let original = correlation(&made.close);
        assert!(original > 0.6);
        let fourier = correlation(&surrogate(&made, SurrogateMethod::Fourier, 1).close);
        assert!((fourier - original).abs() < 0.05, "{fourier} {original}");
        let block = correlation(&surrogate(&made, SurrogateMethod::Block, 1).close);
        assert!((0.5 * original..original).contains(&block), "{block} {original}");
        assert!(correlation(&surrogate(&made, SurrogateMethod::Gbm, 1).close).abs() < 0.1);
    }

    #[test]
    fn prices_that_have_no_ratio_are_refused() {
        let prices = [3.0, 0.0, 1.0];
        let bars = Bars::new(&prices, &prices, &prices, &prices).unwrap();
        let error = Surrogates::new(&bars, SurrogateMethod::Block, "A", 0, None).unwrap_err();
        assert!(error.to_string().starts_with("bar 1: "), "{error}");
        let empty = Bars::new(&[], &[], &[], &[]).unwrap();
        for method in METHODS {
            let mut columns = SurrogateBars::default();
            Surrogates::new(&empty, method, "A", 0, None).unwrap().make(0, &mut columns);
            assert_eq!(columns, SurrogateBars::default());
            let one = Bars::new(&[1.0], &[1.0], &[1.0], &[1.0]).unwrap();
            Surrogates::new(&one, method, "A", 0, None).unwrap().make(0, &mut columns);
            assert_eq!(columns.close, [1.0]);
        }
    }
}
