//! The flags of `fillrate options`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use fillrate::market::options::{BarrierKind, Right};

use super::{InputArgs, TextArgs};
use crate::settings::{InputFormat, OnError};

/// What stands below the flags of `price`.
const PRICE_EXAMPLES: &str = "\
Without a table the terms are flags, and there is one record:
  price, delta, gamma, vega, theta, rho, std_error
With a table each row is an option: the columns kind, right, spot, strike, rate, yield, vol, expiry,
barrier, barrier_kind, rebate and fixings are read where they are; an empty cell, and a column that is
not there, is what the flag of that name says. Records have the input's columns and then those above.
theta is per year, vega and rho are per 1.00. std_error is that of a simulated price, else null; what a
method does not give (gamma by monte-carlo, all but the price by binomial) is null.
Barriers are watched continuously; a knock-out's rebate is paid when it is hit, a knock-in's at
expiry. The geometric mean is taken from now to expiry, continuously unless --fixings says otherwise;
the arithmetic one at 252 moments unless it does.

Methods, the first of each kind being the default:
  european           closed-form, binomial, monte-carlo
  american           spectral (an integral equation by collocation), binomial
  asian-geometric    closed-form, monte-carlo (with --fixings)
  asian-arithmetic   monte-carlo, with the geometric mean as control variate
  barrier            closed-form, monte-carlo with a Brownian bridge between the steps

Examples:
  fillrate options price --right call --spot 42 --strike 40 --rate 0.1 --vol 0.2 --expiry 0.5
  fillrate options price --kind american --right put --spot 36 --strike 40 --rate 0.06 --vol 0.2 \\
      --expiry 1
  fillrate options price --kind barrier --barrier-kind down-out --barrier 95 --rebate 3 \\
      --right call --spot 100 --strike 90 --rate 0.08 --yield 0.04 --vol 0.25 --expiry 0.5
  fillrate options price book.csv --rate 0.03 -o priced.parquet";

/// What stands below the flags of `iv`.
const IV_EXAMPLES: &str = "\
Without a table the terms are flags, and there is one record with implied_vol. With a table each row
is an option, with the columns price, right, spot, strike, rate, yield and expiry; records have the
input's columns and then implied_vol. A price that no volatility reaches is a malformed row.

Examples:
  fillrate options iv --price 4.76 --right call --spot 42 --strike 40 --rate 0.1 --expiry 0.5
  fillrate options iv quotes.csv --rate 0.03 --on-error skip";

/// What `fillrate options` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum OptionsVerb {
    /// Price options and their Greeks, from flags or from a table
    #[command(after_help = PRICE_EXAMPLES)]
    Price(Box<PriceOptionsArgs>),

    /// Find the volatility that a European option's price implies
    #[command(after_help = IV_EXAMPLES)]
    Iv(Box<ImpliedVolArgs>),
}

impl OptionsVerb {
    pub(super) fn text_args(&self) -> TextArgs {
        match self {
            Self::Price(arguments) => arguments.table.text_args(),
            Self::Iv(arguments) => arguments.table.text_args(),
        }
    }
}

/// Where a table of options comes from, if there is one.
#[derive(Args, Clone, Debug)]
pub(crate) struct OptionTableArgs {
    /// Options: a .csv, .jsonl or .parquet file, or - for standard input; without it, the flags are
    /// one option
    #[arg(value_name = "INPUT")]
    pub(crate) input: Option<PathBuf>,

    /// The format of the input [default: from its extension]
    #[arg(long, value_name = "FORMAT", requires = "input")]
    pub(crate) input_format: Option<InputFormat>,

    /// What to do with a malformed row [default: stop]
    #[arg(long, value_name = "ACTION", requires = "input")]
    pub(crate) on_error: Option<OnError>,
}

impl OptionTableArgs {
    fn text_args(&self) -> TextArgs {
        let input = InputArgs {
            input_format: self.input_format,
            on_error: self.on_error,
            ..InputArgs::default()
        };
        TextArgs { input, ..TextArgs::default() }
    }
}

