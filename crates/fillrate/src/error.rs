//! The one error type of this crate.

use std::fmt;
use std::io;
use std::path::PathBuf;

use fillrate_device::Fault;

use crate::market::Date;

/// The result of a fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong: every variant carries the values a caller needs to act on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A row of an input file is malformed. Rows are numbered by the line they begin on, from 1.
    #[error("{}:{line}: {message}", path.display())]
    Row {
        /// The input file, or `-` for standard input.
        path: PathBuf,
        /// The line on which the row begins, from 1 (in Parquet: the row, from 1).
        line: u64,
        /// What is wrong with it, with the column where one is to blame.
        message: String,
    },

    /// The header of an input file is malformed, so that no row can be read.
    #[error("{}:{line}: {message}", path.display())]
    Header {
        /// The input file, or `-` for standard input.
        path: PathBuf,
        /// The line of the header, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },

    /// A sound row of the input has a key or a type that the output's columns cannot hold.
    #[error("{}:{line}: {message}", path.display())]
    Unfit {
        /// The input file, or `-` for standard input.
        path: PathBuf,
        /// The line on which the row begins, from 1.
        line: u64,
        /// What does not fit, with the column.
        message: String,
    },

    /// A bar whose date does not come after the one of its symbol before it.
    #[error(
        "{}:{line}: symbol `{symbol}`: {date} {fault} {before} of line {line_before}", path.display()
    )]
    BarDate {
        /// The input file, or `-`.
        path: PathBuf,
        /// The line of the bar, from 1.
        line: u64,
        /// Its symbol.
        symbol: String,
        /// Its date.
        date: Date,
        /// The date it should come after.
        before: Date,
        /// The line of that date, from 1.
        line_before: u64,
        /// What is wrong.
        fault: DateFault,
    },

    /// A whole input is not what its format promises (a truncated Parquet file, no header).
    #[error("{}: {message}", path.display())]
    Input {
        /// The input file, or `-` for standard input.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
        /// How to mend it.
        hint: Option<String>,
    },

    /// A training configuration is broken, says too little, or cannot be edited safely.
    #[error("{}{}: {message}", path.display(), line.map_or_else(String::new, |line| format!(":{line}")))]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if one is to blame.
        line: Option<usize>,
        /// What is wrong with it.
        message: String,
        /// How to mend it.
        hint: String,
    },

    /// A model directory cannot be used.
    #[error("{}: {message}", path.display())]
    Model {
        /// The file or directory at fault.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
        /// How to mend it.
        hint: Option<String>,
    },

    /// A weight is absent from the checkpoint.
    #[error("{}: tensor `{tensor}` is missing; expected shape {expected:?}", path.display())]
    MissingTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
    },

    /// A weight has another shape than the configuration asks for.
    #[error("{}: tensor `{tensor}` has shape {found:?}, expected {expected:?}", path.display())]
    TensorShape {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape the configuration asks for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },

    /// A bar of a price series is none: a price is missing, or the low is above the high.
    #[error("bar {bar}: {message}")]
    Bar {
        /// The bar, from 0.
        bar: usize,
        /// What is wrong with it.
        message: String,
    },

    /// An argument does not go with the others or with the model.
    #[error("{name}: {message}")]
    Argument {
        /// The argument's name.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },

    /// The operating system refused to start a thread.
    #[error("cannot start the thread `{name}`: {source}")]
    Thread {
        /// The thread's name.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },

    /// A sequence that the model cannot take.
    #[error("sequence {sequence} of the batch {message}")]
    Sequence {
        /// The sequence's place in the batch, from 0.
        sequence: usize,
        /// What is wrong with it.
        message: String,
    },

    /// A batch that is larger than the scratch it is to be computed in.
    #[error("a batch of {tokens} tokens does not fit a scratch of {capacity}")]
    BatchSize {
        /// The tokens of the batch.
        tokens: usize,
        /// The tokens that the scratch has room for.
        capacity: usize,
    },

    /// A training run does not fit a GPU even at one row.
    #[error("{message}")]
    DoesNotFit {
        /// What takes how much, and what there is.
        message: String,
        /// What would make it fit.
        hint: String,
    },

    /// A kernel refused its arguments.
    #[error(transparent)]
    Kernel(#[from] fillrate_kernels::Error),
}

/// What is wrong with the date of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFault {
    /// It is the date of another bar of the symbol.
    Repeated,
    /// It lies before that of the bar before.
    Earlier,
}

impl fmt::Display for DateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repeated => "repeats",
            Self::Earlier => "stands after",
        })
    }
}

impl Error {
    /// The line that tells a person how to mend it, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Input { hint, .. } | Self::Model { hint, .. } => hint.as_deref(),
            Self::Config { hint, .. } | Self::DoesNotFit { hint, .. } => Some(hint),
            Self::MissingTensor { .. } | Self::TensorShape { .. } => {
                Some("config.json and model.safetensors must come from the same checkpoint")
            }
            Self::Row { .. } => Some("mend the row, or leave such rows out with --on-error skip"),
            Self::Header { .. } => Some("mend the header: without one no row is read"),
            Self::BarDate { fault: DateFault::Earlier, .. } => {
                Some("dates must rise for each symbol: --sort puts them in order")
            }
            Self::BarDate { fault: DateFault::Repeated, .. } => {
                Some("keep one of the bars, or leave the later ones out with --on-error skip")
            }
            Self::Kernel(fillrate_kernels::Error::Unsupported { .. }) => {
                Some("use `--precision auto`, which takes the type that the GPU is made for")
            }
            Self::Unfit { .. } => Some("write jsonl, which keeps each row's own keys and types"),
            _ => None,
        }
    }

    /// Whether a device had no memory left: a smaller batch may pass.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.is_out_of_memory())
    }

    /// Whether a device failed, not what was asked of it.
    #[must_use]
    pub fn is_device(&self) -> bool {
        use fillrate_kernels::Error as Kernel;
        matches!(self, Self::Kernel(Kernel::Cuda(_) | Kernel::Device(_)))
    }

    /// The failure of a device that this is.
    ///
    /// # Errors
    ///
    /// The error itself, if no device is at fault.
    pub fn into_fault(self) -> Result<Fault> {
        match self {
            Self::Kernel(error) => Ok(error.into_fault()?),
            other => Err(other),
        }
    }

    /// Whether nobody reads the output any more: not a failure for a program in a pipe.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
