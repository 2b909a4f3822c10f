//! The operations, as PyTorch runs them on a GPU: what each allocates, and what it keeps for its
//! formula.
//!
//! Sources: `tools/autograd/derivatives.yaml` for what is kept; `aten/src/ATen/autocast_mode.h` for
//! which operations autocast runs in 16 bits (products) and which in 32 (norms, softmax, losses).

use super::backward::Flow;
use super::{Label, Parameter, Size, Tape, Value};

/// What attention's fused kernel is given for a mask.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct FusedAttention {
    pub(in crate::plan) sequences: u64,
    pub(in crate::plan) heads: u64,
    pub(in crate::plan) length: u64,
}

/// The kernel's log-sum-exp has rows in multiples of this.
const LOGSUMEXP_ALIGNMENT: u64 = 32;

/// A mask whose rows are no multiple of this is copied into one whose rows are.
const MASK_ALIGNMENT: u64 = 16;

impl Tape {
    /// A result of `size` and its formula over `inputs`, which keeps `saved`.
    fn derive(
        &mut self,
        size: Size,
        label: Label,
        inputs: &[(Value, Flow)],
        saved: &[Value],
    ) -> Value {
        let result = self.variable(size, label);
        let read: u64 = inputs.iter().map(|&(input, _)| self.size(input).bytes()).sum();
        self.count_launch(read + size.bytes());
        let edges: Vec<_> =
            inputs.iter().map(|&(input, flow)| (self.origin(input), flow)).collect();
        let node = self.note(&[result], edges);
        for &value in saved {
            self.save(node, self.storage(value));
        }
        result
    }

    /// Keeps `value` for the formula that made `result`.
    fn keep(&mut self, result: Value, value: Value) {
        let node = self.origin(result).map(|edge| edge.node);
        self.save(node, self.storage(value));
    }

    /// Counts the products that made `result`, and those of its formula for each of two operands.
    fn count(&mut self, result: Value, operands: [Value; 2], flops: f64) {
        let formulas = operands.iter().filter(|&&value| self.requires_gradient(value)).count();
        let node = self.origin(result).map(|edge| edge.node);
        self.count_products(node, flops, formulas);
    }

    /// `value` in numbers of `width` bytes: itself, or a copy.
    pub(in crate::plan) fn cast(&mut self, value: Value, width: u64, label: Label) -> Value {
        let size = self.size(value);
        if size.width == width {
            return value;
        }
        self.derive(Size::new(size.elements, width), label, &[(value, Flow::Same)], &[])
    }

    /// An input of a product, as autocast makes it.
    fn product_input(&mut self, value: Value) -> Value {
        match self.autocast {
            Some(width) => self.cast(value, width, Label::ProductInput),
            None => value,
        }
    }

    /// An input of what autocast computes in 32 bits.
    fn precise_input(&mut self, value: Value, label: Label) -> Value {
        if self.autocast.is_some() { self.cast(value, 4, label) } else { value }
    }

    /// A parameter as a variable.
    pub(in crate::plan) fn read(&mut self, parameter: &Parameter) -> Value {
        self.retain(parameter.storage);
        self.hold(parameter.storage, parameter.size, Self::parameter_edge(parameter))
    }

    /// A parameter as a product takes it: under autocast a copy in 16 bits. That of a trained parameter
    /// is remembered until autocast ends.
    fn product_parameter(&mut self, parameter: &Parameter) -> Value {
        let Some(width) = self.autocast.filter(|&width| width != parameter.size.width) else {
            return self.read(parameter);
        };
        let Some(leaf) = parameter.leaf else {
            let original = self.read(parameter);
            let copy = self.cast(original, width, Label::WeightCopy);
            self.drop(original);
            return copy;
        };
        if let Some(&(_, copy)) = self.casts.iter().find(|(of, _)| *of == leaf) {
            self.retain(copy.storage);
            return self.hold(copy.storage, copy.size, copy.origin);
        }
        let original = self.read(parameter);
        let copy = self.cast(original, width, Label::WeightCopy);
        self.drop(original);
        self.retain(self.storage(copy));
        self.casts.push((leaf, self.variables[copy.0 as usize]));
        copy
    }

    /// y = x Wᵀ + b with `outputs` columns of y for each row of x.
    pub(in crate::plan) fn linear(
        &mut self,
        input: Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        outputs: u64,
        label: Label,
    ) -> Value {
        let [result] = self.scope(|tape| {
            let x = tape.product_input(input);
            let w = tape.product_parameter(weight);
            let b = bias.map(|bias| tape.product_parameter(bias));
            let inputs = weight.size.elements / outputs;
            let x_size = tape.size(x);
            let size = Size::new(x_size.elements / inputs * outputs, x_size.width);
            let mut edges = vec![(x, Flow::Fresh), (w, Flow::Fresh)];
            edges.extend(b.map(|b| (b, Flow::Fresh)));
            let y = tape.derive(size, label, &edges, &[]);
            tape.count(y, [x, w], 2.0 * size.elements as f64 * inputs as f64);
            if tape.requires_gradient(w) {
                tape.keep(y, x);
            }
            if tape.requires_gradient(x) {
                tape.keep(y, w);
            }
            [y]
        });
        result
    }

