//! Prices of many options: those with closed forms together, and American ones by their boundaries; the others
//! one by one.

use fillrate::market::device::{Computer, EuropeanBatch, Report};
use fillrate::market::options::{
    AmericanPuts, ClosedFormBatch, EuropeanColumns, GreekColumns, Greeks, Kind, OptionSimulation,
    Right, Terms, american_on, closed_forms_on,
};
use rayon::prelude::*;

use super::Values;
use super::method::{Pricing, values_of};
use super::row::{Row, Rows, option_of};
use crate::cli::MethodName;
use crate::commands::device::PriceDevice;

/// Where options are priced, by how.
pub(super) struct Computers {
    european: Computer<EuropeanBatch>,
    american: Computer<AmericanPuts>,
    closed: Computer<ClosedFormBatch>,
    simulations: Computer<OptionSimulation>,
}

impl Computers {
    /// All on one device. A GPU that is asked for is opened here, once.
    ///
    /// # Errors
    ///
    /// If a GPU that is asked for cannot be used.
    pub(super) fn on(device: &PriceDevice) -> anyhow::Result<Self> {
        let (european, american) = (device.computer()?, device.computer()?);
        let (closed, simulations) = (device.computer()?, device.computer()?);
        Ok(Self { european, american, closed, simulations })
    }

    /// Where options were priced so far.
    pub(super) fn report(&self) -> Report {
        let together = self.european.report().and(self.american.report());
        together.and(self.closed.report()).and(self.simulations.report())
    }
}

/// An option as its row says it.
enum Parsed {
    /// One of those that are computed together by their closed form.
    European(Right, Terms),
    /// One of those whose boundaries are found together.
    American(Right, Terms),
    /// Another of those with a closed form.
    Closed(Kind, Right, Terms),
    /// What another comes to.
    Other(Values),
}

/// The values of each option of `rows`, or what is wrong with it.
///
/// # Errors
///
/// If the options that are computed together cannot be.
pub(super) fn price_all(
    pricing: &Pricing,
    computers: &Computers,
    rows: &Rows<'_>,
) -> anyhow::Result<Vec<Values>> {
    let parse = |row| parse(pricing, &computers.simulations, &rows.row(row));
    let parsed: Vec<Parsed> = (0..rows.len()).into_par_iter().map(parse).collect();
    let european = parsed.iter().filter_map(|parsed| match parsed {
        Parsed::European(right, terms) => Some((*right, *terms)),
        _ => None,
    });
    let american = parsed.iter().filter_map(|parsed| match parsed {
        Parsed::American(right, terms) => Some((*right, *terms)),
        _ => None,
    });
    let closed = parsed.iter().filter_map(|parsed| match parsed {
        Parsed::Closed(kind, right, terms) => Some((*kind, *right, *terms)),
        _ => None,
    });
    let mut european = european_greeks(&computers.european, european.unzip())?.into_iter();
    let american: Vec<(Right, Terms)> = american.collect();
    let mut american = american_on(&computers.american, &american)?.into_iter();
    let closed: Vec<(Kind, Right, Terms)> = closed.collect();
    let mut closed = closed_forms_on(&computers.closed, &closed)?.into_iter();
    let greeks_of = |greeks: Option<Greeks>| {
        greeks.map(values_of).ok_or_else(|| "the option was not priced".to_owned())
    };
    let values_of = |parsed| match parsed {
        Parsed::Other(values) => values,
        Parsed::European(..) => greeks_of(european.next()),
        Parsed::American(..) => greeks_of(american.next()),
        Parsed::Closed(..) => greeks_of(closed.next()),
    };
    Ok(parsed.into_iter().map(values_of).collect())
}

fn parse(pricing: &Pricing, simulations: &Computer<OptionSimulation>, row: &Row<'_>) -> Parsed {
    let option = option_of(row).and_then(|option| Ok((pricing.method_of(option.0)?, option)));
    let (method, (kind, right, terms)) = match option {
        Ok(option) => option,
        Err(message) => return Parsed::Other(Err(message)),
    };
    let together = match (kind, method) {
        (Kind::European, MethodName::ClosedForm) => Parsed::European(right, terms),
        (Kind::American, MethodName::Spectral) => Parsed::American(right, terms),
        (_, MethodName::ClosedForm) => Parsed::Closed(kind, right, terms),
        _ => return Parsed::Other(pricing.values(method, (kind, right, terms), simulations)),
    };
    match terms.check().and_then(|()| kind.check(&terms)) {
        Ok(()) => together,
        Err(error) => Parsed::Other(Err(error.to_string())),
    }
}

/// Prices and Greeks by the closed form.
fn european_greeks(
    computer: &Computer<EuropeanBatch>,
    (right, terms): (Vec<Right>, Vec<Terms>),
) -> anyhow::Result<Vec<Greeks>> {
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let GreekColumns { price, delta, gamma, vega, theta, rho } =
        computer.run(batch(&right, &terms)?)?;
    let greeks = |at: usize| Greeks {
        price: price[at],
        delta: delta[at],
        gamma: gamma[at],
        vega: vega[at],
        theta: theta[at],
        rho: rho[at],
    };
    Ok((0..terms.len()).map(greeks).collect())
}

fn batch(right: &[Right], terms: &[Terms]) -> fillrate::Result<EuropeanBatch> {
    let column = |of: fn(&Terms) -> f64| -> Vec<f64> { terms.iter().map(of).collect() };
    EuropeanBatch::new(&EuropeanColumns {
        right,
        spot: &column(|terms| terms.spot),
        strike: &column(|terms| terms.strike),
        rate: &column(|terms| terms.rate),
        dividend: &column(|terms| terms.dividend),
        vol: &column(|terms| terms.vol),
        expiry: &column(|terms| terms.expiry),
    })
}
