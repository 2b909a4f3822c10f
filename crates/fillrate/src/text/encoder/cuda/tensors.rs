//! What a pass writes: its tensors, the steps in which each is needed, and where they lie.

use fillrate_kernels::cuda::{Address, Cell, DeviceMatrix, Layout, Span, Tensor};

use crate::text::encoder::config::EncoderConfig;

/// The steps of a pass. The last layer's second half takes the steps of every layer's.
#[derive(Clone, Copy)]
enum Step {
    Embed,
    /// Queries, keys and values.
    Project,
    Attend,
    /// The product behind attention, then its residual and norm.
    Join,
    JoinNorm,
    /// To the wide middle and back, then residual and norm.
    Expand,
    Contract,
    ContractNorm,
    /// The last layer's first half: keys and values of all tokens, the rest of the first ones.
    LastKeys,
    LastRows,
    LastQueries,
    LastAttend,
    Widen,
    Pool,
    Classify,
}

/// The tensors of a pass.
#[derive(Clone, Copy)]
enum Name {
    /// Ids, places, `cu_seqlens` and first rows, one after another: u32.
    Input,
    Hidden,
    Qkv,
    Context,
    Sum,
    Attended,
    Intermediate,
    KeyValues,
    Firsts,
    Queries,
    Narrow,
    Features,
    Pooled,
    Logits,
}

impl Name {
    const ALL: [Self; 14] = [
        Self::Input,
        Self::Hidden,
        Self::Qkv,
        Self::Context,
        Self::Sum,
        Self::Attended,
        Self::Intermediate,
        Self::KeyValues,
        Self::Firsts,
        Self::Queries,
        Self::Narrow,
        Self::Features,
        Self::Pooled,
        Self::Logits,
    ];

    /// The steps in which it is written, read or kept for later; of a pass whose products read 8-bit
    /// floats if `quantized`.
    const fn steps(self, quantized: bool) -> &'static [Step] {
        use Step as S;
        match self {
            // Attention reads the offsets up to the last layer.
            Self::Input => &[
                S::Embed,
                S::Project,
                S::Attend,
                S::Join,
                S::JoinNorm,
                S::Expand,
                S::Contract,
                S::ContractNorm,
                S::LastKeys,
                S::LastRows,
                S::LastQueries,
                S::LastAttend,
            ],
            Self::Hidden => &[
                S::Embed,
                S::Project,
                S::Attend,
                S::Join,
                S::JoinNorm,
                S::ContractNorm,
                S::LastKeys,
                S::LastRows,
            ],
            Self::Qkv => &[S::Project, S::Attend],
            Self::Context => &[S::Attend, S::LastAttend, S::Join],
            Self::Sum => &[S::Join, S::JoinNorm, S::Contract, S::ContractNorm],
            Self::Attended => &[S::JoinNorm, S::Expand, S::Contract, S::ContractNorm],
            // In 8 bits it is read from the narrow copy alone.
            Self::Intermediate if quantized => &[S::Expand],
            Self::Intermediate => &[S::Expand, S::Contract],
            Self::KeyValues => &[S::LastKeys, S::LastRows, S::LastQueries, S::LastAttend],
            // In the last layer's second half these are what `hidden` is in the others'.
            Self::Firsts => &[
                S::LastRows,
                S::LastQueries,
                S::LastAttend,
                S::Join,
                S::JoinNorm,
                S::ContractNorm,
                S::Widen,
            ],
            Self::Queries => &[S::LastQueries, S::LastAttend],
            Self::Narrow => &[
                S::Embed,
                S::Project,
                S::Join,
                S::JoinNorm,
                S::Expand,
                S::Contract,
                S::ContractNorm,
                S::LastKeys,
                S::LastQueries,
            ],
            Self::Features => &[S::Widen, S::Pool],
            Self::Pooled => &[S::Pool, S::Classify],
            Self::Logits => &[S::Classify],
        }
    }

    /// The width of its rows and the type of their values; the input is no matrix.
    fn shape(self, config: &EncoderConfig) -> (usize, Cell) {
        let EncoderConfig { hidden, intermediate, .. } = *config;
        match self {
            // Four words for each token and one more, which have the size of f32.
            Self::Input => (4, Cell::F32),
            Self::Hidden
            | Self::Context
            | Self::Sum
            | Self::Attended
            | Self::Firsts
            | Self::Queries => (hidden, Cell::Element),
            Self::Qkv => (3 * hidden, Cell::Element),
            Self::KeyValues => (2 * hidden, Cell::Element),
            Self::Intermediate => (intermediate, Cell::Element),
            Self::Narrow => (intermediate.max(hidden), Cell::E4m3),
            Self::Features | Self::Pooled => (hidden, Cell::F32),
            Self::Logits => (config.labels.len(), Cell::F32),
        }
    }

    fn bytes(self, tokens: usize, config: &EncoderConfig, quantized: bool) -> usize {
        let (width, cell) = self.shape(config);
        match self {
            Self::Input => (tokens * width + 1) * cell.bytes(),
            Self::Narrow if !quantized => 0,
            _ => tokens * width * cell.bytes(),
        }
    }
}

