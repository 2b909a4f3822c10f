//! Labels as tables have them.

use crate::text::Label;

/// Reads the labels of one table: words in any case, or the numbers −1, 0 and 1.
///
/// | label | words | number |
/// |---|---|---|
/// | negative | `negative`, `neg`, `bearish` | −1 |
/// | neutral | `neutral`, `neu` | 0 |
/// | positive | `positive`, `pos`, `bullish` | 1 |
///
/// Numbers mean this only in a table in which −1 occurs: in one with 0, 1 and 2, or with 0 and 1
/// alone, 0 may as well stand for negative. Since only the whole table tells, [`Self::finish`]
/// has the last word.
///
/// ```
/// use fillrate::text::{Label, evaluation::LabelReader};
///
/// let mut labels = LabelReader::default();
/// assert_eq!(labels.read("Bullish"), Ok(Label::Positive));
/// assert_eq!(labels.read("0"), Ok(Label::Neutral));
/// assert!(labels.finish().is_err(), "0 without any -1 is ambiguous");
/// assert_eq!(labels.read("-1"), Ok(Label::Negative));
/// assert!(labels.finish().is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct LabelReader {
    has_minus_one: bool,
    other_number: Option<String>,
}

impl LabelReader {
    /// The label that `cell` means, white space around it aside.
    ///
    /// # Errors
    ///
    /// What is wrong with a cell that means none.
    pub fn read(&mut self, cell: &str) -> Result<Label, String> {
        let cell = cell.trim();
        match cell.to_lowercase().as_str() {
            "negative" | "neg" | "bearish" => return Ok(Label::Negative),
            "neutral" | "neu" => return Ok(Label::Neutral),
            "positive" | "pos" | "bullish" => return Ok(Label::Positive),
            "" => return Err("the label is empty".to_owned()),
            _ => {}
        }
        // Tables that had a gap hold -1.0, 0.0 and 1.0.
        let number = cell.parse::<f64>().ok();
        let label = match number {
            Some(-1.0) => Label::Negative,
            Some(0.0) => Label::Neutral,
            Some(1.0) => Label::Positive,
            Some(_) => return Err(format!("unknown label `{cell}`: {NUMBERS}")),
            None => return Err(format!("unknown label `{}`: {WORDS}", shortened(cell))),
        };
        match label {
            Label::Negative => self.has_minus_one = true,
            Label::Neutral | Label::Positive if self.other_number.is_none() => {
                self.other_number = Some(cell.to_owned());
            }
            Label::Neutral | Label::Positive => {}
        }
        Ok(label)
    }

    /// Whether the numbers read so far were labels.
    ///
    /// # Errors
    ///
    /// If there were numbers, but no −1 among them.
    pub fn finish(&self) -> Result<(), String> {
        match &self.other_number {
            Some(number) if !self.has_minus_one => Err(format!(
                "the label `{number}` is ambiguous: 0 and 1 are read as neutral and positive only \
                 where -1 occurs too"
            )),
            _ => Ok(()),
        }
    }
}

const WORDS: &str = "expected negative, neutral or positive";

const NUMBERS: &str = "of numbers only -1, 0 and 1 are labels, for 2 may stand for positive, or \
                       for neutral beside 0 and 1";

/// The most characters of a cell that a message quotes.
const QUOTED_MAX: usize = 40;

fn shortened(cell: &str) -> String {
    match cell.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{}…", &cell[..end]),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Result<Vec<Label>, String> {
        let mut labels = LabelReader::default();
        let read = cells.iter().map(|cell| labels.read(cell)).collect::<Result<_, _>>()?;
        labels.finish().map(|()| read)
    }

    #[test]
    fn words_are_read_in_any_case() {
        use Label::{Negative, Neutral, Positive};
        let cells =
            ["NEGATIVE", "neg", "Bearish", " neutral ", "Neu", "positive", "POS", "bullish"];
        let labels = [Negative, Negative, Negative, Neutral, Neutral, Positive, Positive, Positive];
        assert_eq!(read(&cells).unwrap(), labels);
    }

    #[test]
    fn numbers_are_read_where_minus_one_occurs() {
        use Label::{Negative, Neutral, Positive};
        let labels = [Positive, Neutral, Negative, Negative, Neutral, Positive];
        assert_eq!(read(&["1", "0", "-1", "-1.0", "0.0", "+1"]).unwrap(), labels);
        assert_eq!(read(&["-1", "-1"]).unwrap(), [Negative, Negative]);
        for ambiguous in [&["0", "1"][..], &["1"], &["positive", "0"]] {
            assert!(read(ambiguous).unwrap_err().contains("ambiguous"), "{ambiguous:?}");
        }
        for unknown in ["2", "0.5", "nan", "inf", "-2"] {
            assert!(read(&["-1", unknown]).unwrap_err().contains("of numbers only"), "{unknown}");
        }
    }

    #[test]
    fn what_is_no_label_is_quoted() {
        assert!(read(&["happy"]).unwrap_err().starts_with("unknown label `happy`: expected"));
        assert_eq!(read(&[" "]).unwrap_err(), "the label is empty");
        assert!(read(&["é".repeat(1000).as_str()]).unwrap_err().len() < 150);
    }
}