/// The terms of an option, as far as they are typed.
#[derive(Args, Clone, Debug)]
pub(crate) struct TermArgs {
    /// call or put
    #[arg(long, value_name = "RIGHT")]
    pub(crate) right: Option<Right>,

    /// The price of the underlying
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    pub(crate) spot: Option<f64>,

    /// The strike
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    pub(crate) strike: Option<f64>,

    /// The continuous rate per year, 0.05 for 5 % [default: 0]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,

    /// The continuous dividend yield per year [default: 0]
    #[arg(long = "yield", value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) dividend: Option<f64>,

    /// The time to expiry in years
    #[arg(long, value_name = "YEARS", allow_negative_numbers = true)]
    pub(crate) expiry: Option<f64>,
}

/// What to price.
#[derive(Args, Clone, Debug)]
pub(crate) struct PriceOptionsArgs {
    /// The table
    #[command(flatten)]
    pub(crate) table: OptionTableArgs,

    /// What the option pays: european, american, asian-geometric, asian-arithmetic or barrier
    /// [default: european]
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<KindName>,

    /// The terms
    #[command(flatten)]
    pub(crate) terms: TermArgs,

    /// The volatility per year, 0.2 for 20 %
    #[arg(long, value_name = "VOL", allow_negative_numbers = true)]
    pub(crate) vol: Option<f64>,

    /// The price at which the barrier lies
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    pub(crate) barrier: Option<f64>,

    /// Where the barrier lies and what it does: down-out, down-in, up-out or up-in
    #[arg(long, value_name = "KIND")]
    pub(crate) barrier_kind: Option<BarrierKind>,

    /// What a knock-out pays when it is hit, or a knock-in at expiry if it never was [default: 0]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(crate) rebate: Option<f64>,

    /// At how many equally spaced moments the mean is taken [default: at all; arithmetic: 252]
    #[arg(long, value_name = "N")]
    pub(crate) fixings: Option<u32>,

    /// How to price: closed-form, spectral, binomial or monte-carlo [default: by kind, see below]
    #[arg(long, value_name = "METHOD")]
    pub(crate) method: Option<MethodName>,

    /// The paths of a simulation, an even number [default: 100000]
    #[arg(long, value_name = "N")]
    pub(crate) paths: Option<u64>,

    /// Where a simulation's random numbers come from [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// The steps of a tree, or of paths beside a barrier [default: 1001; 64]
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<u32>,
}

/// What to imply a volatility from.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImpliedVolArgs {
    /// The table
    #[command(flatten)]
    pub(crate) table: OptionTableArgs,

    /// The price of the option
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    pub(crate) price: Option<f64>,

    /// The terms
    #[command(flatten)]
    pub(crate) terms: TermArgs,
}

/// What an option pays, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KindName {
    European,
    American,
    AsianGeometric,
    AsianArithmetic,
    Barrier,
}

impl KindName {
    const ALL: [Self; 5] = [
        Self::European,
        Self::American,
        Self::AsianGeometric,
        Self::AsianArithmetic,
        Self::Barrier,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::European => "european",
            Self::American => "american",
            Self::AsianGeometric => "asian-geometric",
            Self::AsianArithmetic => "asian-arithmetic",
            Self::Barrier => "barrier",
        }
    }
}

impl FromStr for KindName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        known.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// How an option is priced, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodName {
    ClosedForm,
    Spectral,
    Binomial,
    MonteCarlo,
}

impl MethodName {
    const ALL: [Self; 4] = [Self::ClosedForm, Self::Spectral, Self::Binomial, Self::MonteCarlo];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ClosedForm => "closed-form",
            Self::Spectral => "spectral",
            Self::Binomial => "binomial",
            Self::MonteCarlo => "monte-carlo",
        }
    }
}

impl FromStr for MethodName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|method| method.as_str() == name);
        known.ok_or_else(|| format!("expected {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