    /// The products of two lists of `batches` matrices, with `elements` numbers in all.
    pub(in crate::plan) fn batched_product(
        &mut self,
        left: Value,
        right: Value,
        batches: u64,
        elements: u64,
        label: Label,
    ) -> Value {
        let [result] = self.scope(|tape| {
            let (a, b) = (tape.product_input(left), tape.product_input(right));
            let size = Size::new(elements, tape.size(a).width);
            let y = tape.derive(size, label, &[(a, Flow::Fresh), (b, Flow::Fresh)], &[]);
            // [n, m, k] and [n, k, l] give [n, m, l]: (n m k)(n k l) / (n m l) = n k².
            let (of_a, of_b) = (tape.size(a).elements as f64, tape.size(b).elements as f64);
            let inner = (of_a * of_b / elements as f64 / batches as f64).sqrt();
            tape.count(y, [a, b], 2.0 * elements as f64 * inner);
            if tape.requires_gradient(a) {
                tape.keep(y, b);
            }
            if tape.requires_gradient(b) {
                tape.keep(y, a);
            }
            [y]
        });
        result
    }

    /// Layer norm over rows of `hidden` numbers.
    pub(in crate::plan) fn layer_norm(
        &mut self,
        input: Value,
        weight: &Parameter,
        bias: Option<&Parameter>,
        label: Label,
    ) -> Value {
        let [result] = self.scope(|tape| {
            let x = tape.precise_input(input, Label::Residual);
            let size = tape.size(x);
            let rows = size.elements / weight.size.elements;
            let w = tape.read(weight);
            let mut edges = vec![(x, Flow::Fresh), (w, Flow::Fresh)];
            if let Some(bias) = bias {
                edges.push((tape.read(bias), Flow::Fresh));
            }
            let y = tape.derive(size, label, &edges, &[x, w]);
            for _ in ["mean", "reciprocal deviation"] {
                let statistic = tape.constant(rows, 4, Label::NormStatistics);
                tape.keep(y, statistic);
            }
            [y]
        });
        result
    }

    /// Dropout: itself where nothing is dropped.
    pub(in crate::plan) fn dropout(
        &mut self,
        input: Value,
        probability: f64,
        label: Label,
    ) -> Value {
        if probability == 0.0 {
            return input;
        }
        let [result] = self.scope(|tape| {
            let size = tape.size(input);
            let y = tape.derive(size, label, &[(input, Flow::Fresh)], &[]);
            let mask = tape.constant(size.elements, 1, Label::DropoutMask);
            tape.keep(y, mask);
            [y]
        });
        result
    }

    /// a + b in the wider type, with the elements of the larger.
    pub(in crate::plan) fn add(&mut self, a: Value, b: Value, label: Label) -> Value {
        let (left, right) = (self.size(a), self.size(b));
        let size = Size::new(left.elements.max(right.elements), left.width.max(right.width));
        self.derive(size, label, &[(a, Flow::Same), (b, Flow::Same)], &[])
    }

    /// x times a number, or anything else whose formula keeps nothing but makes a fresh gradient.
    pub(in crate::plan) fn scale(&mut self, input: Value, label: Label) -> Value {
        self.derive(self.size(input), label, &[(input, Flow::Fresh)], &[])
    }

    /// The elementwise product in the wider type; each factor that has a gradient needs the other.
    pub(in crate::plan) fn multiply(&mut self, a: Value, b: Value, label: Label) -> Value {
        let (left, right) = (self.size(a), self.size(b));
        let size = Size::new(left.elements.max(right.elements), left.width.max(right.width));
        let y = self.derive(size, label, &[(a, Flow::Fresh), (b, Flow::Fresh)], &[]);
        if self.requires_gradient(a) {
            self.keep(y, b);
        }
        if self.requires_gradient(b) {
            self.keep(y, a);
        }
        y
    }

    /// GELU: its formula needs its input.
    pub(in crate::plan) fn gelu(&mut self, input: Value, label: Label) -> Value {
        self.derive(self.size(input), label, &[(input, Flow::Fresh)], &[input])
    }

    /// Tanh or ReLU: its formula needs its result.
    pub(in crate::plan) fn tanh(&mut self, input: Value, label: Label) -> Value {
        let y = self.derive(self.size(input), label, &[(input, Flow::Fresh)], &[]);
        self.keep(y, y);
        y
    }

    /// The same numbers in another order of memory; so is the gradient.
    pub(in crate::plan) fn contiguous(&mut self, input: Value, label: Label) -> Value {
        self.derive(self.size(input), label, &[(input, Flow::Fresh)], &[])
    }

    /// `elements` numbers drawn or reduced from the input, which has a fresh gradient: a token of each
    /// sequence, a sum, a gather. Keeps `saved`.
    pub(in crate::plan) fn reduce(
        &mut self,
        input: Value,
        elements: u64,
        saved: &[Value],
        label: Label,
    ) -> Value {
        let size = Size::new(elements, self.size(input).width);
        self.derive(size, label, &[(input, Flow::Fresh)], saved)
    }

