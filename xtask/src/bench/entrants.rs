//! Who runs: the groups of the race and the entrants of each.

use std::fmt;

/// The precision of a group: what its entrants are compared at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Fp32,
    Bf16,
    Int8,
}

impl Precision {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

/// Entrants that are compared with one another: same model, threads, precision, instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// The folder of the model.
    pub(super) model: &'static str,
    pub(super) threads: usize,
    pub(super) precision: Precision,
    /// Whether AVX-512, AVX-VNNI and AMX are hidden from all entrants.
    pub(super) avx2: bool,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.model, self.threads, self.precision.as_str())?;
        if self.avx2 { f.write_str("-avx2") } else { Ok(()) }
    }
}

/// One program with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entrant {
    /// `fillrate`, or the name that `benches/encoder/worker.py` has for it.
    pub(super) engine: &'static str,
    /// The precision by the engine's own name.
    pub(super) precision: &'static str,
    /// Whether it counts as the best peer of its group.
    pub(super) is_peer: bool,
}

impl Entrant {
    pub(super) const FILLRATE: &'static str = "fillrate";
    /// The pipeline of `transformers`, a text at a time: what most programs do.
    pub(super) const PIPELINE: &'static str = "pipeline-single";

    const fn peer(engine: &'static str, precision: &'static str) -> Self {
        Self { engine, precision, is_peer: true }
    }
}

const MODELS: [&str; 2] = ["minilm", "bert-base"];

/// The groups of a run. A machine of one core has no groups of two threads.
pub(super) fn groups(quick: bool, cores: usize, can_hide: bool) -> Vec<Group> {
    let precisions = [Precision::Fp32, Precision::Bf16, Precision::Int8];
    let mut groups = Vec::new();
    for threads in if quick { vec![2] } else { vec![2, 1] } {
        for model in MODELS {
            for precision in precisions {
                groups.push(Group { model, threads, precision, avx2: false });
            }
        }
    }
    if can_hide && !quick {
        for model in MODELS {
            for precision in [Precision::Fp32, Precision::Int8] {
                groups.push(Group { model, threads: 2, precision, avx2: true });
            }
        }
    }
    groups.retain(|group| group.threads <= cores);
    groups
}

/// The entrants of a group, in the order in which they take their turns.
pub(super) fn entrants(group: Group, quick: bool) -> Vec<Entrant> {
    let own = group.precision.as_str();
    let mut entrants = vec![Entrant { engine: Entrant::FILLRATE, precision: own, is_peer: false }];
    let peers: &[(&str, &str)] = match group.precision {
        _ if group.avx2 => match group.precision {
            Precision::Int8 => &[("onnxruntime", "int8"), ("openvino", "int8_fp32")],
            _ => &[("onnxruntime", "fp32"), ("openvino", "fp32")],
        },
        Precision::Fp32 => &[
            ("torch", "fp32"),
            ("onnxruntime", "fp32"),
            ("openvino", "fp32"),
            ("ctranslate2", "fp32"),
        ],
        Precision::Bf16 => &[("torch", "bf16"), ("openvino", "bf16")],
        Precision::Int8 => &[
            ("onnxruntime", "int8"),
            ("openvino", "int8_bf16"),
            ("openvino", "int8_fp32"),
            ("ctranslate2", "int8"),
            ("torch", "int8"),
        ],
    };
    // The quick run leaves out who has never come near the others.
    let is_slow = |peer: &(&str, &str)| matches!(peer, ("torch", "int8") | ("ctranslate2", "fp32"));
    let peers = peers.iter().filter(|peer| !(quick && is_slow(peer)));
    entrants.extend(peers.map(|&(engine, precision)| Entrant::peer(engine, precision)));
    if !group.avx2 {
        let pipeline = |engine| Entrant { engine, precision: "fp32", is_peer: false };
        entrants.push(pipeline(Entrant::PIPELINE));
        if group.precision == Precision::Fp32 && !quick {
            entrants.push(pipeline("pipeline-batched"));
        }
    }
    entrants
}
