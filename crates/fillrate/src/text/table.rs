//! Tables of texts: chunks of rows in, the same chunks with their answers out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::batch::{ScoreIter, Scored, Scorer};
use crate::records::{Chunk, Reader};
use crate::{Error, Result};

/// Rows and their answers.
#[derive(Clone, Debug)]
pub struct ScoredChunk {
    /// The rows, without those that could not be scored.
    pub chunk: Chunk,
    /// The answer to each row, shape `[chunk.len()]`.
    pub scores: Vec<Scored>,
}

/// Scores the [texts](Reader::select_text) of a table; the chunks come back in the input's order.
///
/// While one chunk is with the caller the next ones are read and computed; no more are held than
/// the scorer's look-ahead asks for. A text on which the model fails is a malformed row under the
/// reader's [policy](crate::records::OnError).
///
/// ```
/// # use fillrate::text::batch::{BatchOptions, DirectClassifier, Provenance, Scorer};
/// # use fillrate::text::{Label, Probabilities, Sentiment};
/// use fillrate::records::{ReadOptions, Reader};
/// use fillrate::text::score_table;
///
/// # let neutral = |_: &str| {
/// #     let probabilities = Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
/// #     Ok(Sentiment { label: Label::Neutral, score: 0.0, probabilities, logits: vec![1.0] })
/// # };
/// # let provenance =
/// #     Provenance { model: "neutral".into(), precision: "fp32".into(), device: "cpu".into() };
/// # let options = BatchOptions::default();
/// # let scorer = Scorer::new(DirectClassifier::new(neutral, provenance, &options)?, options);
/// let csv = "headline\nAcme beats estimates\nAcme recalls a heater\n";
/// let mut reader = Reader::from_stream(Box::new(csv.as_bytes()), &ReadOptions::default())?;
/// reader.select_text(None)?;
/// for scored in score_table(&mut reader, &scorer) {
///     let scored = scored?;
///     assert_eq!(scored.chunk.texts(), ["Acme beats estimates", "Acme recalls a heater"]);
///     assert_eq!(scored.scores.len(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn score_table<'a>(reader: &'a mut Reader, scorer: &'a Scorer) -> ScoredChunks<'a> {
    let input = Input { reader, chunks: VecDeque::new(), error: None };
    let input = Rc::new(RefCell::new(input));
    let texts = Texts { input: Rc::clone(&input), chunk: Vec::new().into_iter() };
    ScoredChunks { input, answers: scorer.score_iter(texts), scores: Vec::new() }
}

/// The chunks of a table with their answers, made by [`score_table`].
///
/// After an error there is nothing more.
pub struct ScoredChunks<'a> {
    input: Rc<RefCell<Input<'a>>>,
    answers: ScoreIter<'a, Texts<'a>, ()>,
    /// The answers to the rows of the first chunk so far; `None` where there is none.
    scores: Vec<Option<Scored>>,
}

/// What the side that reads texts and the side that takes answers share.
struct Input<'a> {
    reader: &'a mut Reader,
    /// Chunks whose texts are on their way.
    chunks: VecDeque<Chunk>,
    /// Why there are no more texts, if not because the input ended.
    error: Option<Error>,
}

/// The texts of the chunks, read as the scorer asks for them.
struct Texts<'a> {
    input: Rc<RefCell<Input<'a>>>,
    chunk: std::vec::IntoIter<String>,
}

impl Iterator for Texts<'_> {
    type Item = (String, ());

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.len() == 0 {
            let mut input = self.input.borrow_mut();
            match input.reader.next_chunk() {
                Ok(Some(chunk)) => {
                    let texts: Vec<String> = chunk.texts().into_iter().map(str::to_owned).collect();
                    self.chunk = texts.into_iter();
                    input.chunks.push_back(chunk);
                }
                Ok(None) => {}
                Err(error) => input.error = Some(error),
            }
        }
        self.chunk.next().map(|text| (text, ()))
    }
}