    /// a += b: the numbers of `a`, in its memory and type.
    pub(in crate::plan) fn add_in_place(&mut self, a: Value, b: Value) -> Value {
        let (storage, size) = (self.storage(a), self.size(a));
        self.retain(storage);
        let result = self.hold(storage, size, None);
        let edges = [(self.origin(a), Flow::Same), (self.origin(b), Flow::Same)];
        self.note(&[result], edges);
        self.drop(a);
        result
    }

    /// Softmax, in 32 bits under autocast.
    pub(in crate::plan) fn softmax(&mut self, input: Value, label: Label) -> Value {
        let [result] = self.scope(|tape| {
            let x = tape.precise_input(input, label);
            let y = tape.derive(tape.size(x), label, &[(x, Flow::Fresh)], &[]);
            tape.keep(y, y);
            [y]
        });
        result
    }

    /// Rows of a table by ids; the table's gradient is as large as the table.
    pub(in crate::plan) fn embedding(
        &mut self,
        ids: Value,
        table: &Parameter,
        width: u64,
    ) -> Value {
        let [result] = self.scope(|tape| {
            let weight = tape.read(table);
            let size = Size::new(tape.size(ids).elements * width, table.size.width);
            [tape.derive(size, Label::Embeddings, &[(weight, Flow::Fresh)], &[ids])]
        });
        result
    }

    /// Cross entropy of rows of logits, in 32 bits under autocast: a number.
    pub(in crate::plan) fn cross_entropy(&mut self, logits: Value, label: Label) -> Value {
        let [result] = self.scope(|tape| {
            let x = tape.precise_input(logits, label);
            let log_probabilities = tape.derive(tape.size(x), label, &[(x, Flow::Fresh)], &[]);
            tape.keep(log_probabilities, log_probabilities);
            let width = tape.size(x).width;
            let inputs = [(log_probabilities, Flow::Fresh)];
            [tape.derive(Size::new(1, width), Label::Loss, &inputs, &[log_probabilities])]
        });
        result
    }

    /// Attention in one kernel, which keeps its inputs, its result and a number for each row of
    /// scores. A mask of true and false, one row of `length` for each sequence, becomes one of numbers
    /// for each row of scores, which is kept too.
    ///
    /// Source: `aten/src/ATen/native/transformers/attention.cpp`, `convert_boolean_attn_mask` and
    /// `pad_bias`; `_scaled_dot_product_efficient_attention`.
    pub(in crate::plan) fn fused_attention(
        &mut self,
        [query, key, value]: [Value; 3],
        shape: FusedAttention,
    ) -> Value {
        let [result] = self.scope(|tape| {
            let [q, k, v] = [query, key, value].map(|input| tape.product_input(input));
            let size = tape.size(q);
            let mask = tape.fused_mask(shape, size.width);
            let elements = size.elements;
            let inputs = [(q, Flow::Fresh), (k, Flow::Fresh), (v, Flow::Fresh)];
            let size = Size::new(elements, size.width);
            let y = tape.derive(size, Label::Context, &inputs, &[q, k, v, mask]);
            tape.keep(y, y);
            tape.count(y, [q, k], 4.0 * elements as f64 * shape.length as f64);
            let rows = shape.length.next_multiple_of(LOGSUMEXP_ALIGNMENT);
            let rows = shape.sequences * shape.heads * rows;
            let logsumexp = tape.constant(rows, 4, Label::NormStatistics);
            tape.keep(y, logsumexp);
            [y]
        });
        result
    }

    fn fused_mask(&mut self, shape: FusedAttention, width: u64) -> Value {
        let rows = shape.sequences * shape.length;
        let inverse = self.constant(rows * shape.length, 1, Label::AttentionMask);
        let numbers = self.constant(rows * shape.length, width, Label::AttentionMask);
        self.drop(inverse);
        let aligned = shape.length.next_multiple_of(MASK_ALIGNMENT);
        if aligned == shape.length {
            return numbers;
        }
        let padded = self.constant(rows * aligned, width, Label::AttentionMask);
        self.drop(numbers);
        padded
    }

    /// Parts of a tensor, each a view of it; their gradients are joined in a fresh tensor.
    pub(in crate::plan) fn split<const N: usize>(&mut self, input: Value) -> [Value; N] {
        let size = self.size(input);
        let storage = self.storage(input);
        let part = Size::new(size.elements / N as u64, size.width);
        let parts = [(); N].map(|()| {
            self.retain(storage);
            self.hold(storage, part, None)
        });
        self.note(&parts, [(self.origin(input), Flow::Fresh)]);
        parts
    }

    /// Vectors side by side; each one's gradient is a view of the result's.
    pub(in crate::plan) fn join(&mut self, inputs: &[Value], label: Label) -> Value {
        if let [only] = inputs {
            return *only;
        }
        let elements = inputs.iter().map(|&input| self.size(input).elements).sum();
        let width = inputs.iter().map(|&input| self.size(input).width).max().unwrap_or(4);
        let edges: Vec<_> = inputs.iter().map(|&input| (input, Flow::Fresh)).collect();
        self.derive(Size::new(elements, width), label, &edges, &[])
    }
}
