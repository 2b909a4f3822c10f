//! What a portfolio must keep, as rows of a program, each with a name for a reader.

use super::PortfolioOptions;
use super::program::Row;
use crate::market::risk::BARS_PER_YEAR;
use crate::{Error, Result};

/// The least and the most weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Bounds {
    /// Nothing is sold short.
    pub const LONG_ONLY: Self = Self { low: 0.0, high: 1.0 };

    fn check(self, whose: &str) -> Result<()> {
        if self.low <= self.high && self.low.is_finite() && self.high.is_finite() {
            return Ok(());
        }
        let message = format!("{whose}: {} to {} is no range of weights", self.low, self.high);
        Err(Error::Argument { name: "bounds", message })
    }
}

/// Bounds of the sum of some symbols' weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// The bounds of their sum.
    pub bounds: Bounds,
}

/// A limit of what is bought and sold.
#[derive(Clone, Debug, PartialEq)]
pub struct Turnover {
    /// The most that the weights' absolute changes sum to.
    pub most: f64,
    /// The weights of now; a symbol that is not named has none.
    pub current: Vec<(String, f64)>,
}

/// The constraints of a program over the weights `[n]`, and after them over what leverage and
/// turnover need.
#[derive(Clone, Debug)]
pub(super) struct Constraints {
    symbols: Vec<String>,
    bounds: Vec<Bounds>,
    groups: Vec<(String, Vec<usize>, Bounds)>,
    /// The most turnover, and the weights of now.
    turnover: Option<(f64, Vec<f64>)>,
    leverage: Option<f64>,
    mean: Vec<f64>,
    /// The least mean, per bar.
    target: Option<f64>,
}

impl Constraints {
    /// Resolves names, and refuses limits that contradict themselves.
    pub(super) fn of(symbols: &[String], mean: &[f64], options: &PortfolioOptions) -> Result<Self> {
        let mut bounds = vec![options.bounds; symbols.len()];
        options.bounds.check("all symbols")?;
        for (symbol, of_symbol) in &options.bounds_of {
            of_symbol.check(symbol)?;
            bounds[place(symbols, symbol, "bounds")?] = *of_symbol;
        }
        let sums = [bounds.iter().map(|b| b.low).sum(), bounds.iter().map(|b| b.high).sum::<f64>()];
        check_sums(sums)?;
        let mut groups = Vec::new();
        for Group { name, symbols: members, bounds } in &options.groups {
            bounds.check(name)?;
            let members: Result<Vec<usize>> =
                members.iter().map(|symbol| place(symbols, symbol, "group")).collect();
            let members = members?;
            refuse_twice("group", symbols, &members)?;
            groups.push((name.clone(), members, *bounds));
        }
        let turnover = match &options.turnover {
            None => None,
            Some(Turnover { most, current }) => {
                limit("turnover", *most, 0.0)?;
                let mut weights = vec![0.0; symbols.len()];
                let places: Result<Vec<usize>> =
                    current.iter().map(|(symbol, _)| place(symbols, symbol, "current")).collect();
                let places = places?;
                refuse_twice("current", symbols, &places)?;
                for (place, (_, weight)) in places.into_iter().zip(current) {
                    weights[place] = *weight;
                }
                Some((*most, weights))
            }
        };
        if let Some(leverage) = options.leverage {
            limit("leverage", leverage, 1.0)?;
        }
        Ok(Self {
            symbols: symbols.to_vec(),
            bounds,
            groups,
            turnover,
            leverage: options.leverage,
            mean: mean.to_vec(),
            target: options.target_return.map(|target| target / BARS_PER_YEAR),
        })
    }

    /// The same with another least mean, per bar.
    pub(super) fn with_target(&self, target: f64) -> Self {
        Self { target: Some(target), ..self.clone() }
    }

    /// The number of variables.
    pub(super) fn variables(&self) -> usize {
        let n = self.symbols.len();
        n * (1 + usize::from(self.leverage.is_some()) + usize::from(self.turnover.is_some()))
    }