/// The tensors of a pass, laid out in one block of device memory.
pub(super) struct Tensors {
    layout: Layout,
    spans: [Span; Name::ALL.len()],
}

impl Tensors {
    /// The tensors of passes over at most `tokens` tokens, whose products read 8-bit floats if
    /// `quantized`.
    pub(super) fn lay_out(tokens: usize, config: &EncoderConfig, quantized: bool) -> Self {
        let tensors = Name::ALL.map(|name| {
            let steps = name.steps(quantized);
            let steps = steps.iter().fold(0, |bits, step| bits | 1 << *step as u32);
            Tensor { bytes: name.bytes(tokens, config, quantized), steps }
        });
        let (layout, spans) = Layout::of_lifetimes(tensors);
        Self { layout, spans }
    }

    /// The bytes of the block.
    pub(super) const fn bytes(&self) -> usize {
        self.layout.bytes()
    }

    /// Where the input lies in the block at `base`.
    pub(super) const fn input(&self, base: Address) -> Address {
        self.spans[Name::Input as usize].at(base)
    }

    /// Where the logits lie in the block at `base`.
    pub(super) const fn logits(&self, base: Address) -> Address {
        self.spans[Name::Logits as usize].at(base)
    }

    /// The matrices of passes over at most `tokens` tokens, in the block at `base`.
    pub(super) fn at(&self, base: Address, tokens: usize, config: &EncoderConfig) -> States {
        let place = |name: Name| self.spans[name as usize].at(base);
        let matrix = |name: Name| {
            let (width, cell) = name.shape(config);
            DeviceMatrix::new(place(name), tokens, width, cell)
        };
        let narrow = |width| DeviceMatrix::new(place(Name::Narrow), tokens, width, Cell::E4m3);
        States {
            input: place(Name::Input),
            hidden: matrix(Name::Hidden),
            qkv: matrix(Name::Qkv),
            context: matrix(Name::Context),
            sum: matrix(Name::Sum),
            attended: matrix(Name::Attended),
            intermediate: matrix(Name::Intermediate),
            key_values: matrix(Name::KeyValues),
            firsts: matrix(Name::Firsts),
            queries: matrix(Name::Queries),
            narrow: narrow(config.hidden),
            wide: narrow(config.intermediate),
            features: matrix(Name::Features),
            pooled: matrix(Name::Pooled),
            logits: matrix(Name::Logits),
        }
    }
}

/// The matrices of a pass, where they lie.
pub(super) struct States {
    pub(super) input: Address,
    pub(super) hidden: DeviceMatrix,
    pub(super) qkv: DeviceMatrix,
    pub(super) context: DeviceMatrix,
    pub(super) sum: DeviceMatrix,
    pub(super) attended: DeviceMatrix,
    pub(super) intermediate: DeviceMatrix,
    pub(super) key_values: DeviceMatrix,
    pub(super) firsts: DeviceMatrix,
    pub(super) queries: DeviceMatrix,
    /// The input of the next product in 8 bits, and the same where it is as wide as the middle. They lie in
    /// one place: a product has read the one before the next kernel writes the other. Where products
    /// read elements there is no room for either.
    pub(super) narrow: DeviceMatrix,
    pub(super) wide: DeviceMatrix,
    pub(super) features: DeviceMatrix,
    pub(super) pooled: DeviceMatrix,
    pub(super) logits: DeviceMatrix,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A layer needs most where its wide middle is read: that, the residual and the sum.
    #[test]
    fn a_pass_takes_what_its_widest_step_needs() {
        let config = br#"{"model_type": "bert", "vocab_size": 30522, "hidden_size": 768,
            "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
            "max_position_embeddings": 512, "type_vocab_size": 2, "hidden_act": "gelu",
            "layer_norm_eps": 1e-12, "id2label": {"0": "a", "1": "b", "2": "c"},
            "architectures": ["BertForSequenceClassification"]}"#;
        let config = EncoderConfig::parse(config, Path::new("config.json")).unwrap();
        let tokens = 8192;
        let widest = (3072 + 2 * 768) * tokens * 2;
        let input = ((4 * tokens + 1) * 4_usize).next_multiple_of(256);
        assert_eq!(Tensors::lay_out(tokens, &config, false).bytes(), widest + input);
        // In 8 bits where it is made: the product, its copy in 8 bits, and the residual.
        let widest = (3072 * 2 + 3072 + 768 * 2) * tokens;
        assert_eq!(Tensors::lay_out(tokens, &config, true).bytes(), widest + input);
    }
}
