//! What a language model is asked: prompts from a file, or our own about the example headlines.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Context;
use fillrate::records::{InputFormat, ReadOptions, Reader, Rows};
use serde::Serialize;

use crate::failure::hinted;

/// The headlines of our own prompts.
const HEADLINES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/headlines.csv"));

/// What our own prompts ask of a headline. Two sentences are enough tokens to time.
const QUESTION: &str = "Is this headline positive, neutral or negative for the share price of the \
                        company or market it is about? Answer with one of these words, then give \
                        the reason in two sentences.";

/// The longest prompt file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    /// What the model is told before it.
    pub(super) system: Option<String>,
    /// The question itself.
    pub(super) text: String,
}

/// The questions of a run and where they are from.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Prompts {
    /// The file, or `built-in`.
    pub(super) source: String,
    /// How many there are.
    pub(super) count: usize,
    #[serde(skip)]
    all: Vec<Prompt>,
}

impl Prompts {
    /// Our own prompts: the sentiment of each example headline.
    ///
    /// # Errors
    ///
    /// Never, as long as the headlines inside the binary are CSV.
    pub(super) fn built_in() -> anyhow::Result<Self> {
        let mut table = csv::Reader::from_reader(HEADLINES.as_bytes());
        let column = table.headers()?.iter().position(|name| name == "headline");
        let column = column.context("the built-in headlines have no column `headline`")?;
        let mut all = vec![];
        for row in table.records() {
            let row = row?;
            let headline = row.get(column).unwrap_or_default().to_owned();
            all.push(Prompt { system: Some(QUESTION.to_owned()), text: headline });
        }
        Ok(Self { source: "built-in".to_owned(), count: all.len(), all })
    }

    /// The prompts of a file: CSV, JSONL or Parquet with a column `prompt` and perhaps one
    /// `system`, or else text with a prompt a line, of which blank ones are left out.
    ///
    /// # Errors
    ///
    /// If it cannot be read, has no prompt, or a line of it is malformed.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let size_bytes = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?.len();
        if size_bytes > FILE_BYTES_MAX {
            let message = format!("{}: {size_bytes} bytes of prompts", path.display());
            return Err(hinted(
                message,
                format!("a prompt file has at most {FILE_BYTES_MAX} bytes"),
            ));
        }
        let all = match InputFormat::from_path(path) {
            Some(_) => of_table(path)?,
            None => of_lines(path)?,
        };
        if all.is_empty() {
            return Err(hinted(
                format!("{}: there is no prompt in it", path.display()),
                "it takes one prompt a line, or CSV or JSONL with a column `prompt`",
            ));
        }
        Ok(Self { source: path.display().to_string(), count: all.len(), all })
    }

    /// The prompt of request `index`: they are asked in order, and again from the first.
    pub(super) fn of_request(&self, index: usize) -> &Prompt {
        &self.all[index % self.all.len()]
    }

    /// The prompt of the warm-up: the last, so that the first request is not answered from what
    /// the server remembers of it.
    pub(super) fn of_warm_up(&self) -> &Prompt {
        &self.all[self.all.len() - 1]
    }
}

fn cannot_read(path: &Path, error: &std::io::Error) -> anyhow::Error {
    hinted(format!("cannot read the prompts {}: {error}", path.display()), "check --prompts")
}

fn of_lines(path: &Path) -> anyhow::Result<Vec<Prompt>> {
    let file = std::fs::File::open(path).map_err(|error| cannot_read(path, &error))?;
    let mut all = vec![];
    // A device or a pipe has no size that could have been checked.
    for (number, line) in (1..).zip(BufReader::new(file.take(FILE_BYTES_MAX)).split(b'\n')) {
        let line = line.map_err(|error| cannot_read(path, &error))?;
        let line = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| number == 1).unwrap_or(&line);
        let text = std::str::from_utf8(line).ok().filter(|text| !text.contains('\0'));
        let Some(text) = text else {
            let message = format!("{}:{number}: not UTF-8 text", path.display());
            return Err(hinted(message, "save the prompts as UTF-8"));
        };
        if !text.trim().is_empty() {
            all.push(Prompt { system: None, text: text.trim().to_owned() });
        }
    }
    Ok(all)
}

