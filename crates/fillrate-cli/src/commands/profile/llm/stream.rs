//! The two protocols in which servers stream an answer, from bytes to events.
//!
//! `OpenAI`'s is server-sent events, each with a JSON object, and `[DONE]` at the end. Ollama's is
//! one JSON object a line, the last with `"done": true`.
//!
//! Sources: <https://platform.openai.com/docs/api-reference/chat-streaming>,
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>.

use std::time::Duration;

use serde_json::Value;

use super::api::Api;
use super::failure::{Failure, Kind, quote, server_words};
use super::lines::{LINE_BYTES_MAX, Lines};

/// What a part of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Some text of the answer, or of the reasoning before it.
    Piece,
    /// The tokens that the server counted in the prompt and in its answer.
    Tokens { input: Option<u64>, output: Option<u64> },
    /// How long the server took to load the model.
    Load(Duration),
    /// The answer is complete.
    Done,
}

/// Where `OpenAI`'s protocol and its dialects put text.
const TEXT_FIELDS: [&str; 3] = ["content", "reasoning_content", "reasoning"];

/// Reads one answer.
#[derive(Debug)]
pub(super) struct Stream {
    api: Api,
    lines: Lines,
    is_first_line: bool,
    /// The data of the server-sent event that is being read.
    data: Option<Vec<u8>>,
    /// Whether that event is named `error`.
    is_error_event: bool,
    is_done: bool,
}

impl Stream {
    /// The stream of a server that speaks `api`.
    pub(super) fn new(api: Api) -> Self {
        Self {
            api,
            lines: Lines::default(),
            is_first_line: true,
            data: None,
            is_error_event: false,
            is_done: false,
        }
    }

    /// Whether the server has said that the answer is complete.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Reads what arrived; what comes after the end of the answer is passed over.
    ///
    /// # Errors
    ///
    /// If it is not in the protocol's form, or reports an error of the server.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        events: &mut impl FnMut(Event),
    ) -> Result<(), Failure> {
        if self.is_done {
            return Ok(());
        }
        self.lines.push(bytes);
        while !self.is_done
            && let Some(line) = self.lines.next_line()?
        {
            self.line(&line, events)?;
        }
        Ok(())
    }

    /// Reads the end of the stream.
    ///
    /// # Errors
    ///
    /// If the answer is not complete.
    pub(super) fn finish(&mut self, events: &mut impl FnMut(Event)) -> Result<(), Failure> {
        if self.is_done {
            return Ok(());
        }
        let rest = self.lines.take_rest();
        // The last line may come without a line end if it is whole.
        if !rest.is_empty() && (self.api == Api::OpenAi || is_json(&rest)) {
            self.line(&rest, events)?;
        }
        if self.is_done {
            return Ok(());
        }
        let end = match self.api {
            Api::OpenAi => "`data: [DONE]`",
            Api::Ollama => "`\"done\": true`",
        };
        Err(Failure::new(Kind::HalfAnswer, format!("the answer ended without {end}")))
    }

    fn line(&mut self, line: &[u8], events: &mut impl FnMut(Event)) -> Result<(), Failure> {
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(line) if self.is_first_line => line,
            _ => line,
        };
        self.is_first_line = false;
        match self.api {
            Api::OpenAi => self.event_line(line, events),
            Api::Ollama if line.trim_ascii().is_empty() => Ok(()),
            Api::Ollama => self.ollama_object(&object(line)?, events),
        }
    }

    /// A line of server-sent events.
    fn event_line(&mut self, line: &[u8], events: &mut impl FnMut(Event)) -> Result<(), Failure> {
        if line.is_empty() {
            let is_error = std::mem::take(&mut self.is_error_event);
            return match self.data.take() {
                Some(data) => Self::openai_object(&object(&data)?, is_error, events),
                None => Ok(()),
            };
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            // Some servers leave out the blank line after the last event.
            b"data" if value.trim_ascii() == b"[DONE]" && self.data.is_none() => {
                self.is_done = true;
                events(Event::Done);
            }
            b"data" => self.add_data(value)?,
            b"event" => self.is_error_event = value == b"error",
            // A comment, which keeps the connection alive, or a field that says nothing here.
            _ => {}
        }
        Ok(())
    }

    fn add_data(&mut self, value: &[u8]) -> Result<(), Failure> {
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
                if data.len() > LINE_BYTES_MAX {
                    let message = format!("an event is longer than {LINE_BYTES_MAX} bytes");
                    return Err(Failure::new(Kind::TooLarge, message));
                }
            }
            None => self.data = Some(value.to_vec()),
        }
        Ok(())
    }

    fn openai_object(
        object: &Value,
        is_error: bool,
        events: &mut impl FnMut(Event),
    ) -> Result<(), Failure> {
        let error = object.get("error").filter(|error| !error.is_null());
        if let Some(error) = error.or(is_error.then_some(object)) {
            return Err(Failure::new(Kind::Server, server_words(error)));
        }
        for choice in object["choices"].as_array().into_iter().flatten() {
            if TEXT_FIELDS.iter().any(|field| has_text(&choice["delta"][field])) {
                events(Event::Piece);
            }
        }
        if object["usage"].is_object() {
            events(Event::Tokens {
                input: object["usage"]["prompt_tokens"].as_u64(),
                output: object["usage"]["completion_tokens"].as_u64(),
            });
        }
        Ok(())
    }

    fn ollama_object(
        &mut self,
        object: &Value,
        events: &mut impl FnMut(Event),
    ) -> Result<(), Failure> {
        if let Some(error) = object.get("error").filter(|error| !error.is_null()) {
            return Err(Failure::new(Kind::Server, server_words(error)));
        }
        let message = &object["message"];
        if has_text(&message["content"]) || has_text(&message["thinking"]) {
            events(Event::Piece);
        }
        if object["done"] == true {
            events(Event::Tokens {
                input: object["prompt_eval_count"].as_u64(),
                output: object["eval_count"].as_u64(),
            });
            if let Some(load_ns) = object["load_duration"].as_u64() {
                events(Event::Load(Duration::from_nanos(load_ns)));
            }
            self.is_done = true;
            events(Event::Done);
        }
        Ok(())
    }
}

fn has_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// One JSON object of an answer.
fn object(bytes: &[u8]) -> Result<Value, Failure> {
    let invalid = |why: &str| {
        let said = quote(&String::from_utf8_lossy(bytes));
        Failure::new(Kind::Invalid, format!("{why}: {said}"))
    };
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) if value.is_object() => Ok(value),
        Ok(_) => Err(invalid("not a JSON object")),
        Err(_) => Err(invalid("not JSON")),
    }
}

#[cfg(test)]
mod tests;
