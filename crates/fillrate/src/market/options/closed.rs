//! Geometric means and barriers, whose prices are closed forms and whose Greeks are differences of them: of one
//! option, or of many together.

use std::ops::Range;

use fillrate_kernels::cuda::OPTION_TERMS;
use fillrate_kernels::{BarrierColumns, Cpu, GREEKS, OptionColumns};

use super::{Barrier, GreekColumns, Greeks, Kind, Right, Terms};
use crate::market::device::{Computer, Job, MarketDevice, by_tiles};
use crate::{Error, Result};

/// Options that one thread takes at a time: enough to hide what a task costs.
const CHUNK: usize = 256;
/// The most terms of an option.
const TERMS_MAX: usize = OPTION_TERMS + 4;

/// Which closed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    GeometricMean,
    Barrier,
}

impl Form {
    /// The form of a kind and an option's terms in the order of the kernels' columns; `None` for a kind of
    /// another form, or of none.
    fn of(kind: Kind, right: Right, terms: &Terms) -> Option<(Self, [f64; TERMS_MAX])> {
        let Terms { spot, strike, rate, dividend, vol, expiry } = *terms;
        let (form, [a, b, c, d]) = match kind {
            Kind::AsianGeometric { fixings } => {
                (Self::GeometricMean, [f64::from(fixings.unwrap_or(0)), 0.0, 0.0, 0.0])
            }
            Kind::Barrier(Barrier { kind, level, rebate }) => {
                let sign = |is_so: bool| if is_so { 1.0 } else { -1.0 };
                (Self::Barrier, [level, rebate, sign(kind.is_down()), sign(kind.is_in())])
            }
            _ => return None,
        };
        Some((form, [spot, strike, rate, dividend, vol, expiry, right.sign(), a, b, c, d]))
    }

    const fn terms(self) -> usize {
        match self {
            Self::GeometricMean => OPTION_TERMS + 1,
            Self::Barrier => OPTION_TERMS + 4,
        }
    }

    /// Price and Greeks of some rows.
    fn compute(
        self,
        columns: &[Vec<f64>],
        rows: Range<usize>,
        outputs: [&mut [f64]; GREEKS],
    ) -> fillrate_kernels::Result<()> {
        let mut parts: [&[f64]; TERMS_MAX] = [&[]; TERMS_MAX];
        for (part, column) in parts.iter_mut().zip(columns) {
            *part = &column[rows.clone()];
        }
        let [spot, strike, rate, dividend, vol, expiry, sign, level, rebate, side, effect] = parts;
        let options = OptionColumns { spot, strike, rate, dividend, vol, expiry, sign };
        match self {
            Self::GeometricMean => Cpu::detect().geometric_asian(&options, level, outputs),
            Self::Barrier => {
                let barriers = BarrierColumns { level, rebate, side, effect };
                Cpu::detect().single_barrier(&options, &barriers, outputs)
            }
        }
    }
}

/// Price and Greeks of an option whose terms were checked, if it is of one of these kinds.
pub(super) fn greeks(kind: Kind, right: Right, terms: &Terms) -> Option<Greeks> {
    let (form, row) = Form::of(kind, right, terms)?;
    let columns: Vec<Vec<f64>> = row[..form.terms()].iter().map(|term| vec![*term]).collect();
    let mut out = [[0.0]; GREEKS];
    let computed = form.compute(&columns, 0..1, out.each_mut().map(|out| &mut out[..]));
    debug_assert!(computed.is_ok(), "all columns have one row");
    let [[price], [delta], [gamma], [vega], [theta], [rho]] = out;
    Some(Greeks { price, delta, gamma, vega, theta, rho })
}

/// Options of one closed form whose terms are in their ranges.
#[derive(Clone, Debug)]
pub struct ClosedFormBatch {
    form: Form,
    /// A column for each term, `[options]` each.
    columns: Vec<Vec<f64>>,
}

impl ClosedFormBatch {
    fn new(form: Form) -> Self {
        Self { form, columns: vec![Vec::new(); form.terms()] }
    }

    fn push(&mut self, row: &[f64; TERMS_MAX]) {
        for (column, term) in self.columns.iter_mut().zip(row) {
            column.push(*term);
        }
    }

    fn len(&self) -> usize {
        self.columns[0].len()
    }
}

impl Job for ClosedFormBatch {
    type Answer = GreekColumns;

    /// In options.
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn on_processor(&self) -> Result<GreekColumns> {
        let compute =
            |rows, outputs: [&mut [f64]; GREEKS]| self.form.compute(&self.columns, rows, outputs);
        GreekColumns::by_chunks(self.len(), CHUNK, compute)
    }

    fn on_device(&self, device: &MarketDevice) -> Result<GreekColumns> {
        let launch = |terms, out, count| match self.form {
            Form::GeometricMean => device.prices.geometric_asian(terms, out, count),
            Form::Barrier => device.prices.single_barrier(terms, out, count),
        };
        let [price, delta, gamma, vega, theta, rho] =
            by_tiles::<GREEKS>(device, &self.columns, launch)?;
        Ok(GreekColumns { price, delta, gamma, vega, theta, rho })
    }
}

/// The prices and Greeks of many options on geometric means and with barriers, computed where `computer` says;
/// each has those that [`price`](super::price) gives it, to the bit.
///
/// # Errors
///
/// If a term is out of its range, or an option is of another kind.
pub fn closed_forms_on(
    computer: &Computer<ClosedFormBatch>,
    options: &[(Kind, Right, Terms)],
) -> Result<Vec<Greeks>> {
    let mut batches = [Form::GeometricMean, Form::Barrier].map(ClosedFormBatch::new);
    let mut places = Vec::with_capacity(options.len());
    for (kind, right, terms) in options {
        terms.check()?;
        kind.check(terms)?;
        let Some((form, row)) = Form::of(*kind, *right, terms) else {
            let message = format!("{kind:?} is neither a geometric mean nor a barrier");
            return Err(Error::Argument { name: "kind", message });
        };
        let batch = &mut batches[usize::from(form == Form::Barrier)];
        places.push((form, batch.len()));
        batch.push(&row);
    }
    let mut answers = [GreekColumns::default(), GreekColumns::default()];
    for (answer, batch) in answers.iter_mut().zip(batches) {
        if batch.len() > 0 {
            *answer = computer.run(batch)?;
        }
    }
    let of_place =
        |(form, row): (Form, usize)| answers[usize::from(form == Form::Barrier)].row(row);
    Ok(places.into_iter().map(of_place).collect())
}
