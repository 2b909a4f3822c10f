//! Self-attention over packed sequences.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use half::bf16;

use super::Cpu;
use super::block::{Panels, fma_block};
use super::dispatch::{Kernel, dispatch};
use super::lanes::{LANES, Lanes};
use super::math::exp;
use super::quantize::quantize_rows;
use crate::activation::{Activation, Values};
use crate::buffer::Aligned;
use crate::{Error, Result, Workspace};

/// Query rows that are worked on at a time.
const BLOCK_ROWS: usize = 4;

/// Which sequences a batch holds and how their rows are split into heads.
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// Where each sequence begins and, last, where all end: `[sequences + 1]`, from 0, rising.
    pub cu_seqlens: &'a [u32],
    /// The number of heads.
    pub heads: usize,
}

/// The pieces of one head of one sequence, widened to f32.
pub(crate) struct AttentionScratch {
    /// Keys transposed, `[head_dim, padded_sequence]`: the score product's right side.
    keys: Aligned<f32>,
    /// Values, `[sequence, padded_head_dim]`: the context product's right side.
    values: Aligned<f32>,
    /// A block of scaled queries, `[BLOCK_ROWS, head_dim]`.
    queries: Aligned<f32>,
    /// A block of scores, `[BLOCK_ROWS, padded_sequence]`.
    scores: Aligned<f32>,
    /// A block of results, `[BLOCK_ROWS, padded_head_dim]`.
    context: Aligned<f32>,
    max_sequence: usize,
    head_dim: usize,
}

impl AttentionScratch {
    pub(crate) fn new(max_sequence: usize, head_dim: usize) -> Self {
        let [keys, values, queries, scores, context] = lens(max_sequence, head_dim);
        Self {
            keys: Aligned::zeroed(keys),
            values: Aligned::zeroed(values),
            queries: Aligned::zeroed(queries),
            scores: Aligned::zeroed(scores),
            context: Aligned::zeroed(context),
            max_sequence,
            head_dim,
        }
    }

    pub(crate) const fn bytes_for(max_sequence: usize, head_dim: usize) -> usize {
        let [keys, values, queries, scores, context] = lens(max_sequence, head_dim);
        Aligned::<f32>::bytes_for(keys)
            + Aligned::<f32>::bytes_for(values)
            + Aligned::<f32>::bytes_for(queries)
            + Aligned::<f32>::bytes_for(scores)
            + Aligned::<f32>::bytes_for(context)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.keys.bytes()
            + self.values.bytes()
            + self.queries.bytes()
            + self.scores.bytes()
            + self.context.bytes()
    }
}

/// The lengths of keys, values, queries, scores and context.
const fn lens(max_sequence: usize, head_dim: usize) -> [usize; 5] {
    let sequence = max_sequence.next_multiple_of(LANES);
    let dim = head_dim.next_multiple_of(LANES);
    [
        head_dim * sequence,
        max_sequence * dim,
        BLOCK_ROWS * head_dim,
        BLOCK_ROWS * sequence,
        BLOCK_ROWS * dim,
    ]
}

impl Cpu {
    /// Softmax(q kᵀ / √d) v within each sequence and head of d values.
    ///
    /// `qkv` has shape `[tokens, 3 * hidden]`: queries, keys and values side by side, each with its
    /// heads side by side; `out` becomes `[tokens, hidden]`.
    ///
    /// Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1.
    ///
    /// # Errors
    ///
    /// If the offsets do not rise from 0 to the number of rows, a sequence is longer than the
    /// workspace allows, or a shape does not fit.
    pub fn attention(
        &self,
        qkv: &Activation,
        sequences: Sequences<'_>,
        out: &mut Activation,
        workspace: &mut Workspace,
    ) -> Result<()> {
        let scratch = &mut workspace.attention;
        check(qkv, sequences, out, scratch)?;
        out.rows = qkv.rows;
        dispatch(self.tier, Attention { qkv, sequences, out, scratch });
        quantize_rows(self.tier, out);
        Ok(())
    }
}

