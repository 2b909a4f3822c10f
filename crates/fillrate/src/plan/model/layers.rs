//! Layers of matrices, norms and tables, and their forward passes.

use crate::plan::lora::{Lora, Target};
use crate::plan::tape::{Label, Parameter, Size, Tape, Value};
use crate::plan::training::{Precision, Trainable};

/// Makes parameters in the order of a model's modules.
pub(in crate::plan) struct Builder<'a> {
    pub(in crate::plan) tape: &'a mut Tape,
    pub(in crate::plan) precision: Precision,
    pub(in crate::plan) trainable: &'a Trainable,
    /// Of how many shares of each parameter one is stored.
    pub(in crate::plan) shares: u64,
    pub(in crate::plan) parameters: Vec<Parameter>,
}

/// y = x Wᵀ + b, with an adapter beside it or without.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Linear {
    weight: Parameter,
    bias: Option<Parameter>,
    outputs: u64,
    adapter: Option<Adapter>,
}

#[derive(Clone, Copy, Debug)]
struct Adapter {
    down: Parameter,
    up: Parameter,
    rank: u64,
    dropout: f64,
}

/// Scales and, unless they are left out, shifts.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Norm {
    weight: Parameter,
    bias: Option<Parameter>,
}

/// Adapters are kept in 32 bits whatever the parameters are in.
///
/// Source: `peft`, `autocast_adapter_dtype` of `get_peft_model`.
const ADAPTER_WIDTH: u64 = 4;

impl Builder<'_> {
    /// A vector of parameters, trained as the encoder's others are.
    pub(in crate::plan) fn vector(&mut self, elements: u64) -> Parameter {
        self.matrix(elements, 1)
    }

    /// A matrix of parameters, trained as the encoder's others are.
    pub(in crate::plan) fn matrix(&mut self, rows: u64, columns: u64) -> Parameter {
        let size = Size::new(rows * columns, self.precision.parameter_bytes());
        self.keep(size, columns, matches!(self.trainable, Trainable::All))
    }

    fn keep(&mut self, size: Size, columns: u64, trained: bool) -> Parameter {
        let parameter = self.tape.parameter(size, columns, trained, self.shares);
        self.parameters.push(parameter);
        parameter
    }

    pub(in crate::plan) fn linear(&mut self, inputs: u64, outputs: u64, has_bias: bool) -> Linear {
        let weight = self.matrix(outputs, inputs);
        let bias = has_bias.then(|| self.vector(outputs));
        Linear { weight, bias, outputs, adapter: None }
    }

    /// A matrix of a layer, with an adapter if it is a target.
    pub(in crate::plan) fn target(
        &mut self,
        target: Target,
        inputs: u64,
        outputs: u64,
        has_bias: bool,
    ) -> Linear {
        let mut linear = self.linear(inputs, outputs, has_bias);
        if let Trainable::Lora(Lora { rank, targets, dropout }) = self.trainable
            && targets.contains(&target)
        {
            let (rank, dropout) = (*rank, *dropout);
            let down = self.keep(Size::new(inputs * rank, ADAPTER_WIDTH), inputs, true);
            let up = self.keep(Size::new(outputs * rank, ADAPTER_WIDTH), rank, true);
            linear.adapter = Some(Adapter { down, up, rank, dropout });
        }
        linear
    }

    pub(in crate::plan) fn norm(&mut self, width: u64, has_bias: bool) -> Norm {
        let weight = self.vector(width);
        Norm { weight, bias: has_bias.then(|| self.vector(width)) }
    }
}

impl Linear {
    pub(in crate::plan) fn forward(&self, tape: &mut Tape, input: Value, label: Label) -> Value {
        let base = tape.linear(input, &self.weight, self.bias.as_ref(), self.outputs, label);
        let Some(adapter) = &self.adapter else { return base };
        let [result] = tape.scope(|tape| {
            let x = tape.cast(input, ADAPTER_WIDTH, Label::Adapter);
            let dropped = tape.dropout(x, adapter.dropout, Label::Adapter);
            let low = tape.linear(dropped, &adapter.down, None, adapter.rank, Label::Adapter);
            let high = tape.linear(low, &adapter.up, None, self.outputs, Label::Adapter);
            let scaled = tape.scale(high, Label::Adapter);
            [tape.add(base, scaled, label)]
        });
        tape.drop(base);
        result
    }

    /// Whether any parameter of it is trained.
    pub(in crate::plan) fn is_trained(&self) -> bool {
        self.weight.is_trained() || self.adapter.is_some()
    }
}

impl Norm {
    pub(in crate::plan) fn forward(&self, tape: &mut Tape, input: Value, label: Label) -> Value {
        tape.layer_norm(input, &self.weight, self.bias.as_ref(), label)
    }
}
