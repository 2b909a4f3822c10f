//! A table of texts with labels, and a model's answers to it.

use std::path::{Path, PathBuf};

use super::{Evaluation, LabelReader};
use crate::records::Reader;
use crate::text::Label;
use crate::text::batch::{ItemError, Scorer};
use crate::{Error, Result};

/// Texts with the labels that people gave them, held in memory so that one model after another
/// can be asked.
#[derive(Clone, Debug, Default)]
pub struct LabelledTexts {
    /// The texts.
    pub texts: Vec<String>,
    /// The label of each, shape `[texts.len()]`.
    pub labels: Vec<Label>,
    /// The line on which the row of each begins, from 1, shape `[texts.len()]`.
    pub lines: Vec<u64>,
}

impl LabelledTexts {
    /// Reads the [texts](Reader::select_text) of a table and their labels in `label_column`, as a
    /// [`LabelReader`] reads them. A row without a label is malformed under the reader's
    /// [policy](crate::records::OnError).
    ///
    /// # Errors
    ///
    /// If the table cannot be read, or its labels are ambiguous.
    pub fn read(reader: &mut Reader, label_column: &str) -> Result<Self> {
        let (mut labelled, mut labels) = (Self::default(), LabelReader::default());
        let mut path = PathBuf::new();
        while let Some(chunk) = reader.next_chunk()? {
            chunk.path().clone_into(&mut path);
            let values = chunk.values(label_column);
            for ((value, text), line) in values.into_iter().zip(chunk.texts()).zip(chunk.lines()) {
                let label = value.and_then(|value| {
                    labels.read(&value).map_err(|why| format!("column `{label_column}`: {why}"))
                });
                match label {
                    Ok(label) => {
                        labelled.texts.push(text.to_owned());
                        labelled.labels.push(label);
                        labelled.lines.push(*line);
                    }
                    Err(message) => reader.report(*line, message)?,
                }
            }
        }
        labels.finish().map_err(|message| ambiguous(&path, label_column, &message))?;
        Ok(labelled)
    }

    /// Asks a model for its answer to every text.
    ///
    /// `on_failure` is told the line and the error of a text that the model cannot answer; such a
    /// text is left out of the figures.
    ///
    /// # Errors
    ///
    /// The first that `on_failure` returns.
    pub fn evaluate(
        &self,
        scorer: &Scorer,
        mut on_failure: impl FnMut(u64, ItemError) -> Result<()>,
    ) -> Result<Evaluation> {
        let mut evaluation = Evaluation::default();
        let rows = self.labels.iter().zip(&self.lines);
        let items = self.texts.iter().map(String::as_str).zip(rows);
        for ((truth, line), answer) in scorer.score_iter(items) {
            match answer {
                Ok(scored) => evaluation.add(*truth, &scored.sentiment),
                Err(error) => on_failure(*line, error)?,
            }
        }
        Ok(evaluation)
    }
}

