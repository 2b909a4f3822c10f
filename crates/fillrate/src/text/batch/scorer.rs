//! Texts in, answers out, in input order and bounded memory.

use std::collections::VecDeque;
use std::iter::Fuse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::in_flight::{InFlight, WINDOWS_IN_FLIGHT, WindowBuilder};
use super::{
    Answer, BatchOptions, Classifier, ItemError, ItemResult, LookAhead, Mode, Pending, Provenance,
    Statistics,
};
use crate::text::Sentiment;

/// Texts of the first window of a stream. Each further one holds twice as many until the
/// look-ahead is reached, so that the first answers of a slow model come soon.
const FIRST_WINDOW_TEXTS: usize = 64;

/// One text's answer and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The answer.
    pub sentiment: Sentiment,
    /// Who gave it.
    pub provenance: Arc<Provenance>,
    /// Whether another model than the one asked for had to answer, or the same on another device.
    pub degraded: bool,
    /// Why, if it is degraded.
    pub reason: Option<String>,
}

/// Scores texts with one classifier, and with a second where the first fails, if there is one.
///
/// Without a fallback a text that fails carries its [`ItemError`]. With one, the fallback answers
/// it, and the answer says `degraded` and why. Only where both fail is there an error, the first
/// one's.
///
/// ```
/// use fillrate::text::batch::{BatchOptions, DirectClassifier, Provenance, Scorer};
/// use fillrate::text::{Label, Probabilities, Sentiment};
///
/// # fn provenance(model: &str) -> Provenance {
/// #     Provenance { model: model.into(), precision: "fp32".into(), device: "cpu".into() }
/// # }
/// let options = BatchOptions::default();
/// let neutral = |_: &str| {
///     let probabilities = Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
///     Ok(Sentiment { label: Label::Neutral, score: 0.0, probabilities, logits: vec![1.0] })
/// };
/// let moody = move |text: &str| if text == "boo" { panic!("no") } else { neutral(text) };
/// let primary = DirectClassifier::new(moody, provenance("moody"), &options)?;
/// let fallback = DirectClassifier::new(neutral, provenance("neutral"), &options)?;
/// let scorer = Scorer::new(primary, options).with_fallback(fallback);
///
/// // Rows of any kind travel beside their texts.
/// let rows = [("hello", 10), ("boo", 11)];
/// let (row, scored) = scorer.score_iter(rows).nth(1).unwrap();
/// let scored = scored?;
/// assert_eq!((row, scored.provenance.model.as_str()), (11, "neutral"));
/// assert_eq!(scored.reason.as_deref(), Some("moody: panicked: no"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scorer {
    classifier: Box<dyn Classifier>,
    fallback: Option<Box<dyn Classifier>>,
    standing_reason: Option<String>,
    options: BatchOptions,
    degraded: AtomicU64,
}

impl Scorer {
    /// A scorer without a fallback.
    #[must_use]
    pub fn new(classifier: impl Classifier + 'static, options: BatchOptions) -> Self {
        Self {
            classifier: Box::new(classifier),
            fallback: None,
            standing_reason: None,
            options,
            degraded: AtomicU64::new(0),
        }
    }

    /// A scorer for when the model asked for could not be had at all: every answer of
    /// `classifier` is degraded for this `reason`.
    #[must_use]
    pub fn degraded(
        classifier: impl Classifier + 'static,
        reason: impl Into<String>,
        options: BatchOptions,
    ) -> Self {
        Self { standing_reason: Some(reason.into()), ..Self::new(classifier, options) }
    }

    /// Lets `fallback` answer the texts on which the classifier fails.
    #[must_use]
    pub fn with_fallback(mut self, fallback: impl Classifier + 'static) -> Self {
        self.fallback = Some(Box::new(fallback));
        self
    }