fn check(
    qkv: &Activation,
    sequences: Sequences<'_>,
    out: &Activation,
    scratch: &AttentionScratch,
) -> Result<()> {
    let error = |expected: String, got: String| Error::Shape { op: "attention", expected, got };
    let Sequences { cu_seqlens, heads } = sequences;
    let rising = cu_seqlens.first() == Some(&0)
        && cu_seqlens.is_sorted()
        && cu_seqlens.last() == Some(&(qkv.rows as u32));
    if !rising {
        let expected = format!("offsets rising from 0 to {}", qkv.rows);
        return Err(error(expected, format!("{:?} … {:?}", cu_seqlens.first(), cu_seqlens.last())));
    }
    let longest = cu_seqlens.windows(2).map(|w| (w[1] - w[0]) as usize).max().unwrap_or(0);
    if longest > scratch.max_sequence {
        return Err(error(
            format!("sequences of at most {} tokens", scratch.max_sequence),
            longest.to_string(),
        ));
    }
    let same = matches!(
        (&qkv.values, &out.values),
        (Values::F32(_), Values::F32(_)) | (Values::Bf16(_), Values::Bf16(_))
    );
    let hidden = heads * scratch.head_dim;
    if !same || out.width != hidden || qkv.width != 3 * hidden || qkv.rows > out.capacity_rows() {
        return Err(error(
            format!("[{}, {}] into [{}, {hidden}] of one type", qkv.rows, 3 * hidden, qkv.rows),
            format!("[{}, {}] into [{}, {}]", qkv.rows, qkv.width, out.capacity_rows(), out.width),
        ));
    }
    Ok(())
}

struct Attention<'a> {
    qkv: &'a Activation,
    sequences: Sequences<'a>,
    out: &'a mut Activation,
    scratch: &'a mut AttentionScratch,
}

impl Kernel for Attention<'_> {
    #[inline(always)]
    unsafe fn run<L: Lanes>(self) {
        let Self { qkv, sequences, out, scratch } = self;
        let (stride, out_stride) = (qkv.stride, out.stride);
        let dim = scratch.head_dim;
        let hidden = dim * sequences.heads;
        for range in sequences.cu_seqlens.windows(2) {
            let (first, end) = (range[0] as usize, range[1] as usize);
            if first == end {
                continue;
            }
            for head in 0..sequences.heads {
                let column = head * dim;
                // SAFETY: `check` has made sure of every bound: rows first..end exist in both
                // matrices, columns column..column + dim in each third of `qkv`, and the scratch
                // holds one such sequence. `L` is available by the trait's contract.
                unsafe {
                    match (&qkv.values, &mut out.values) {
                        (Values::F32(from), Values::F32(to)) => {
                            let from = Source { rows: from, first, stride, hidden, column };
                            attend::<L, f32>(from, end - first, scratch, |row, context| {
                                let at = (first + row) * out_stride + column;
                                to[at..at + dim].copy_from_slice(context);
                            });
                        }
                        (Values::Bf16(from), Values::Bf16(to)) => {
                            let from = Source { rows: from, first, stride, hidden, column };
                            attend::<L, bf16>(from, end - first, scratch, |row, context| {
                                let at = (first + row) * out_stride + column;
                                store_row::<L>(context, &mut to[at..at + dim]);
                            });
                        }
                        // `check` admits no mixture.
                        _ => {}
                    }
                }
            }
        }
    }
}

/// One head of one sequence inside `qkv`.
#[derive(Clone, Copy)]
struct Source<'a, T> {
    rows: &'a [T],
    first: usize,
    stride: usize,
    hidden: usize,
    column: usize,
}

impl<T> Source<'_, T> {
    /// The head's slice of row `row` in the queries (0), keys (1) or values (2).
    #[inline(always)]
    fn row(&self, row: usize, third: usize, dim: usize) -> &[T] {
        let at = (self.first + row) * self.stride + third * self.hidden + self.column;
        &self.rows[at..at + dim]
    }
}

/// A value that is widened to f32 on the way in.
trait Widen: Copy {
    fn widen(self) -> f32;
}

impl Widen for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl Widen for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// Attention of one head of one sequence of `len` tokens; `emit` gets each row's context.
#[inline(always)]
unsafe fn attend<L: Lanes, T: Widen>(
    from: Source<'_, T>,
    len: usize,
    scratch: &mut AttentionScratch,
    mut emit: impl FnMut(usize, &[f32]),
) {
    let dim = scratch.head_dim;
    let padded_len = len.next_multiple_of(LANES);
    let padded_dim = dim.next_multiple_of(LANES);
    widen_keys_and_values(from, len, scratch);
    let keys = Panels { start: scratch.keys.as_ptr(), panel_step: LANES, k_step: padded_len };
    let values = Panels { start: scratch.values.as_ptr(), panel_step: LANES, k_step: padded_dim };
    let scale = 1.0 / (dim as f32).sqrt();
    for block in (0..len).step_by(BLOCK_ROWS) {
        let rows = BLOCK_ROWS.min(len - block);
        for (row, to) in scratch.queries.chunks_exact_mut(dim).take(rows).enumerate() {
            for (to, from) in to.iter_mut().zip(from.row(block + row, 0, dim)) {
                *to = from.widen() * scale;
            }
        }
        // SAFETY: the scratch holds BLOCK_ROWS rows of `dim` queries, of `padded_len` scores and of
        // `padded_dim` results; keys and values were laid out above. Rows past `rows` hold what an
        // earlier block left, and nothing reads what comes of them.
        unsafe {
            let scores = scratch.scores.as_mut_ptr();
            let queries = (scratch.queries.as_ptr(), dim);
            product::<L>(queries, keys, dim, (scores, padded_len), padded_len / LANES);
            let mut inverse = [0.0; BLOCK_ROWS];
            for (row, inverse) in inverse.iter_mut().enumerate().take(rows) {
                *inverse = 1.0 / softmax_row::<L>(scores.add(row * padded_len), len, padded_len);
            }
            let context = scratch.context.as_mut_ptr();
            let weights = (scores.cast_const(), padded_len);
            product::<L>(weights, values, len, (context, padded_dim), padded_dim / LANES);
            for (row, inverse) in inverse.into_iter().enumerate().take(rows) {
                let at = row * padded_dim;
                for chunk in (0..padded_dim).step_by(LANES) {
                    let to = context.add(at + chunk);
                    L::load(to).mul(L::splat(inverse)).store(to);
                }
            }
        }
        for row in 0..rows {
            emit(block + row, &scratch.context[row * padded_dim..row * padded_dim + dim]);
        }
    }
}

