//! The sources of the kernels, which are part of the program.

use fillrate_device::cuda::Source;

use super::Element;

/// The widths that attention's heads can be padded to; a program is compiled for one of them.
pub const HEAD_PADS: [usize; 8] = [16, 32, 48, 64, 80, 96, 112, 128];

/// The width that heads of `head_dim` values are padded to; `None` for heads that are too wide.
#[must_use]
pub fn head_pad(head_dim: usize) -> Option<usize> {
    HEAD_PADS.into_iter().find(|pad| head_dim > 0 && head_dim <= *pad)
}

/// Kernels that are compiled together, for one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Program {
    /// The encoders' kernels.
    Encoder {
        /// The type of activations and weights.
        element: Element,
        /// One of [`HEAD_PADS`].
        head_pad: usize,
    },
    /// No kernels: a queue for products alone, which nothing has to be compiled for.
    Products,
    /// The kernels over prices, in f64: see [`CudaPrices`](super::CudaPrices).
    Prices,
}

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../cuda/", $name)))),*]
    };
}

/// The names and texts of some files.
type Files = &'static [(&'static str, &'static str)];

/// The files that the encoders' main one includes.
const ENCODER_FILES: Files = sources![
    "activation.cu",
    "attention.cu",
    "attention.cuh",
    "cast.cu",
    "chunk.cuh",
    "classifier.cu",
    "device.cuh",
    "e4m3.cuh",
    "element.cuh",
    "embedding.cu",
    "layer_norm.cu",
    "layer_norm.cuh",
    "mma.cuh",
    "nonlinearity.cuh",
    "quantize.cu",
    "rows.cu",
    "softmax.cu",
];

/// The files that the prices' main one includes.
const PRICE_FILES: Files = sources![
    "american.cu",
    "bar.cuh",
    "bars.cu",
    "closed_forms.cu",
    "covariance.cu",
    "device.cuh",
    "doubles.cuh",
    "implied.cu",
    "long_window.cu",
    "mills.cuh",
    "moments.cu",
    "options.cu",
    "paths.cu",
    "philox.cuh",
    "recurrence.cu",
    "risk.cu",
    "samples.cu",
    "sweep.cu",
    "waves.cu",
    "waves.cuh",
    "window.cu",
    "window.cuh",
];

/// The names of the encoders' kernels.
const ENCODER_KERNELS: &[&str] = &[
    "add_layer_norm",
    "attention_first",
    "attention_tiled",
    "attention_whole",
    "bias_gelu",
    "bias_gelu_tanh",
    "bias_relu",
    "bias_tanh",
    "cast_to_elements",
    "cast_to_f32",
    "embed_layer_norm",
    "largest_magnitude",
    "quantize_e4m3",
    "select_rows",
    "select_rows_f32",
    "softmax",
    "tail_gelu",
    "tail_gelu_tanh",
    "tail_identity",
    "tail_relu",
    "tail_tanh",
];

/// The names of the kernels over prices.
const PRICE_KERNELS: &[&str] = &[
    "american_puts",
    "atr",
    "basket_ends",
    "black_scholes",
    "chunk_moments",
    "covariance_centred",
    "covariance_weighted",
    "ema",
    "geometric_asian",
    "implied_vol",
    "long_window_finish",
    "long_window_level",
    "macd_line",
    "momentum",
    "option_samples_barrier",
    "option_samples_end",
    "option_samples_mean",
    "pair_means",
    "path_ends_brownian",
    "path_ends_heston",
    "path_ends_merton",
    "portfolio_returns",
    "rate_of_change",
    "risk_benchmark",
    "risk_falls",
    "risk_logarithms",
    "risk_means",
    "risk_moments",
    "risk_path",
    "risk_products",
    "risk_returns",
    "risk_tails",
    "rsi",
    "scan_places",
    "scan_sums",
    "scan_tiles",
    "select_ranges",
    "signal_bands",
    "signal_crossover",
    "signal_swing",
    "signal_thresholds",
    "single_barrier",
    "stochastic_percent",
    "sweep_bands",
    "sweep_crossing",
    "sweep_outside",
    "wave_blocks",
    "wave_counts",
    "wave_diffusions",
    "wave_ends",
    "wave_pivots",
    "wave_search",
    "window_bands",
    "window_deviation",
    "window_max",
    "window_mean",
    "window_means",
    "window_min",
    "window_weighted_mean",
    "window_z_score",
];

impl Program {
    /// The names of the kernels.
    #[must_use]
    pub const fn kernels(self) -> &'static [&'static str] {
        match self {
            Self::Encoder { .. } => ENCODER_KERNELS,
            Self::Products => &[],
            Self::Prices => PRICE_KERNELS,
        }
    }

    /// The file that includes all others, and those.
    #[must_use]
    pub const fn source(self) -> Source<'static> {
        match self {
            Self::Encoder { .. } => Source {
                main: ("kernels.cu", include_str!("../../cuda/kernels.cu")),
                includes: ENCODER_FILES,
            },
            Self::Products => Source { main: ("products.cu", ""), includes: &[] },
            Self::Prices => Source {
                main: ("prices.cu", include_str!("../../cuda/prices.cu")),
                includes: PRICE_FILES,
            },
        }
    }

    /// The options that it is compiled with.
    #[must_use]
    pub fn options(self) -> Vec<String> {
        let standard = "--std=c++17".to_owned();
        match self {
            Self::Encoder { element, head_pad } => vec![
                standard,
                format!("--define-macro={}", element.define()),
                format!("--define-macro=HEAD_PAD={head_pad}"),
            ],
            Self::Products => vec![standard],
            // Every operation is rounded by itself, as on the processor.
            Self::Prices => vec![standard, "--fmad=false".to_owned()],
        }
    }

    /// The type of the encoders' activations and weights; `None` for another program.
    #[must_use]
    pub const fn element(self) -> Option<Element> {
        match self {
            Self::Encoder { element, .. } => Some(element),
            Self::Prices | Self::Products => None,
        }
    }

    /// The width that heads are padded to; `None` for a program without attention.
    #[must_use]
    pub const fn head_pad(self) -> Option<usize> {
        match self {
            Self::Encoder { head_pad, .. } => Some(head_pad),
            Self::Prices | Self::Products => None,
        }
    }
}
