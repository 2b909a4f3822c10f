//! What a pass writes, laid out once from the model's shapes and a token budget.

use fillrate_kernels::{Activation, Precision, Workspace};

use super::config::EncoderConfig;

/// How many sequences the end of a classifier works on at once: enough rows to keep the products
/// busy, few enough that their room does not count.
pub(super) const TILE_ROWS: usize = 64;

/// The states that a layer carries from its attention to its end; one row per token.
pub(super) struct LayerStates {
    /// The layer's input and, when it is done, its output: `[rows, hidden]`.
    pub(super) hidden: Activation,
    /// What attention gathered: `[rows, hidden]`.
    pub(super) context: Activation,
    /// After the attention's norm: `[rows, hidden]`.
    pub(super) attended: Activation,
    /// Inside the feed-forward network: `[rows, intermediate]`.
    pub(super) intermediate: Activation,
}

impl LayerStates {
    fn new(rows: usize, config: &EncoderConfig, precision: Precision) -> Self {
        let states = || Activation::new(rows, config.hidden, precision);
        Self {
            hidden: states(),
            context: states(),
            attended: states(),
            intermediate: Activation::new(rows, config.intermediate, precision),
        }
    }

    const fn bytes_for(rows: usize, config: &EncoderConfig, precision: Precision) -> usize {
        3 * Activation::bytes_for(rows, config.hidden, precision)
            + Activation::bytes_for(rows, config.intermediate, precision)
    }
}

/// What [`Encoder`](super::Encoder) writes during a pass over at most a budget of tokens.
pub struct EncoderScratch {
    /// The tokens there is room for.
    pub(super) tokens: usize,
    /// The row of the position table for each token.
    pub(super) positions: Vec<u32>,
    /// Queries, keys and values: `[tokens, 3 * hidden]`.
    pub(super) qkv: Activation,
    pub(super) states: LayerStates,
    pub(super) workspace: Workspace,
    /// One token's hidden state in f32: `[hidden]`.
    pub(super) row: Vec<f32>,
}

impl EncoderScratch {
    pub(super) fn new(tokens: usize, config: &EncoderConfig, precision: Precision) -> Self {
        let (rows, longest) = (tokens.max(TILE_ROWS), tokens.min(config.max_sequence()));
        Self {
            tokens,
            positions: Vec::with_capacity(tokens),
            qkv: Activation::new(tokens, 3 * config.hidden, precision.between_products()),
            states: LayerStates::new(tokens, config, precision),
            workspace: Workspace::new(rows, config.hidden, longest, config.head_dim()),
            row: vec![0.0; config.hidden],
        }
    }

    pub(super) fn bytes_for(tokens: usize, config: &EncoderConfig, precision: Precision) -> usize {
        let (rows, longest) = (tokens.max(TILE_ROWS), tokens.min(config.max_sequence()));
        tokens * size_of::<u32>()
            + Activation::bytes_for(tokens, 3 * config.hidden, precision.between_products())
            + LayerStates::bytes_for(tokens, config, precision)
            + Workspace::bytes_for(rows, config.hidden, longest, config.head_dim())
            + config.hidden * size_of::<f32>()
    }
}

/// What [`EncoderClassifier`](super::EncoderClassifier) writes during a pass besides its logits.
pub struct ClassifierScratch {
    pub(super) encoder: EncoderScratch,
    /// The first tokens of a tile of sequences, on their way through the last layer.
    pub(super) firsts: LayerStates,
    /// Their queries, in rows like those of [`EncoderScratch::qkv`]: `[tile, 3 * hidden]`.
    pub(super) queries: Activation,
    /// Their final states: fp32 `[tile, hidden]`.
    pub(super) features: Activation,
    /// After the classifier's dense layer: fp32 `[tile, hidden]`.
    pub(super) pooled: Activation,
    /// fp32 `[tile, classes]`.
    pub(super) logits: Activation,
}

impl ClassifierScratch {
    pub(super) fn new(tokens: usize, config: &EncoderConfig, precision: Precision) -> Self {
        let tile = |width| Activation::new(TILE_ROWS, width, Precision::Fp32);
        Self {
            encoder: EncoderScratch::new(tokens, config, precision),
            firsts: LayerStates::new(TILE_ROWS, config, precision),
            queries: Activation::new(TILE_ROWS, 3 * config.hidden, precision.between_products()),
            features: tile(config.hidden),
            pooled: tile(config.hidden),
            logits: tile(config.labels.len()),
        }
    }

    pub(super) fn bytes_for(tokens: usize, config: &EncoderConfig, precision: Precision) -> usize {
        let tile = |width| Activation::bytes_for(TILE_ROWS, width, Precision::Fp32);
        EncoderScratch::bytes_for(tokens, config, precision)
            + LayerStates::bytes_for(TILE_ROWS, config, precision)
            + Activation::bytes_for(TILE_ROWS, 3 * config.hidden, precision.between_products())
            + 2 * tile(config.hidden)
            + tile(config.labels.len())
    }
}

#[cfg(test)]
mod measured {
    //! What a scratch really takes, which is what `bytes_for` announces.
    use super::{Activation, ClassifierScratch, EncoderScratch, LayerStates};

    impl LayerStates {
        fn bytes(&self) -> usize {
            let Self { hidden, context, attended, intermediate } = self;
            hidden.bytes() + context.bytes() + attended.bytes() + intermediate.bytes()
        }
    }

    impl EncoderScratch {
        fn bytes(&self) -> usize {
            let Self { tokens: _, positions, qkv, states, workspace, row } = self;
            size_of_val(&**row)
                + positions.capacity() * size_of::<u32>()
                + qkv.bytes()
                + states.bytes()
                + workspace.bytes()
        }
    }

    impl ClassifierScratch {
        pub(in super::super) fn bytes(&self) -> usize {
            let Self { encoder, firsts, queries, features, pooled, logits } = self;
            let others = [queries, features, pooled, logits].map(Activation::bytes);
            encoder.bytes() + firsts.bytes() + others.iter().sum::<usize>()
        }
    }
}
