//! Windows between the caller and the classifier.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{ItemError, LookAhead, Pending, Scored, Scorer};

/// Windows submitted at a time: one that is computed, and one that is tokenised meanwhile.
pub(super) const WINDOWS_IN_FLIGHT: usize = 2;

/// A window that is being gathered.
pub(super) struct WindowBuilder<T> {
    texts: Vec<String>,
    payloads: Vec<T>,
    bytes: usize,
}

impl<T> Default for WindowBuilder<T> {
    fn default() -> Self {
        Self { texts: Vec::new(), payloads: Vec::new(), bytes: 0 }
    }
}

impl<T> WindowBuilder<T> {
    pub(super) fn push(&mut self, text: String, payload: T) {
        self.bytes += text.len();
        self.texts.push(text);
        self.payloads.push(payload);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_full(&self, bounds: LookAhead) -> bool {
        bounds.is_full(self.texts.len(), self.bytes)
    }
}

/// Windows that were submitted and not yet collected, oldest first.
pub(super) struct InFlight<T> {
    windows: VecDeque<Flight<T>>,
}

struct Flight<T> {
    texts: Arc<[String]>,
    payloads: Vec<T>,
    pending: Pending,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { windows: VecDeque::new() }
    }
}

impl<T> InFlight<T> {
    /// The number of windows.
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }

    /// The number of texts in all windows.
    pub(super) fn texts(&self) -> usize {
        self.windows.iter().map(|window| window.payloads.len()).sum()
    }

    pub(super) fn submit(&mut self, scorer: &Scorer, window: WindowBuilder<T>) {
        let texts: Arc<[String]> = window.texts.into();
        let pending = scorer.submit(Arc::clone(&texts));
        self.windows.push_back(Flight { texts, payloads: window.payloads, pending });
    }

    /// Whether [`Self::wait_oldest`] would return at once with answers.
    pub(super) fn oldest_is_ready(&mut self) -> bool {
        self.windows.front_mut().is_some_and(|window| window.pending.is_ready())
    }

    /// Waits for the oldest window; `None` where there is none.
    pub(super) fn wait_oldest(
        &mut self,
        scorer: &Scorer,
    ) -> Option<impl Iterator<Item = (T, Result<Scored, ItemError>)> + use<T>> {
        let window = self.windows.pop_front()?;
        let answers = scorer.finish(&window.texts, window.pending);
        Some(window.payloads.into_iter().zip(answers))
    }
}
