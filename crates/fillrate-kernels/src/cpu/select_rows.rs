//! Gathering rows: the first token of each sequence, for pooler and classifier.

use half::bf16;

use super::Cpu;
use super::quantize::quantize_rows;
use crate::activation::{Activation, Values};
use crate::{Error, Result};

impl Cpu {
    /// Copies the rows `rows` of `x` into `out`, in that order, converting between f32 and bf16
    /// where the two differ. `out` has shape `[rows.len(), x.width()]` afterwards.
    ///
    /// # Errors
    ///
    /// If a row does not exist, the widths differ, or `out` has no room.
    pub fn select_rows(&self, x: &Activation, rows: &[u32], out: &mut Activation) -> Result<()> {
        if let Some(row) = rows.iter().find(|&&row| row as usize >= x.rows) {
            return Err(Error::Shape {
                op: "select_rows",
                expected: format!("rows below {}", x.rows),
                got: format!("row {row}"),
            });
        }
        if out.width != x.width || rows.len() > out.capacity_rows() {
            return Err(Error::Shape {
                op: "select_rows",
                expected: format!("room for [{}, {}]", rows.len(), x.width),
                got: format!("[{}, {}]", out.capacity_rows(), out.width),
            });
        }
        out.rows = rows.len();
        let stride = x.stride;
        for (to, &from) in rows.iter().enumerate() {
            let from = from as usize * stride..(from as usize + 1) * stride;
            let to = to * stride..(to + 1) * stride;
            match (&x.values, &mut out.values) {
                (Values::F32(x), Values::F32(out)) => out[to].copy_from_slice(&x[from]),
                (Values::Bf16(x), Values::Bf16(out)) => out[to].copy_from_slice(&x[from]),
                (Values::Bf16(x), Values::F32(out)) => {
                    out[to].iter_mut().zip(&x[from]).for_each(|(o, x)| *o = x.to_f32());
                }
                (Values::F32(x), Values::Bf16(out)) => {
                    out[to].iter_mut().zip(&x[from]).for_each(|(o, &x)| *o = bf16::from_f32(x));
                }
            }
        }
        quantize_rows(self.tier, out);
        Ok(())
    }
}
