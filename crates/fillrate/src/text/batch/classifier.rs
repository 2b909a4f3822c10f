//! What every model looks like from the scorer's side, whether it packs tokens or reads words.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use serde::Serialize;

use super::Statistics;
use crate::text::Sentiment;

/// Who answered: the same for every item of one classifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Provenance {
    /// The model's name, such as `finbert`.
    pub model: String,
    /// The precision it computes in, such as `bf16`.
    pub precision: String,
    /// The device it runs on, such as `cpu`.
    pub device: String,
}

/// Why one text has no sentiment. The texts around it are not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// The tokenizer made more tokens than the model takes.
    #[error("{tokens} tokens, the model takes at most {max}")]
    TooLong {
        /// Tokens of the text, special tokens included.
        tokens: usize,
        /// The longest sequence of the model.
        max: usize,
    },

    /// The tokenizer made no token at all, not even a special one.
    #[error("no tokens")]
    NoTokens,

    /// The model answered with a NaN, or with infinities that no softmax can weigh.
    #[error("the model's answer is not a number")]
    NotFinite,

    /// The model answered with another number of logits than it promised.
    #[error("the model wrote {got} logits, expected {expected}")]
    Logits {
        /// Sequences times classes.
        expected: usize,
        /// What it wrote.
        got: usize,
    },

    /// The tokenizer or the model refused the text.
    #[error(transparent)]
    Failed(#[from] crate::Error),

    /// The tokenizer or the model panicked on the text.
    #[error("panicked: {0}")]
    Panicked(String),

    /// The classifier was dropped before it came to the text.
    #[error("stopped before this text was scored")]
    Stopped,
}

/// Who answered in a classifier's place: the same model on another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Who it was.
    pub provenance: Arc<Provenance>,
    /// What went wrong; `None` if nothing did and the stand-in was simply the quicker one.
    pub reason: Option<String>,
}

/// A sentiment, and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The sentiment.
    pub sentiment: Sentiment,
    /// Who gave it, if not whom [`Classifier::provenance`] names.
    pub stand_in: Option<Arc<StandIn>>,
}

impl From<Sentiment> for Answer {
    fn from(sentiment: Sentiment) -> Self {
        Self { sentiment, stand_in: None }
    }
}

/// The answer to one text.
pub type ItemResult = Result<Answer, ItemError>;

/// A model as the scorer drives it: texts go in by the window, answers come back in order.
///
/// [`PackedClassifier`](super::PackedClassifier) runs encoders, and
/// [`DirectClassifier`](super::DirectClassifier) models that read one text at a time. The trait is object safe, so a program picks one at run time.
pub trait Classifier: Send + Sync {
    /// Who answers, unless an [`Answer`] says otherwise.
    fn provenance(&self) -> &Arc<Provenance>;

    /// Starts on a window of texts and returns at once; windows are worked on in the order in
    /// which they come. Whatever goes wrong, each text gets an answer or an error of its own.
    fn submit(&self, texts: Arc<[String]>) -> Pending;

    /// About how many bytes of text keep every worker busy: a queue that holds as much gains
    /// nothing by waiting for more.
    fn fill_bytes(&self) -> usize;

    /// What has been done so far.
    fn statistics(&self) -> Statistics;
}

impl<C: Classifier + ?Sized> Classifier for Box<C> {
    fn provenance(&self) -> &Arc<Provenance> {
        (**self).provenance()
    }

    fn submit(&self, texts: Arc<[String]>) -> Pending {
        (**self).submit(texts)
    }

    fn fill_bytes(&self) -> usize {
        (**self).fill_bytes()
    }

    fn statistics(&self) -> Statistics {
        (**self).statistics()
    }
}

/// A window on its way through a classifier.
///
/// Dropping it tells the classifier that nobody waits any more.
#[derive(Debug)]
pub struct Pending {
    slots: Vec<Option<ItemResult>>,
    missing: usize,
    answers: Receiver<Vec<(u32, ItemResult)>>,
}