fn of_table(path: &Path) -> anyhow::Result<Vec<Prompt>> {
    let mut reader = Reader::open(path, &ReadOptions::default())?;
    let columns = reader.columns();
    if columns.is_empty() {
        return Ok(vec![]);
    }
    if !columns.contains(&"prompt") {
        let message = format!(
            "{}: no column `prompt`; the columns are: {}",
            path.display(),
            columns.join(", ")
        );
        return Err(hinted(message, "rename the column that holds the prompts"));
    }
    let has_system = columns.contains(&"system");
    reader.select_text(Some("prompt"))?;
    let mut all = vec![];
    let mut is_table = false;
    while let Some(chunk) = reader.next_chunk()? {
        is_table = matches!(chunk.rows(), Rows::Table(_));
        for (i, (text, line)) in chunk.texts().into_iter().zip(chunk.lines()).enumerate() {
            if text.trim().is_empty() {
                let message = format!("{}:{line}: the prompt is empty", path.display());
                return Err(hinted(message, "write a prompt there or take the row out"));
            }
            let system = match chunk.rows() {
                Rows::Objects(objects) => objects[i].get("system").filter(|value| !value.is_null()),
                Rows::Table(_) => None,
            };
            let system = system.map(|value| match value.as_str() {
                Some(system) => Ok(system.to_owned()),
                None => Err(anyhow::anyhow!("{}:{line}: `system` is not a text", path.display())),
            });
            all.push(Prompt { system: system.transpose()?, text: text.to_owned() });
        }
    }
    if is_table && has_system {
        add_systems(path, &mut all)?;
    }
    Ok(all)
}

/// Reads the column `system` of a table beside its prompts; an empty cell says nothing.
fn add_systems(path: &Path, prompts: &mut [Prompt]) -> anyhow::Result<()> {
    let mut reader = Reader::open(path, &ReadOptions::default())?;
    reader.select_text(Some("system"))?;
    let mut prompts = prompts.iter_mut();
    while let Some(chunk) = reader.next_chunk()? {
        for (text, prompt) in chunk.texts().into_iter().zip(&mut prompts) {
            prompt.system = Some(text.to_owned()).filter(|text| !text.is_empty());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &[u8]) -> anyhow::Result<Vec<Prompt>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Prompts::read(&path).map(|prompts| prompts.all).map_err(|error| {
            let shown = format!("{error:#}");
            anyhow::anyhow!(shown.replace(&format!("{}/", folder.path().display()), ""))
        })
    }

    fn prompt(system: Option<&str>, text: &str) -> Prompt {
        Prompt { system: system.map(str::to_owned), text: text.to_owned() }
    }

    #[test]
    fn every_format_gives_the_same_prompts() {
        let two = [prompt(None, "Say, now"), prompt(None, "Why?")];
        assert_eq!(read("a.txt", b"\xef\xbb\xbfSay, now\r\n\n  Why?\n").unwrap(), two);
        assert_eq!(read("prompts", b"Say, now\nWhy?").unwrap(), two);
        assert_eq!(read("a.csv", b"id,prompt\n1,\"Say, now\"\n2,Why?\n").unwrap(), two);
        let jsonl = b"{\"prompt\":\"Say, now\"}\n{\"prompt\":\"Why?\",\"system\":null}\n";
        assert_eq!(read("a.jsonl", jsonl).unwrap(), two);
    }

    #[test]
    fn a_system_prompt_comes_with_its_row() {
        let two = [prompt(Some("Be brief"), "a"), prompt(None, "b")];
        assert_eq!(read("a.csv", b"prompt,system\na,Be brief\nb,\n").unwrap(), two);
        let jsonl = b"{\"prompt\":\"a\",\"system\":\"Be brief\"}\n{\"prompt\":\"b\"}\n";
        assert_eq!(read("a.jsonl", jsonl).unwrap(), two);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let complaint = |name, content: &[u8]| read(name, content).unwrap_err().to_string();
        assert_eq!(complaint("a.txt", b" \n\n"), "a.txt: there is no prompt in it");
        assert_eq!(complaint("a.csv", b""), "a.csv: there is no prompt in it");
        assert_eq!(complaint("a.txt", b"a\n\xff\n"), "a.txt:2: not UTF-8 text");
        assert_eq!(complaint("a.txt", b"a\nb\0\n"), "a.txt:2: not UTF-8 text");
        assert_eq!(
            complaint("a.csv", b"text,id\na,1\n"),
            "a.csv: no column `prompt`; the columns are: text, id"
        );
        assert_eq!(complaint("a.csv", b"id,prompt\n1,\" \"\n"), "a.csv:2: the prompt is empty");
        let bad = b"{\"prompt\":\"a\"}\n{\"prompt\":\"b\",\"system\":3}\n";
        assert_eq!(complaint("a.jsonl", bad), "a.jsonl:2: `system` is not a text");
        assert!(complaint("a.jsonl", b"{\"prompt\":\"a\"}\n{\"pro\n").starts_with("a.jsonl:2:"));
    }

    #[test]
    fn prompts_repeat_and_the_warm_up_takes_the_last() {
        let prompts = Prompts::built_in().unwrap();
        assert_eq!(prompts.count, 80);
        assert_eq!(prompts.of_request(80), prompts.of_request(0));
        assert_eq!(prompts.of_warm_up(), prompts.of_request(79));
    }
}
