//! One worker thread: what it owns and how it answers a batch.

use std::sync::Arc;

use super::classifier::guarded;
use super::schedule::{BatchJob, Job, Shared};
use super::{Answer, ItemError, ItemResult, StandIn, Tokenize};
use crate::text::{Forward, LabelMap, PackedBatch, Sentiment};

/// What a worker keeps from batch to batch.
pub(super) struct Worker<S> {
    /// With the tokens it was laid out for. `None` before the first batch and after a failure,
    /// which may have left it in any state.
    scratch: Option<(S, usize)>,
    batch: PackedBatch,
    logits: Vec<f32>,
    ids: Vec<u32>,
}

impl<S: Send> Worker<S> {
    /// Works until the classifier is dropped.
    pub(super) fn run<M, T>(shared: &Shared<M, T>)
    where
        M: Forward<Scratch = S>,
        T: Tokenize,
    {
        let mut worker = Self {
            scratch: None,
            batch: PackedBatch::default(),
            logits: Vec::new(),
            ids: Vec::new(),
        };
        let longest = shared.model.max_sequence();
        while let Some(job) = shared.next_job() {
            match job {
                Job::Tokenise(job) => {
                    let (window, start) = (job.window, shared.clock.now());
                    let chunk = job.run(&shared.tokenizer, longest, &mut worker.ids);
                    let duration = shared.clock.now().saturating_sub(start);
                    shared.finish_chunk(window, chunk, duration);
                }
                Job::Compute(job) => worker.compute(shared, &job),
            }
        }
    }

    /// Answers every item of a batch, and reports what it cost.
    fn compute<M, T>(&mut self, shared: &Shared<M, T>, job: &BatchJob)
    where
        M: Forward<Scratch = S>,
    {
        let items = job.sequences.items(job.plan.range.clone());
        let start = shared.clock.now();
        let outcome = self.forward(&shared.model, &shared.labels, job, items, job.limit);
        let duration = shared.clock.now().saturating_sub(start);
        let passed = outcome.is_ok();
        let mut retried = false;
        let answers = match outcome {
            Ok(answers) => answers,
            Err(error) if items.len() == 1 => vec![(items[0], Err(error))],
            Err(_) => {
                retried = true;
                self.one_by_one(shared, job, items)
            }
        };
        let (answers, deduped) = self.with_copies(shared, job, answers);
        let failed = answers.iter().filter(|(_, answer)| answer.is_err()).count();

        let mut state = shared.lock();
        state.computing -= 1;
        if passed {
            state.control.record(job.plan.tokens, duration);
        } else if retried && failed == 0 {
            state.control.too_large(job.plan.tokens);
        }
        let counts = &mut state.counts;
        counts.texts += answers.len() as u64;
        counts.deduped += deduped;
        counts.failed += failed as u64;
        counts.tokens += job.plan.tokens as u64;
        counts.batches += 1;
        counts.batches_retried += u64::from(retried);
        counts.capacity_tokens += job.limit as u64;
        counts.busy += duration;
        drop(state);
        if !job.answers.send(answers) {
            shared.abandon(job.window);
        }
    }

    /// Answers the items of a batch that failed, each in a batch of its own and in no more
    /// scratch than it needs, in case memory was the reason.
    fn one_by_one<M, T>(
        &mut self,
        shared: &Shared<M, T>,
        job: &BatchJob,
        items: &[u32],
    ) -> Vec<(u32, ItemResult)>
    where
        M: Forward<Scratch = S>,
    {
        items.iter().map(|item| (*item, self.single(shared, job, *item))).collect()
    }

    /// Answers one item in a batch of its own.
    fn single<M, T>(&mut self, shared: &Shared<M, T>, job: &BatchJob, item: u32) -> ItemResult
    where
        M: Forward<Scratch = S>,
    {
        self.forward(&shared.model, &shared.labels, job, &[item], 0)?.swap_remove(0).1
    }

    /// Adds the answers of the texts that are equal to those computed, and counts those that took
    /// one over. A copy of a text that failed is tried on its own, for an error of its own.
    fn with_copies<M, T>(
        &mut self,
        shared: &Shared<M, T>,
        job: &BatchJob,
        mut answers: Vec<(u32, ItemResult)>,
    ) -> (Vec<(u32, ItemResult)>, u64)
    where
        M: Forward<Scratch = S>,
    {
        let mut deduped = 0;
        for computed in 0..answers.len() {
            for &copy in job.sequences.copies(answers[computed].0) {
                let answer = match &answers[computed].1 {
                    Ok(answer) => {
                        deduped += 1;
                        Ok(answer.clone())
                    }
                    Err(_) => self.single(shared, job, copy),
                };
                answers.push((copy, answer));
            }
        }
        (answers, deduped)
    }

    /// One pass over `items`, with room for at least `tokens` tokens.
    fn forward<M: Forward<Scratch = S>>(
        &mut self,
        model: &M,
        labels: &LabelMap,
        job: &BatchJob,
        items: &[u32],
        tokens: usize,
    ) -> Result<Vec<(u32, ItemResult)>, ItemError> {
        job.sequences.fill(items, &mut self.batch);
        let tokens = tokens.max(self.batch.tokens());
        let scratch = self.scratch.take();
        let mut stand_in = None;
        self.scratch = Some(guarded(|| {
            let (mut scratch, room) = match scratch {
                Some((scratch, room)) if tokens <= room => (scratch, room),
                outgrown => {
                    // The old one goes first, so that the two are never held together.
                    drop(outgrown);
                    (model.scratch(tokens), tokens)
                }
            };
            if job.alone {
                model.forward_alone(&self.batch, &mut scratch, &mut self.logits)?;
            } else {
                model.forward(&self.batch, &mut scratch, &mut self.logits)?;
            }
            stand_in = model.stand_in(&scratch);
            Ok((scratch, room))
        })?);
        let expected = items.len() * model.classes();
        if self.logits.len() != expected {
            return Err(ItemError::Logits { expected, got: self.logits.len() });
        }
        let rows = self.logits.chunks_exact(model.classes());
        let answer = |row| answer(labels, row, stand_in.as_ref());
        Ok(items.iter().zip(rows).map(|(item, row)| (*item, answer(row))).collect())
    }
}

/// Weighs one text's logits.
fn answer(labels: &LabelMap, logits: &[f32], stand_in: Option<&Arc<StandIn>>) -> ItemResult {
    let probabilities = labels.probabilities(logits);
    let score = probabilities.score();
    if !score.is_finite() {
        return Err(ItemError::NotFinite);
    }
    let label = probabilities.label();
    let sentiment = Sentiment { label, score, probabilities, logits: logits.to_vec() };
    Ok(Answer { sentiment, stand_in: stand_in.cloned() })
}
