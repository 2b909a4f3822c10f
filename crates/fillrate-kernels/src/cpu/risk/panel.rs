//! Many series of prices, and the dates of their returns.

use crate::{Error, Result};

/// When the returns of series are: numbers of dates, from 0 on.
#[derive(Clone, Copy, Debug)]
pub enum RiskDates<'a> {
    /// Each series has a return at every date from this one on: `[series]`.
    From(&'a [u32]),
    /// The date of each price, which is that of the return that ends with it: `[prices]`, rising within a
    /// series. Those of first prices, with which no return ends, are not looked at.
    Each(&'a [u32]),
}

/// Prices above 0 of many series, one series after another. A return is from one price to the next.
#[derive(Clone, Copy, Debug)]
pub struct RiskPanel<'a> {
    prices: &'a [f64],
    starts: &'a [u64],
    returns: RiskDates<'a>,
    dates: usize,
}

impl<'a> RiskPanel<'a> {
    /// The series whose prices begin at `starts` (`[series + 1]`, its last the number of prices), which may
    /// be empty, and whose returns are at some of `dates` dates.
    ///
    /// # Errors
    ///
    /// If the starts do not divide the prices, or dates are missing, fall or are not below `dates`.
    pub fn new(
        prices: &'a [f64],
        starts: &'a [u64],
        returns: RiskDates<'a>,
        dates: usize,
    ) -> Result<Self> {
        let refused = |expected: &str, got: String| {
            Err(Error::Shape { op: "risk", expected: expected.to_owned(), got })
        };
        let is_divided = starts.is_sorted()
            && starts.first() == Some(&0)
            && starts.last() == Some(&(prices.len() as u64));
        if !is_divided || dates > u32::MAX as usize {
            let got = format!("{} prices, {dates} dates and {starts:?}", prices.len());
            return refused("starts that divide the prices, and fewer than 2³² dates", got);
        }
        let panel = Self { prices, starts, returns, dates };
        let known = match returns {
            RiskDates::From(firsts) => (firsts.len(), panel.series()),
            RiskDates::Each(each) => (each.len(), prices.len()),
        };
        if known.0 != known.1 {
            return refused(&format!("{} dates of returns", known.1), known.0.to_string());
        }
        let wrong = (0..panel.series()).find(|place| !panel.is_within(*place));
        match wrong {
            Some(place) => {
                refused(&format!("rising dates below {dates}"), format!("others in series {place}"))
            }
            None => Ok(panel),
        }
    }

    fn is_within(&self, place: usize) -> bool {
        let returns = self.path(place).len().saturating_sub(1);
        match self.dates_of(place) {
            Dates::From(first) => returns == 0 || first + returns <= self.dates,
            Dates::Each(dates) => {
                dates.is_sorted_by(|one, next| one < next)
                    && dates.last().is_none_or(|last| (*last as usize) < self.dates)
            }
        }
    }

    /// The number of series.
    #[must_use]
    pub const fn series(&self) -> usize {
        self.starts.len() - 1
    }

    /// The prices of all series.
    #[must_use]
    pub const fn prices(&self) -> &'a [f64] {
        self.prices
    }

    /// Where those of each series begin, and their number.
    #[must_use]
    pub const fn starts(&self) -> &'a [u64] {
        self.starts
    }

    /// When returns are.
    #[must_use]
    pub const fn returns(&self) -> RiskDates<'a> {
        self.returns
    }

    /// The number of dates.
    #[must_use]
    pub const fn dates(&self) -> usize {
        self.dates
    }

    /// The prices of a series.
    pub(super) fn path(&self, place: usize) -> &'a [f64] {
        &self.prices[self.starts[place] as usize..self.starts[place + 1] as usize]
    }

    pub(super) fn dates_of(&self, place: usize) -> Dates<'a> {
        match self.returns {
            RiskDates::From(firsts) => Dates::From(firsts[place] as usize),
            RiskDates::Each(each) => {
                let of = &each[self.starts[place] as usize..self.starts[place + 1] as usize];
                Dates::Each(of.get(1..).unwrap_or_default())
            }
        }
    }
}

/// The dates of a series' returns.
#[derive(Clone, Copy)]
pub(super) enum Dates<'a> {
    From(usize),
    Each(&'a [u32]),
}

impl Dates<'_> {
    /// What a row of all dates has at those of `returns` returns.
    pub(super) fn beside<'b>(
        &self,
        row: &'b [f64],
        returns: usize,
        gathered: &'b mut Vec<f64>,
    ) -> &'b [f64] {
        match self {
            Self::From(first) => &row[*first..*first + returns],
            Self::Each(dates) => {
                gathered.clear();
                gathered.extend(dates.iter().map(|date| row[*date as usize]));
                gathered
            }
        }
    }
}
