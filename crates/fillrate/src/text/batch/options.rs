//! The settings of batching, one set for classifier and scorer.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::{Budget, Clock, Mode, SystemClock};

/// How far ahead a scorer reads: texts inside the window are sorted by length before they are
/// packed. A window is closed by whichever bound is reached first; one text larger than
/// `bytes` makes a window alone.
///
/// At most three windows are held at a time: one whose answers are handed out and two on their
/// way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookAhead {
    /// The most texts of a window; 0 counts as 1.
    pub texts: usize,
    /// The most bytes of a window's texts together.
    pub bytes: usize,
}

impl LookAhead {
    /// Whether a window that holds this much is complete.
    pub(super) fn is_full(&self, texts: usize, bytes: usize) -> bool {
        texts >= self.texts.max(1) || bytes >= self.bytes
    }
}

/// The settings of batching.
///
/// ```
/// use std::time::Duration;
///
/// use fillrate::text::batch::{BatchOptions, Budget, Mode};
///
/// let options = BatchOptions {
///     budget: Budget::Tokens(4096),
///     workers: 2,
///     ..BatchOptions::new(Mode::Latency { max_wait: Duration::from_millis(20) })
/// };
/// assert!(options.look_ahead.texts < BatchOptions::default().look_ahead.texts);
/// ```
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// What the batches are made for.
    pub mode: Mode,
    /// How many tokens a batch may hold.
    pub budget: Budget,
    /// How far ahead to read.
    pub look_ahead: LookAhead,
    /// Batches in flight at a time, each on a thread of its own with a scratch of its own; 0
    /// counts as 1. A model that spreads one batch over several cores by itself wants fewer
    /// workers than there are cores.
    pub workers: usize,
    /// Whether texts of a window that are equal to the model, token for token, are computed once.
    /// Their answers are the same either way.
    pub dedupe: bool,
    /// Bytes of memory that are free for the workers' scratches, of which at most half is used;
    /// `None` where unknown, which sets no bound.
    pub available_bytes: Option<usize>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl BatchOptions {
    /// The defaults of a mode: as many workers as the process may use cores, an automatic
    /// budget, the system's clock.
    #[must_use]
    pub fn new(mode: Mode) -> Self {
        let look_ahead = match mode {
            Mode::Throughput => LookAhead { texts: 4096, bytes: 8 << 20 },
            Mode::Latency { .. } => LookAhead { texts: 64, bytes: 1 << 20 },
            Mode::Memory => LookAhead { texts: 256, bytes: 1 << 20 },
        };
        Self {
            mode,
            budget: Budget::Auto,
            look_ahead,
            workers: available_parallelism().map_or(1, usize::from),
            dedupe: true,
            available_bytes: None,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self::new(Mode::Throughput)
    }
}