    /// Who answers, unless a fallback has to.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        self.classifier.provenance()
    }

    /// What the classifier has done so far, without the fallback's work.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        self.classifier.statistics()
    }

    /// Answers so far that were degraded.
    #[must_use]
    pub fn degraded_texts(&self) -> u64 {
        self.degraded.load(Ordering::Relaxed)
    }

    /// Scores `texts`; the answers are in their order.
    #[must_use]
    pub fn score_all<S: AsRef<str>>(&self, texts: &[S]) -> Vec<Result<Scored, ItemError>> {
        let items = texts.iter().map(|text| (text.as_ref(), ()));
        self.score_iter(items).map(|((), scored)| scored).collect()
    }

    /// Scores a stream of texts, each with a payload that comes back with its answer, in the
    /// order of the stream.
    ///
    /// The stream is read as far as the look-ahead needs it, on the thread that reads the
    /// answers: while one window's answers are handed out the next ones are computed. Dropping
    /// the iterator gives up what is on its way.
    pub fn score_iter<S, T, I>(&self, items: I) -> ScoreIter<'_, I::IntoIter, T>
    where
        S: Into<String>,
        I: IntoIterator<Item = (S, T)>,
    {
        let window_texts = match self.options.mode {
            Mode::Throughput => FIRST_WINDOW_TEXTS.min(self.options.look_ahead.texts),
            Mode::Latency { .. } | Mode::Memory => self.options.look_ahead.texts,
        };
        ScoreIter {
            scorer: self,
            items: items.into_iter().fuse(),
            window_texts,
            in_flight: InFlight::default(),
            ready: VecDeque::new(),
        }
    }

    pub(super) fn options(&self) -> &BatchOptions {
        &self.options
    }

    pub(super) fn fill_bytes(&self) -> usize {
        self.classifier.fill_bytes()
    }

    pub(super) fn submit(&self, texts: Arc<[String]>) -> Pending {
        self.classifier.submit(texts)
    }

    /// Waits for a window and lets the fallback answer what failed.
    pub(super) fn finish(
        &self,
        texts: &[String],
        pending: Pending,
    ) -> Vec<Result<Scored, ItemError>> {
        let answers = pending.wait();
        let mut second = self.second_opinions(texts, &answers).into_iter();
        answers.into_iter().map(|answer| self.resolve(answer, &mut second)).collect()
    }

    /// The fallback's answers to the texts that failed, in their order; none without a fallback.
    fn second_opinions(&self, texts: &[String], answers: &[ItemResult]) -> Vec<ItemResult> {
        let Some(fallback) = &self.fallback else { return Vec::new() };
        let failed = texts.iter().zip(answers).filter(|(_, answer)| answer.is_err());
        let failed: Arc<[String]> = failed.map(|(text, _)| text.clone()).collect();
        if failed.is_empty() { Vec::new() } else { fallback.submit(failed).wait() }
    }

    /// Says where an answer comes from; `second` has an answer for each failure in turn.
    fn resolve(
        &self,
        answer: ItemResult,
        second: &mut impl Iterator<Item = ItemResult>,
    ) -> Result<Scored, ItemError> {
        let own = self.classifier.provenance();
        let (Answer { sentiment, stand_in }, provenance, reason) = match answer {
            Ok(answer) => (answer, own, self.standing_reason.clone()),
            Err(error) => match (&self.fallback, second.next()) {
                (Some(fallback), Some(Ok(answer))) => {
                    let reason = format!("{}: {error}", own.model);
                    (answer, fallback.provenance(), Some(reason))
                }
                _ => return Err(error),
            },
        };
        let provenance = stand_in.as_ref().map_or(provenance, |stand_in| &stand_in.provenance);
        let provenance = Arc::clone(provenance);
        let reason = reason.or_else(|| stand_in?.reason.clone());
        let degraded = reason.is_some();
        self.degraded.fetch_add(u64::from(degraded), Ordering::Relaxed);
        Ok(Scored { sentiment, provenance, degraded, reason })
    }
}

/// The answers to a stream of texts, made by [`Scorer::score_iter`].
pub struct ScoreIter<'a, I, T> {
    scorer: &'a Scorer,
    items: Fuse<I>,
    window_texts: usize,
    in_flight: InFlight<T>,
    ready: VecDeque<(T, Result<Scored, ItemError>)>,
}

impl<S, T, I> ScoreIter<'_, I, T>
where
    S: Into<String>,
    I: Iterator<Item = (S, T)>,
{
    /// Reads windows until enough are on their way or the stream ends.
    fn top_up(&mut self) {
        while self.in_flight.len() < WINDOWS_IN_FLIGHT {
            let look_ahead = self.scorer.options.look_ahead;
            let bounds = LookAhead { texts: self.window_texts, ..look_ahead };
            let mut window = WindowBuilder::default();
            while !window.is_full(bounds) {
                let Some((text, payload)) = self.items.next() else { break };
                window.push(text.into(), payload);
            }
            if window.is_empty() {
                return;
            }
            self.in_flight.submit(self.scorer, window);
            self.window_texts = (self.window_texts * 2).min(look_ahead.texts);
        }
    }
}

impl<S, T, I> Iterator for ScoreIter<'_, I, T>
where
    S: Into<String>,
    I: Iterator<Item = (S, T)>,
{
    type Item = (T, Result<Scored, ItemError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() {
            self.top_up();
            self.ready.extend(self.in_flight.wait_oldest(self.scorer)?);
            // Before the answers are handed out, so that the workers have the next windows
            // while the caller writes these down.
            self.top_up();
        }
        self.ready.pop_front()
    }
}