    /// The weights, the first of a solution's variables, each put back to the bound that it is beyond
    /// by a rounding.
    pub(super) fn within_bounds(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.bounds).map(|(w, bounds)| w.clamp(bounds.low, bounds.high)).collect()
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let n = self.symbols.len();
        let mut rows = vec![Row {
            name: "weights that sum to 1".to_owned(),
            terms: (0..n).map(|i| (i, 1.0)).collect(),
            bound: 1.0,
            is_equality: true,
        }];
        for (i, (symbol, Bounds { low, high })) in self.symbols.iter().zip(&self.bounds).enumerate()
        {
            rows.push(Row::least(format!("`{symbol}` at least {low}"), vec![(i, 1.0)], *low));
            rows.push(Row::most(format!("`{symbol}` at most {high}"), vec![(i, 1.0)], *high));
        }
        for (name, members, Bounds { low, high }) in &self.groups {
            let terms: Vec<(usize, f64)> = members.iter().map(|i| (*i, 1.0)).collect();
            rows.push(Row::least(format!("group `{name}` at least {low}"), terms.clone(), *low));
            rows.push(Row::most(format!("group `{name}` at most {high}"), terms, *high));
        }
        if let Some(target) = self.target {
            // In its own size, as weights are.
            let size = self.mean.iter().map(|mean| mean.abs()).fold(f64::MIN_POSITIVE, f64::max);
            let terms = self.mean.iter().map(|mean| mean / size).enumerate().collect();
            let name = format!("a return of at least {} a year", target * BARS_PER_YEAR);
            rows.push(Row::least(name, terms, target / size));
        }
        let mut next = n;
        if let Some(leverage) = self.leverage {
            let name = format!("leverage of at most {leverage}");
            rows.extend(absolute(&name, next, &vec![0.0; n], leverage));
            next += n;
        }
        if let Some((most, current)) = &self.turnover {
            rows.extend(absolute(&format!("turnover of at most {most}"), next, current, *most));
        }
        rows
    }
}

/// Σ |w − centre| ≤ most, with the variables from `first` on for the absolute values.
fn absolute(name: &str, first: usize, centre: &[f64], most: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (i, centre) in centre.iter().enumerate() {
        let name = name.to_owned();
        rows.push(Row::most(name.clone(), vec![(i, 1.0), (first + i, -1.0)], *centre));
        rows.push(Row::most(name, vec![(i, -1.0), (first + i, -1.0)], -centre));
    }
    let sum = (first..first + centre.len()).map(|i| (i, 1.0)).collect();
    rows.push(Row::most(name.to_owned(), sum, most));
    rows
}

fn place(symbols: &[String], symbol: &str, name: &'static str) -> Result<usize> {
    symbols.iter().position(|known| known == symbol).ok_or_else(|| {
        let message = format!("no symbol `{symbol}` is in the prices");
        Error::Argument { name, message }
    })
}

/// Refuses a symbol that is named twice: a group would count it so, and of two weights one would be lost.
fn refuse_twice(name: &'static str, symbols: &[String], places: &[usize]) -> Result<()> {
    let mut is_named = vec![false; symbols.len()];
    for place in places {
        if std::mem::replace(&mut is_named[*place], true) {
            let message = format!("`{}` is named twice", symbols[*place]);
            return Err(Error::Argument { name, message });
        }
    }
    Ok(())
}

fn check_sums([low, high]: [f64; 2]) -> Result<()> {
    // Bounds of a third should allow three symbols.
    const ROUNDING: f64 = 1e-12;
    let message = if low > 1.0 + ROUNDING {
        format!("the least weights sum to {low}, above 1")
    } else if high < 1.0 - ROUNDING {
        format!("the most weights sum to {high}, below 1")
    } else {
        return Ok(());
    };
    Err(Error::Argument { name: "bounds", message })
}

fn limit(name: &'static str, limit: f64, least: f64) -> Result<()> {
    if limit.is_finite() && limit >= least {
        return Ok(());
    }
    let message = format!("{limit} is no number from {least} on");
    Err(Error::Argument { name, message })
}
