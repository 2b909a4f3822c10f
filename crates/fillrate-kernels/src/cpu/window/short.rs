//! Short windows over a whole series, in one pass and in registers.

#![allow(unsafe_code, reason = "lane operations gated by the tier, over checked bounds")]

use super::aggregate::Aggregate;
use super::batch::Batch;
use super::finish::Finish;
use super::first::{First, LANES};
use crate::cpu::doubles::Delay;
use crate::cpu::prefetch::{DOUBLES_AHEAD, prefetch};

impl<A: Aggregate<K>, F: Finish<K, O>, const K: usize, const O: usize> Batch<'_, A, F, K, O> {
    /// Writes the outputs; whether all values are finite.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of `V`.
    #[inline(always)]
    pub(super) unsafe fn short<V: Delay>(&mut self) -> bool {
        const { assert!(V::LANES == LANES) };
        let x = self.x;
        let to = self.outputs(0..x.len());
        // Whole vectors lie on the lines of the first output.
        let lead = self.before_a_line().min(x.len());
        let whole = lead + (x.len() - lead) / LANES * LANES;
        // SAFETY: the outputs are as long as `x`, and from the second vector on there are eight values
        // before; `V` is available.
        unsafe {
            let mut first = First::<V, A, K>::new();
            self.push_some(&mut first, &x[..lead], LANES - lead, to);
            for at in (lead..whole).step_by(LANES) {
                if at < LANES {
                    first.push(V::load(x.as_ptr().add(at)));
                } else {
                    first.push_from(x.as_ptr().add(at));
                }
                prefetch(x.as_ptr().wrapping_add(at + DOUBLES_AHEAD));
                for to in to {
                    prefetch(to.wrapping_add(at + DOUBLES_AHEAD));
                }
                let outputs = self.finish.finish(first.window(self.bars), first.values());
                for o in 0..O {
                    outputs[o].store(to[o].add(at));
                }
            }
            self.push_some(&mut first, &x[whole..], 0, to.map(|to| to.add(whole)));
            first.all_finite()
        }
    }

    /// Takes fewer than eight values, into the lanes from `lane` on, and writes the outputs at them.
    #[inline(always)]
    unsafe fn push_some<V: Delay>(
        &self,
        first: &mut First<V, A, K>,
        x: &[f64],
        lane: usize,
        to: [*mut f64; O],
    ) {
        let mut lanes = [0.0; LANES];
        lanes[lane..lane + x.len()].copy_from_slice(x);
        // SAFETY: an array of a vector's length; the caller has places for the outputs at `x`.
        unsafe {
            first.push(V::load(lanes.as_ptr()));
            let outputs = self.finish.finish(first.window(self.bars), first.values());
            for o in 0..O {
                outputs[o].store(lanes.as_mut_ptr());
                lanes.as_ptr().add(lane).copy_to_nonoverlapping(to[o], x.len());
            }
        }
    }
}
