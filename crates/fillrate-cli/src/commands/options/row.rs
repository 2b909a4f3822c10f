//! The terms of one option: a table's row, filled up by the flags.

use fillrate::market::options::{Barrier, Kind, Right, Terms};
use fillrate::records::{self, Chunk};

use self::asked::{Flags, TERMS, TEXTS};
use crate::cli::KindName;

/// The moments of an arithmetic mean if nothing is said: the trading days of a year.
const FIXINGS_DEFAULT: u32 = 252;

pub(super) mod asked {
    //! What was typed, by the names of the columns.

    use crate::cli::{ImpliedVolArgs, PriceOptionsArgs, TermArgs};

    /// The columns that a table of options may have.
    pub(in super::super) const TERMS: [&str; 13] = [
        "kind",
        "right",
        "spot",
        "strike",
        "rate",
        "yield",
        "vol",
        "expiry",
        "barrier",
        "barrier_kind",
        "rebate",
        "fixings",
        "price",
    ];

    /// Those that are texts.
    pub(in super::super) const TEXTS: [&str; 3] = ["kind", "right", "barrier_kind"];

    /// A text for each of [`TERMS`], where a flag says one.
    pub(in super::super) type Flags = [Option<String>; TERMS.len()];

    fn put(flags: &mut Flags, name: &str, value: Option<String>) {
        if let Some(place) = TERMS.iter().position(|term| *term == name) {
            flags[place] = value;
        }
    }

    fn of_terms(terms: &TermArgs) -> Flags {
        let mut flags = Flags::default();
        put(&mut flags, "right", terms.right.map(|right| right.to_string()));
        for (name, value) in [
            ("spot", terms.spot),
            ("strike", terms.strike),
            ("rate", terms.rate),
            ("yield", terms.dividend),
            ("expiry", terms.expiry),
        ] {
            put(&mut flags, name, value.map(|value| value.to_string()));
        }
        flags
    }

    /// The flags of `price`.
    pub(in super::super) fn of_price(arguments: &PriceOptionsArgs) -> Flags {
        let mut flags = of_terms(&arguments.terms);
        put(&mut flags, "kind", arguments.kind.map(|kind| kind.as_str().to_owned()));
        put(&mut flags, "vol", arguments.vol.map(|vol| vol.to_string()));
        put(&mut flags, "barrier", arguments.barrier.map(|level| level.to_string()));
        put(&mut flags, "barrier_kind", arguments.barrier_kind.map(|kind| kind.to_string()));
        put(&mut flags, "rebate", arguments.rebate.map(|rebate| rebate.to_string()));
        put(&mut flags, "fixings", arguments.fixings.map(|fixings| fixings.to_string()));
        flags
    }

    /// The flags of `iv`.
    pub(in super::super) fn of_implied(arguments: &ImpliedVolArgs) -> Flags {
        let mut flags = of_terms(&arguments.terms);
        put(&mut flags, "price", arguments.price.map(|price| price.to_string()));
        flags
    }
}

/// The cells of a chunk's columns of terms.
pub(super) struct Rows<'a> {
    /// By [`TERMS`]; absent where the table has no such column.
    columns: Vec<Option<Vec<Result<String, String>>>>,
    len: usize,
    flags: &'a Flags,
}

impl<'a> Rows<'a> {
    pub(super) fn of(chunk: &Chunk, flags: &'a Flags) -> Self {
        let has = |name: &str| match chunk.rows() {
            records::Rows::Table(batch) => batch.column_by_name(name).is_some(),
            records::Rows::Objects(objects) => objects.iter().any(|o| o.contains_key(name)),
        };
        let column = |name: &&str| has(name).then(|| chunk.values(name));
        Self { columns: TERMS.iter().map(column).collect(), len: chunk.len(), flags }
    }

    /// One option of which all terms are flags.
    pub(super) fn of_flags(flags: &'a Flags) -> Self {
        Self { columns: vec![None; TERMS.len()], len: 1, flags }
    }