impl ScoredChunks<'_> {
    /// The first chunk on its way, once each of its rows has an answer or is reported.
    fn take_complete(&mut self) -> Result<Option<ScoredChunk>> {
        let mut input = self.input.borrow_mut();
        if input.chunks.front().is_none_or(|chunk| self.scores.len() < chunk.len()) {
            return Ok(None);
        }
        let Some(mut chunk) = input.chunks.pop_front() else { return Ok(None) };
        if self.scores.contains(&None) {
            let keep: Vec<bool> = self.scores.iter().map(Option::is_some).collect();
            chunk.retain(&keep)?;
        }
        let scores = self.scores.drain(..).flatten().collect();
        Ok(Some(ScoredChunk { chunk, scores }))
    }

    /// Takes one answer; whether there was one.
    fn take_answer(&mut self) -> Result<bool> {
        match self.answers.next() {
            Some(((), Ok(scored))) => self.scores.push(Some(scored)),
            Some(((), Err(error))) => {
                let mut input = self.input.borrow_mut();
                let line = input.chunks.front().map_or(0, |chunk| chunk.lines()[self.scores.len()]);
                input.reader.report(line, format!("the text cannot be scored: {error}"))?;
                self.scores.push(None);
            }
            None => return self.input.borrow_mut().error.take().map_or(Ok(false), Err),
        }
        Ok(true)
    }
}

impl Iterator for ScoredChunks<'_> {
    type Item = Result<ScoredChunk>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.take_complete() {
                Ok(Some(scored)) if scored.chunk.is_empty() => {}
                Ok(Some(scored)) => return Some(Ok(scored)),
                Err(error) => return Some(Err(error)),
                Ok(None) => match self.take_answer() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{InputFormat, OnError, ReadOptions};
    use crate::text::batch::{BatchOptions, DirectClassifier, LookAhead, Provenance};
    use crate::text::{Label, Probabilities, Sentiment};

    /// Answers with the number in the text and fails where there is none.
    fn scorer() -> Scorer {
        let classify = |text: &str| {
            let number: f32 = text.parse().map_err(|_| Error::Input {
                path: "model".into(),
                message: "no number".into(),
                hint: None,
            })?;
            let probabilities = Probabilities { negative: 0.0, neutral: 1.0, positive: 0.0 };
            Ok(Sentiment { label: Label::Neutral, score: number, probabilities, logits: vec![] })
        };
        let provenance =
            Provenance { model: "m".into(), precision: "fp32".into(), device: "cpu".into() };
        let look_ahead = LookAhead { texts: 7, bytes: 1 << 20 };
        let options = BatchOptions { workers: 2, look_ahead, ..BatchOptions::default() };
        Scorer::new(DirectClassifier::new(classify, provenance, &options).unwrap(), options)
    }

    fn reader(csv: &str, on_error: OnError) -> Reader {
        let options = ReadOptions {
            format: Some(InputFormat::Csv),
            on_error,
            chunk_rows: 10,
            ..ReadOptions::default()
        };
        let stream = Box::new(std::io::Cursor::new(csv.to_owned().into_bytes()));
        let mut reader = Reader::from_stream(stream, &options).unwrap();
        reader.select_text(None).unwrap();
        reader
    }

    fn table(rows: impl Iterator<Item = String>) -> String {
        std::iter::once("text".to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_row_has_its_own_answer_in_order() {
        let csv = table((0..95).map(|row| row.to_string()));
        let mut reader = reader(&csv, OnError::Fail);
        let mut next = 0_u16;
        for scored in score_table(&mut reader, &scorer()) {
            let scored = scored.unwrap();
            assert_eq!(scored.scores.len(), scored.chunk.len());
            for (score, text) in scored.scores.iter().zip(scored.chunk.texts()) {
                assert_eq!(text, next.to_string());
                assert!((score.sentiment.score - f32::from(next)).abs() < 1e-6);
                next += 1;
            }
        }
        assert_eq!(next, 95);
    }

    #[test]
    fn a_text_that_cannot_be_scored_is_a_malformed_row() {
        let csv = table(["1", "x", "3", "y"].map(str::to_owned).into_iter());
        let mut skipping = reader(&csv, OnError::Skip);
        let scored: Vec<_> = score_table(&mut skipping, &scorer()).collect::<Result<_>>().unwrap();
        assert_eq!(scored[0].chunk.texts(), ["1", "3"]);
        assert_eq!(scored[0].scores.len(), 2);
        assert_eq!(skipping.skipped().count, 2);

        let mut failing = reader(&csv, OnError::Fail);
        let error = score_table(&mut failing, &scorer()).collect::<Result<Vec<_>>>().unwrap_err();
        assert_eq!(error.to_string(), "-:3: the text cannot be scored: model: no number");
    }

    #[test]
    fn rows_before_an_error_are_scored() {
        let mut reader = reader("text\n1\n2\n3,4\n", OnError::Fail);
        let scorer = scorer();
        let mut chunks = score_table(&mut reader, &scorer);
        assert_eq!(chunks.next().unwrap().unwrap().scores.len(), 2);
        assert!(chunks.next().unwrap().is_err());
        assert!(chunks.next().is_none());
    }
}
