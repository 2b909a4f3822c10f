//! What an optimizer's step allocates.

use super::tape::{Label, Parameter, Size, Storage, Tape};
use super::training::Optimizer;

/// Moments in 8 bits have a 32-bit scale for each block of this many.
///
/// Source: Dettmers et al., "8-bit Optimizers via Block-wise Quantization" (2022); bitsandbytes
/// `Optimizer2State`, block size 256 and `min_8bit_size`.
const BLOCK: u64 = 256;

/// Tensors smaller than this keep their moments in 32 bits.
const QUANTIZED_MIN: u64 = 4096;

/// The state of a run's optimizer.
pub(super) struct State {
    optimizer: Optimizer,
    /// Of how many shares of the state one is kept.
    shares: u64,
    tensors: Vec<Storage>,
}

impl State {
    pub(super) const fn new(optimizer: Optimizer, shares: u64) -> Self {
        Self { optimizer, shares, tensors: Vec::new() }
    }

    /// One step over the parameters that have a gradient. The state is made in the first.
    pub(super) fn step(&mut self, tape: &mut Tape, parameters: &[Parameter]) {
        let learned: Vec<&Parameter> =
            parameters.iter().filter(|parameter| tape.gradient(parameter).is_some()).collect();
        if self.tensors.is_empty() {
            for parameter in &learned {
                for size in self.sizes(parameter) {
                    let share = Size::new(size.elements.div_ceil(self.shares), size.width);
                    self.tensors.push(tape.allocate(share, Label::OptimizerState));
                }
            }
        }
        // Parameters, gradients and state are read, parameters and state are written.
        for parameter in &learned {
            let state: u64 = self.sizes(parameter).into_iter().map(Size::bytes).sum();
            tape.count_launch(3 * parameter.size.bytes() + 2 * state);
        }
        let temporaries: Vec<Storage> = self
            .temporaries(&learned)
            .into_iter()
            .map(|size| tape.allocate(size, Label::OptimizerTemporary))
            .collect();
        for storage in temporaries {
            tape.release(storage);
        }
    }

    /// The tensors that are kept for a parameter.
    fn sizes(&self, parameter: &Parameter) -> Vec<Size> {
        let Size { elements, width } = parameter.size;
        match self.optimizer {
            Optimizer::AdamW | Optimizer::AdamWFused => vec![Size::new(elements, width); 2],
            Optimizer::AdamW8bit if elements < QUANTIZED_MIN => vec![Size::new(elements, 4); 2],
            Optimizer::AdamW8bit => {
                let scales = Size::new(elements.div_ceil(BLOCK), 4);
                vec![Size::new(elements, 1), Size::new(elements, 1), scales, scales]
            }
            Optimizer::Adafactor if parameter.columns > 1 => {
                let rows = elements / parameter.columns;
                vec![Size::new(rows, 4), Size::new(parameter.columns, 4)]
            }
            Optimizer::Adafactor => vec![Size::new(elements, 4)],
            Optimizer::Sgd { momentum: true } => vec![Size::new(elements, width)],
            Optimizer::Sgd { momentum: false } => Vec::new(),
        }
    }

    /// The tensors that are alive together during the step.
    ///
    /// Source: `_multi_tensor_adam` in `torch/optim/adam.py`, the list of square roots; `Adafactor.step`
    /// in `transformers/optimization.py`, the update and the product that replaces it.
    fn temporaries(&self, learned: &[&Parameter]) -> Vec<Size> {
        let share = |size: Size| Size::new(size.elements.div_ceil(self.shares), size.width);
        match self.optimizer {
            Optimizer::AdamW => learned.iter().map(|parameter| share(parameter.size)).collect(),
            Optimizer::Adafactor => {
                let largest = learned.iter().map(|parameter| parameter.size.elements).max();
                vec![Size::new(largest.unwrap_or(0), 4); 2]
            }
            Optimizer::AdamWFused | Optimizer::AdamW8bit | Optimizer::Sgd { .. } => Vec::new(),
        }
    }
}