    /// The number of options.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The columns of terms that are numbers in all rows but those `left_out`, where they are not empty.
    pub(super) fn numbers(&self, left_out: impl Fn(usize) -> bool) -> Vec<&'static str> {
        let is_number = |name: &&str| {
            (0..self.len).all(|row| left_out(row) || self.check_number(row, name).is_ok())
        };
        TERMS.into_iter().filter(|name| !TEXTS.contains(name)).filter(is_number).collect()
    }

    /// Checks a cell of a column whose cells have been numbers so far, which it has to go on with in a
    /// format with types.
    pub(super) fn check_number(&self, row: usize, name: &str) -> Result<(), String> {
        let place = TERMS.iter().position(|term| *term == name);
        let column = place.and_then(|place| self.columns[place].as_ref());
        match column.map(|column| column[row].as_deref().map(str::trim)) {
            Some(Ok(text)) if !text.is_empty() && text.parse::<f64>().is_err() => Err(format!(
                "{name}: `{text}` is not a number, as those before it are; leave the cell empty"
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn row(&self, row: usize) -> Row<'_> {
        let cell =
            |column: &Option<Vec<Result<String, String>>>| -> Option<Result<String, String>> {
                match column.as_ref()?[row].clone() {
                    Ok(text) if text.trim().is_empty() => None,
                    // What is missing is what the flag says.
                    Err(message)
                        if message.ends_with(" is null") || message.ends_with(" is missing") =>
                    {
                        None
                    }
                    cell => Some(cell),
                }
            };
        Row { cells: self.columns.iter().map(cell).collect(), flags: self.flags }
    }
}

/// The terms of one option.
pub(super) struct Row<'a> {
    cells: Vec<Option<Result<String, String>>>,
    flags: &'a Flags,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(place) = TERMS.iter().position(|term| *term == name) else { return Ok(None) };
        match &self.cells[place] {
            Some(cell) => cell.clone().map(Some),
            None => Ok(self.flags[place].clone()),
        }
    }

    fn value<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = text.trim().parse().map_err(|_| format!("{name}: `{text}` is not {what}"));
        value.map(Some)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        self.value(name, "a number")
    }

    fn needed(&self, name: &str) -> Result<f64, String> {
        self.number(name)?.ok_or_else(|| format!("{name}: not given"))
    }

    fn right(&self) -> Result<Right, String> {
        self.value("right", "call or put")?.ok_or_else(|| "right: not given".to_owned())
    }

    fn terms(&self, vol: f64) -> Result<Terms, String> {
        Ok(Terms {
            spot: self.needed("spot")?,
            strike: self.needed("strike")?,
            rate: self.number("rate")?.unwrap_or(0.0),
            dividend: self.number("yield")?.unwrap_or(0.0),
            vol,
            expiry: self.needed("expiry")?,
        })
    }
}

/// The option to price.
pub(super) fn option_of(row: &Row<'_>) -> Result<(Kind, Right, Terms), String> {
    let what = "european, american, asian-geometric, asian-arithmetic or barrier";
    let fixings = || row.value("fixings", "a number of moments");
    let kind = match row.value("kind", what)?.unwrap_or(KindName::European) {
        KindName::European => Kind::European,
        KindName::American => Kind::American,
        KindName::AsianGeometric => Kind::AsianGeometric { fixings: fixings()? },
        KindName::AsianArithmetic => {
            Kind::AsianArithmetic { fixings: fixings()?.unwrap_or(FIXINGS_DEFAULT) }
        }
        KindName::Barrier => Kind::Barrier(Barrier {
            kind: row
                .value("barrier_kind", "down-out, down-in, up-out or up-in")?
                .ok_or("barrier_kind: not given")?,
            level: row.needed("barrier")?,
            rebate: row.number("rebate")?.unwrap_or(0.0),
        }),
    };
    Ok((kind, row.right()?, row.terms(row.needed("vol")?)?))
}

/// The option to imply a volatility from.
pub(super) fn implied_of(row: &Row<'_>) -> Result<(Right, f64, Terms), String> {
    Ok((row.right()?, row.needed("price")?, row.terms(0.0)?))
}
