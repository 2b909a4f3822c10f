//! A plan against PyTorch: the program that runs a described run, what it is asked and what it answers.

use serde::{Deserialize, Serialize};

use super::estimate::{estimate_stage, watched_peak_bytes};
use super::gpu::Gpu;
use super::search::with_batch;
use super::training::{Training, count, fault};
use crate::Result;

/// The Python program: it reads a [`Request`] from standard input and writes a [`Reply`] to standard
/// output. It needs torch and transformers. Run it as `python FILE` or `python -c PROGRAM`.
pub const PROGRAM: &str = include_str!("verify.py");

/// What [`PROGRAM`] is asked, as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The run.
    pub training: Training,
    /// The stage, from 0.
    pub stage: usize,
    /// The batches to run it with.
    pub batch_sizes: Vec<u64>,
    /// Steps of the optimizer; from the second on its state is there from the beginning.
    pub steps: u64,
    /// Where to run.
    pub mode: Mode,
    /// The program itself, which starts a process of its own for each batch on a GPU; not needed if it
    /// is run from a file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program: Option<String>,
}

/// Where a run is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// On a GPU if there is one.
    Auto,
    /// On a GPU: allocated and reserved bytes of PyTorch's allocator, and the context.
    Cuda,
    /// Without one: `FakeTensorMode` and `MemTracker` count what would be alive.
    Fake,
}

/// What [`PROGRAM`] answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Where it ran: never [`Mode::Auto`].
    pub mode: Mode,
    /// Versions of torch, transformers and Python.
    pub versions: serde_json::Map<String, serde_json::Value>,
    /// A measurement for each batch.
    pub results: Vec<Measurement>,
}

/// What a run allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// Rows of a batch.
    pub batch_size: u64,
    /// The peak of what tensors held, in bytes.
    pub allocated_bytes: u64,
    /// The peak of the allocator's segments, in bytes; `None` without a GPU.
    pub reserved_bytes: Option<u64>,
    /// What the process took beside them, in bytes; `None` without a GPU.
    pub context_bytes: Option<u64>,
    /// The numbers in the model; `None` if it did not come that far.
    pub parameters: Option<u64>,
    /// Whether memory ran out: the peaks are then those before.
    pub out_of_memory: bool,
}

/// An estimate beside a measurement, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Rows of a batch.
    pub batch_size: u64,
    /// What was estimated for what tensors held.
    pub estimated_allocated_bytes: u64,
    /// What was measured.
    pub measured_allocated_bytes: u64,
    /// What was estimated for the segments.
    pub estimated_reserved_bytes: u64,
    /// What was measured, on a GPU.
    pub measured_reserved_bytes: Option<u64>,
    /// (estimated − measured) / measured of what tensors held.
    pub error: f64,
    /// Whether memory ran out in the measurement.
    pub out_of_memory: bool,
}

/// What measurements on a GPU say of the constants. [`Gpu::calibration`] holds it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// What estimates of the reserved peak are to be multiplied with.
    pub reserved_factor: f64,
    /// The context, in bytes.
    pub context_bytes: u64,
}

/// A calibration that is kept for later plans, and what it holds for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedCalibration {
    /// The GPU: its name in the catalogue, or the driver's name for it.
    pub gpu: String,
    /// Versions of torch, transformers and Python.
    pub versions: serde_json::Map<String, serde_json::Value>,
    /// What was fitted.
    pub calibration: Calibration,
}

impl Request {
    /// A check of a stage with its own batch and with half of it.
    ///
    /// # Errors
    ///
    /// If the run is not sound or has no such stage.
    pub fn new(training: &Training, stage: usize, mode: Mode) -> Result<Self> {
        training.check()?;
        let batch = training.stage(stage)?.batch_size;
        let half = batch / 2;
        let batch_sizes = if half > 0 { vec![half, batch] } else { vec![batch] };
        Ok(Self {
            training: training.clone(),
            stage,
            batch_sizes,
            steps: 3,
            mode,
            program: Some(PROGRAM.to_owned()),
        })
    }
}

