//! The sources of the kernels, which are part of the program.

use super::Element;

/// The widths that attention's heads can be padded to; a program is compiled for one of them.
pub const HEAD_PADS: [usize; 8] = [16, 32, 48, 64, 80, 96, 112, 128];

/// The width that heads of `head_dim` values are padded to; `None` for heads that are too wide.
#[must_use]
pub fn head_pad(head_dim: usize) -> Option<usize> {
    HEAD_PADS.into_iter().find(|pad| head_dim > 0 && head_dim <= *pad)
}

/// Every kernel, for one element type and one width of heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    /// The type of activations and weights.
    pub element: Element,
    /// One of [`HEAD_PADS`].
    pub head_pad: usize,
}

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../cuda/", $name)))),*]
    };
}

impl Program {
    /// The names of the kernels.
    pub const KERNELS: [&str; 19] = [
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
        "select_rows",
        "select_rows_f32",
        "softmax",
        "tail_gelu",
        "tail_gelu_tanh",
        "tail_identity",
        "tail_relu",
        "tail_tanh",
    ];

    /// The file that includes all others.
    pub const MAIN: (&str, &str) = ("kernels.cu", include_str!("../../cuda/kernels.cu"));

    /// The files that it includes, by name.
    pub const INCLUDES: [(&str, &str); 15] = sources![
        "activation.cu",
        "attention.cu",
        "attention.cuh",
        "cast.cu",
        "chunk.cuh",
        "classifier.cu",
        "device.cuh",
        "element.cuh",
        "embedding.cu",
        "layer_norm.cu",
        "layer_norm.cuh",
        "mma.cuh",
        "nonlinearity.cuh",
        "rows.cu",
        "softmax.cu",
    ];

    /// The options that settle the element type and the width of heads.
    #[must_use]
    pub fn options(&self) -> [String; 3] {
        [
            "--std=c++17".to_owned(),
            format!("--define-macro={}", self.element.define()),
            format!("--define-macro=HEAD_PAD={}", self.head_pad),
        ]
    }
}