/// `BLOCK_ROWS` rows times `panels` panels of sixteen columns, two panels at a time.
///
/// # Safety
///
/// As for [`fma_block`].
#[inline(always)]
unsafe fn product<L: Lanes>(
    a: (*const f32, usize),
    right: Panels<f32>,
    k: usize,
    out: (*mut f32, usize),
    panels: usize,
) {
    let mut panel = 0;
    while panel < panels {
        // SAFETY: as the caller guarantees, for the panels from `panel` on.
        unsafe {
            let right = Panels { start: right.start.add(panel * right.panel_step), ..right };
            let out = (out.0.add(panel * LANES), out.1);
            if panels - panel >= 2 {
                fma_block::<L, BLOCK_ROWS, 2>(a, right, k, out);
                panel += 2;
            } else {
                fma_block::<L, BLOCK_ROWS, 1>(a, right, k, out);
                panel += 1;
            }
        }
    }
}

/// Replaces a row of scores by exp(score − max) and returns their sum, at least 1.
///
/// # Safety
///
/// `row` is valid for `padded` values, of which the first `len` are scores; `L` is available.
#[inline(always)]
unsafe fn softmax_row<L: Lanes>(row: *mut f32, len: usize, padded: usize) -> f32 {
    // SAFETY: as the caller guarantees.
    unsafe {
        // The columns past the sequence must not count: e^(−∞ − max) is below 2⁻¹²⁵.
        for column in len..padded {
            row.add(column).write(f32::NEG_INFINITY);
        }
        let mut max = L::load(row);
        for chunk in (LANES..padded).step_by(LANES) {
            max = max.max(L::load(row.add(chunk)));
        }
        let max = L::splat(max.reduce_max());
        let mut sum = L::splat(0.0);
        for chunk in (0..padded).step_by(LANES) {
            let at = row.add(chunk);
            let power = exp(L::load(at).sub(max));
            power.store(at);
            sum = sum.add(power);
        }
        sum.reduce_add()
    }
}

/// Lays out keys transposed and values row by row, with zeros in the padding.
#[inline(always)]
fn widen_keys_and_values<T: Widen>(
    from: Source<'_, T>,
    len: usize,
    scratch: &mut AttentionScratch,
) {
    let dim = scratch.head_dim;
    let padded_len = len.next_multiple_of(LANES);
    let padded_dim = dim.next_multiple_of(LANES);
    for row in 0..len {
        for (d, from) in from.row(row, 1, dim).iter().enumerate() {
            scratch.keys[d * padded_len + row] = from.widen();
        }
        let values = &mut scratch.values[row * padded_dim..(row + 1) * padded_dim];
        let (values, padding) = values.split_at_mut(dim);
        for (to, from) in values.iter_mut().zip(from.row(row, 2, dim)) {
            *to = from.widen();
        }
        padding.fill(0.0);
    }
    for keys in scratch.keys.chunks_exact_mut(padded_len).take(dim) {
        keys[len..].fill(0.0);
    }
}

/// Rounds a row to bf16: whole vectors, then what is left one by one.
///
/// # Safety
///
/// `L` is available.
#[inline(always)]
unsafe fn store_row<L: Lanes>(from: &[f32], to: &mut [bf16]) {
    assert_eq!(from.len(), to.len());
    let whole = from.len() / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        // SAFETY: both slices have LANES values from `at` on.
        unsafe { L::load(from.as_ptr().add(at)).store_bf16(to.as_mut_ptr().add(at)) }
    }
    for (to, &from) in to[whole..].iter_mut().zip(&from[whole..]) {
        *to = bf16::from_f32(from);
    }
}