/// Sets a reply beside the estimates of the run that it is of. Without a GPU the estimate is of what
/// `MemTracker` sees, in which two gradients of one tensor are summed into a third.
///
/// # Errors
///
/// If the run is not sound, has no such stage, or the reply has a batch out of range.
pub fn compare(
    training: &Training,
    stage: usize,
    gpu: &Gpu,
    reply: &Reply,
) -> Result<Vec<Comparison>> {
    training.check()?;
    let stage = training.stage(stage)?;
    reply
        .results
        .iter()
        .map(|result| {
            count("batch_size", result.batch_size)?;
            if result.allocated_bytes == 0 {
                return Err(fault("allocated_bytes", "the check reports no memory".into()));
            }
            let stage = with_batch(stage, result.batch_size);
            let estimate = estimate_stage(training, &stage, gpu);
            let estimated = match reply.mode {
                Mode::Fake => watched_peak_bytes(training, &stage),
                Mode::Cuda | Mode::Auto => estimate.allocated_bytes,
            };
            let measured = result.allocated_bytes;
            Ok(Comparison {
                batch_size: result.batch_size,
                estimated_allocated_bytes: estimated,
                measured_allocated_bytes: measured,
                estimated_reserved_bytes: estimate.reserved_bytes,
                measured_reserved_bytes: result.reserved_bytes,
                error: estimated as f64 / measured as f64 - 1.0,
                out_of_memory: result.out_of_memory,
            })
        })
        .collect()
}

impl Calibration {
    /// The constants that fit measurements on a GPU: the factor by least squares through the origin, the
    /// largest context. `None` if no run on a GPU came to its end.
    ///
    /// ```
    /// use fillrate::plan::check::{Calibration, Comparison, Measurement};
    ///
    /// let comparison = Comparison {
    ///     batch_size: 8,
    ///     estimated_allocated_bytes: 900,
    ///     measured_allocated_bytes: 900,
    ///     estimated_reserved_bytes: 1000,
    ///     measured_reserved_bytes: Some(1100),
    ///     error: 0.0,
    ///     out_of_memory: false,
    /// };
    /// let fitted = Calibration::fit(&[comparison], Some(400)).unwrap();
    /// assert_eq!((fitted.reserved_factor, fitted.context_bytes), (1.1, 400));
    /// ```
    #[must_use]
    pub fn fit(comparisons: &[Comparison], context_bytes: Option<u64>) -> Option<Self> {
        let (mut products, mut squares) = (0.0, 0.0);
        for comparison in comparisons.iter().filter(|comparison| !comparison.out_of_memory) {
            if let Some(measured) = comparison.measured_reserved_bytes {
                let estimated = comparison.estimated_reserved_bytes as f64;
                products += estimated * measured as f64;
                squares += estimated * estimated;
            }
        }
        (squares > 0.0).then(|| Self {
            reserved_factor: products / squares,
            context_bytes: context_bytes.unwrap_or(0),
        })
    }
}

/// Factors that a fit of sound measurements may have.
const FACTORS: std::ops::RangeInclusive<f64> = 0.1..=10.0;

impl SavedCalibration {
    /// The GPU with these constants.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Argument`] if they are of another GPU, or no measurement can have given them.
    pub fn apply(&self, gpu: Gpu) -> Result<Gpu> {
        if self.gpu != gpu.label() {
            let message = format!("it is of {}, and the plan for {}", self.gpu, gpu.label());
            return Err(fault("calibration", message));
        }
        let Calibration { reserved_factor, context_bytes } = self.calibration;
        if !FACTORS.contains(&reserved_factor) {
            let message = format!("reserved_factor {reserved_factor} is not from 0.1 to 10");
            return Err(fault("calibration", message));
        }
        if context_bytes > gpu.memory_bytes {
            let message = format!("context_bytes {context_bytes} is more than the GPU has");
            return Err(fault("calibration", message));
        }
        Ok(Gpu { calibration: Some(self.calibration), ..gpu })
    }
}