/// The side of a [`Pending`] that the classifier writes to; it can be cloned.
#[derive(Clone, Debug)]
pub struct Answers {
    sender: Sender<Vec<(u32, ItemResult)>>,
}

impl Pending {
    /// A window of `texts` texts and the side to answer it on. When every clone of that side is
    /// gone, texts without an answer are [`ItemError::Stopped`].
    ///
    /// ```
    /// use fillrate::text::batch::{ItemError, Pending};
    ///
    /// let (answers, pending) = Pending::new(2);
    /// answers.send(vec![(1, Err(ItemError::NoTokens))]);
    /// drop(answers);
    /// let results = pending.wait();
    /// assert!(matches!(results[0], Err(ItemError::Stopped)));
    /// assert!(matches!(results[1], Err(ItemError::NoTokens)));
    /// ```
    #[must_use]
    pub fn new(texts: usize) -> (Answers, Self) {
        let (sender, answers) = channel();
        let slots = std::iter::repeat_with(|| None).take(texts).collect();
        (Answers { sender }, Self { slots, missing: texts, answers })
    }

    /// Whether [`Self::wait`] would return at once.
    pub fn is_ready(&mut self) -> bool {
        while self.missing > 0 {
            match self.answers.try_recv() {
                Ok(answers) => self.take(answers),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => self.missing = 0,
            }
        }
        true
    }

    /// Waits for all answers, in the order of the texts.
    #[must_use]
    pub fn wait(mut self) -> Vec<ItemResult> {
        while self.missing > 0 {
            match self.answers.recv() {
                Ok(answers) => self.take(answers),
                Err(_) => break,
            }
        }
        self.slots.into_iter().map(|slot| slot.unwrap_or(Err(ItemError::Stopped))).collect()
    }

    fn take(&mut self, answers: Vec<(u32, ItemResult)>) {
        for (item, answer) in answers {
            if self.slots[item as usize].replace(answer).is_none() {
                self.missing -= 1;
            }
        }
    }
}

impl Answers {
    /// Answers some texts of the window, named by their position in it. Returns whether anybody
    /// still waits for them.
    #[expect(clippy::must_use_candidate, reason = "most callers have nothing to stop")]
    pub fn send(&self, answers: Vec<(u32, ItemResult)>) -> bool {
        self.sender.send(answers).is_ok()
    }
}

/// Runs foreign code that may panic, and turns the panic into the item's error.
///
/// The panic hook still runs, so a program that installed one hears of it.
pub(super) fn guarded<R>(work: impl FnOnce() -> Result<R, ItemError>) -> Result<R, ItemError> {
    // What `work` leaves half-written is thrown away by its callers: buffers are cleared before
    // use and a scratch is laid out anew.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic.as_ref())))
}

fn panicked(panic: &(dyn Any + Send)) -> ItemError {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    ItemError::Panicked(message.unwrap_or_else(|| "without a message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_in_order_however_they_arrive() {
        let (answers, mut pending) = Pending::new(3);
        assert!(!pending.is_ready());
        assert!(answers.send(vec![(2, Err(ItemError::NotFinite)), (0, Err(ItemError::NoTokens))]));
        assert!(!pending.is_ready());
        assert!(answers.send(vec![(1, Err(ItemError::Stopped))]));
        assert!(pending.is_ready());
        let results = pending.wait();
        assert!(matches!(
            results[..],
            [Err(ItemError::NoTokens), Err(ItemError::Stopped), Err(ItemError::NotFinite)]
        ));
    }

    #[test]
    fn nobody_waits_for_a_dropped_window() {
        let (answers, pending) = Pending::new(1);
        drop(pending);
        assert!(!answers.send(Vec::new()));
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let error = guarded::<()>(|| panic!("bad luck {}", 13)).unwrap_err();
        assert_eq!(error.to_string(), "panicked: bad luck 13");
    }
}