fn ambiguous(path: &Path, label_column: &str, message: &str) -> Error {
    Error::Input {
        path: path.to_owned(),
        message: format!("column `{label_column}`: {message}"),
        hint: Some("write negative, neutral and positive instead of numbers".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{InputFormat, OnError, ReadOptions};
    use crate::text::batch::{BatchOptions, DirectClassifier, Provenance};
    use crate::text::vader::Vader;

    fn reader(table: &'static str, format: InputFormat, on_error: OnError) -> Reader {
        let options =
            ReadOptions { format: Some(format), on_error, chunk_rows: 2, ..Default::default() };
        let mut reader = Reader::from_stream(Box::new(table.as_bytes()), &options).unwrap();
        reader.select_text(None).unwrap();
        reader
    }

    fn labels(table: &'static str, format: InputFormat) -> Result<Vec<Label>> {
        let read = LabelledTexts::read(&mut reader(table, format, OnError::Fail), "label");
        read.map(|labelled| labelled.labels)
    }

    #[test]
    fn labels_are_words_or_numbers() {
        use Label::{Negative, Neutral, Positive};
        let csv = "text,label\na,Bearish\nb,neutral\nc,POS\n";
        assert_eq!(labels(csv, InputFormat::Csv).unwrap(), [Negative, Neutral, Positive]);
        let jsonl = "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\"label\":0.0}\n\
                     {\"text\":\"c\",\"label\":-1}\n";
        assert_eq!(labels(jsonl, InputFormat::Jsonl).unwrap(), [Positive, Neutral, Negative]);
        assert_eq!(labels("", InputFormat::Csv).unwrap(), []);
        assert_eq!(labels("text,label\n", InputFormat::Csv).unwrap(), []);
    }

    #[test]
    fn a_row_without_a_label_is_named() {
        let message = |table, format| labels(table, format).unwrap_err().to_string();
        assert_eq!(
            message("text,label\na,pos\nb,good\n", InputFormat::Csv),
            "-:3: column `label`: unknown label `good`: expected negative, neutral or positive"
        );
        assert_eq!(
            message("text,label\na,\n", InputFormat::Csv),
            "-:2: column `label`: the label is empty"
        );
        for (value, what) in [("null", "null"), ("[1]", "an array")] {
            let table = format!("{{\"text\":\"a\",\"label\":{value}}}\n");
            let table = Box::leak(table.into_boxed_str());
            assert_eq!(
                message(table, InputFormat::Jsonl),
                format!("-:1: column `label` is {what}")
            );
        }
        assert_eq!(
            message("{\"text\":\"a\"}\n", InputFormat::Jsonl),
            "-:1: column `label` is missing"
        );
    }

    #[test]
    fn ambiguous_numbers_are_refused_whatever_the_policy() {
        let csv = "text,label\na,1\nb,0\nc,2\n";
        let mut skipping = reader(csv, InputFormat::Csv, OnError::Skip);
        let error = LabelledTexts::read(&mut skipping, "label").unwrap_err();
        assert!(error.to_string().contains("the label `1` is ambiguous"), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn rows_without_a_label_can_be_left_out() {
        let csv = "text,label\na,pos\nb,?\nc,neg\nd,\ne,neu\n";
        let mut skipping = reader(csv, InputFormat::Csv, OnError::Skip);
        let labelled = LabelledTexts::read(&mut skipping, "label").unwrap();
        assert_eq!(labelled.texts, ["a", "c", "e"]);
        assert_eq!(labelled.lines, [2, 4, 6]);
        assert_eq!(skipping.skipped().count, 2);
    }

    #[test]
    fn a_text_without_an_answer_is_in_no_figure() {
        let csv = "text,label\ngreat,pos\nboo,neg\nawful,neg\n";
        let mut reader = reader(csv, InputFormat::Csv, OnError::Fail);
        let labelled = LabelledTexts::read(&mut reader, "label").unwrap();
        let options = BatchOptions { workers: 1, ..BatchOptions::default() };
        let provenance =
            Provenance { model: "moody".into(), precision: "fp64".into(), device: "cpu".into() };
        let moody = |text: &str| match text {
            "boo" => Err(Error::Argument { name: "text", message: "no".into() }),
            text => Ok(Vader::new().classify(text)),
        };
        let classifier = DirectClassifier::new(moody, provenance, &options).unwrap();
        let scorer = Scorer::new(classifier, options);
        let mut failed = Vec::new();
        let evaluation = labelled
            .evaluate(&scorer, |line, error| {
                failed.push((line, error.to_string()));
                Ok(())
            })
            .unwrap();
        assert_eq!(failed, [(3, "text: no".to_owned())]);
        assert_eq!((evaluation.confusion.texts(), evaluation.confusion.accuracy()), (2, Some(1.0)));
        let stopped = labelled.evaluate(&scorer, |line, _| {
            Err(Error::Row { path: "-".into(), line, message: "stop".into() })
        });
        assert!(stopped.is_err());
    }
}
