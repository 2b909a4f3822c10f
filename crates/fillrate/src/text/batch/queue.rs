//! A queue for programs that meet their texts one by one, such as a bot.

use std::sync::Arc;
use std::time::Duration;

use super::in_flight::{InFlight, WINDOWS_IN_FLIGHT, WindowBuilder};
use super::{ItemError, Mode, Scored, Scorer};

/// Collects texts with payloads of any kind, scores them in batches, and gives the payloads back
/// with their answers in the order in which they were pushed.
///
/// Texts are submitted a window at a time: when they fill the look-ahead and, in the latency mode,
/// also when they keep every worker busy or the oldest has waited for `max_wait`. The queue has no
/// thread of its own: waiting times are looked at by [`push`](Self::push) and
/// [`ready`](Self::ready), and [`due_in`](Self::due_in) says when to call next.
///
/// At most two windows are computed at a time. While they are, further texts gather in a third,
/// and only a push that fills it to the look-ahead waits for the first. Dropping the queue gives
/// up what was not taken.
///
/// ```
/// use std::time::Duration;
///
/// use fillrate::text::batch::{BatchOptions, DirectClassifier, Mode, Provenance, ScoreQueue, Scorer};
/// use fillrate::text::{Probabilities, Sentiment};
///
/// struct Tweet {
///     id: u64,
///     sentiment: Option<f32>,
/// }
///
/// # let lexicon = |text: &str| {
/// #     let positive = if text.contains("moon") { 1.0 } else { 0.0 };
/// #     let probabilities = Probabilities { negative: 0.0, neutral: 1.0 - positive, positive };
/// #     let (label, score) = (probabilities.label(), probabilities.score());
/// #     Ok(Sentiment { label, score, probabilities, logits: vec![] })
/// # };
/// # let provenance = Provenance {
/// #     model: "lexicon".into(), precision: "fp32".into(), device: "cpu".into(),
/// # };
/// let options = BatchOptions::new(Mode::Latency { max_wait: Duration::from_millis(50) });
/// let classifier = DirectClassifier::new(lexicon, provenance, &options)?;
/// let mut queue = ScoreQueue::new(Scorer::new(classifier, options));
///
/// // As tweets come in:
/// queue.push("ACME to the moon", Tweet { id: 1, sentiment: None });
/// queue.push("ACME opens a plant", Tweet { id: 2, sentiment: None });
///
/// // In the bot's loop, what has been answered meanwhile, without waiting:
/// let mut tweets = Vec::new();
/// let apply = |mut tweet: Tweet, scored: Result<_, _>| {
///     tweet.sentiment = scored.ok().map(|scored: fillrate::text::batch::Scored| scored.sentiment.score);
///     tweets.push(tweet);
/// };
/// // At the end of the round, everything:
/// queue.flush_with(apply);
/// assert_eq!((tweets[0].id, tweets[0].sentiment), (1, Some(1.0)));
/// assert_eq!((tweets[1].id, tweets[1].sentiment), (2, Some(0.0)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ScoreQueue<T> {
    scorer: Arc<Scorer>,
    window: WindowBuilder<T>,
    /// When the window's first text was pushed, by the options' clock.
    opened: Duration,
    in_flight: InFlight<T>,
    done: Vec<(T, Result<Scored, ItemError>)>,
}

impl<T> ScoreQueue<T> {
    /// An empty queue. Several queues can share a scorer.
    pub fn new(scorer: impl Into<Arc<Scorer>>) -> Self {
        Self {
            scorer: scorer.into(),
            window: WindowBuilder::default(),
            opened: Duration::ZERO,
            in_flight: InFlight::default(),
            done: Vec::new(),
        }
    }

    /// The scorer behind the queue.
    #[must_use]
    pub fn scorer(&self) -> &Arc<Scorer> {
        &self.scorer
    }

    /// Adds a text. Its payload comes back with the answer.
    pub fn push(&mut self, text: impl Into<String>, payload: T) {
        if self.window.is_empty() {
            self.opened = self.scorer.options().clock.now();
        }
        self.window.push(text.into(), payload);
        self.advance();
        if self.window.is_full(self.scorer.options().look_ahead) {
            self.submit();
        }
    }

    /// The answers that are there by now, in push order, without waiting for more.
    pub fn ready(&mut self) -> Vec<(T, Result<Scored, ItemError>)> {
        self.advance();
        std::mem::take(&mut self.done)
    }

    /// Scores everything that was pushed and waits for it: all answers not yet taken, in push
    /// order.
    pub fn flush(&mut self) -> Vec<(T, Result<Scored, ItemError>)> {
        self.submit();
        while self.collect_oldest() {}
        std::mem::take(&mut self.done)
    }

    /// As [`Self::flush`], and calls `apply` with each payload and its answer.
    pub fn flush_with(&mut self, mut apply: impl FnMut(T, Result<Scored, ItemError>)) {
        for (payload, answer) in self.flush() {
            apply(payload, answer);
        }
    }

    /// How long until a waiting text has waited for the latency mode's `max_wait`, zero if it
    /// has; `None` where nothing waits or the mode sets no bound.
    #[must_use]
    pub fn due_in(&self) -> Option<Duration> {
        match self.scorer.options().mode {
            Mode::Latency { max_wait } if !self.window.is_empty() => {
                let waited = self.scorer.options().clock.now().saturating_sub(self.opened);
                Some(max_wait.saturating_sub(waited))
            }
            _ => None,
        }
    }

    /// Texts whose answers have not been taken yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.window.len() + self.in_flight.texts() + self.done.len()
    }

    /// Whether every answer has been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Collects what is finished and, where there is room, submits what should wait no longer.
    fn advance(&mut self) {
        while self.in_flight.oldest_is_ready() {
            self.collect_oldest();
        }
        let waits_in_vain = match self.scorer.options().mode {
            Mode::Latency { .. } => {
                self.due_in() == Some(Duration::ZERO)
                    || self.window.bytes() >= self.scorer.fill_bytes()
            }
            Mode::Throughput | Mode::Memory => false,
        };
        if waits_in_vain && self.in_flight.len() < WINDOWS_IN_FLIGHT {
            self.submit();
        }
    }

    /// Submits the window, after waiting for the oldest one if there is no room.
    fn submit(&mut self) {
        if self.window.is_empty() {
            return;
        }
        if self.in_flight.len() == WINDOWS_IN_FLIGHT {
            self.collect_oldest();
        }
        self.in_flight.submit(&self.scorer, std::mem::take(&mut self.window));
    }

    /// Waits for the oldest window; returns whether there was one.
    fn collect_oldest(&mut self) -> bool {
        match self.in_flight.wait_oldest(&self.scorer) {
            Some(answers) => self.done.extend(answers),
            None => return false,
        }
        true
    }
}
