//! Why a request to a language model brought no whole answer.

use std::io;

use serde::Serialize;
use serde_json::Value;
use ureq::Timeout;

/// The most characters of a server's own words that are quoted.
const QUOTE_CHARS_MAX: usize = 200;

/// What kind of failure it was; programs read these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Nothing listens at that address.
    Refused,
    /// The host was not found, or no encrypted or plain connection to it could be made.
    Unreachable,
    /// The server hung up before it answered.
    Closed,
    /// The server was silent for too long, or its answer took too long.
    Timeout,
    /// Another HTTP status than success.
    Http,
    /// The server reported an error in the middle of its answer.
    Server,
    /// The answer is not in the protocol's form.
    Invalid,
    /// The answer ended before the server said that it was complete.
    HalfAnswer,
    /// The answer was complete and had no text.
    Empty,
    /// The answer, or a line of it, is longer than any answer should be.
    TooLarge,
}

impl Kind {
    /// Its name, as in the JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Http => "http",
            Self::Server => "server",
            Self::Invalid => "invalid",
            Self::HalfAnswer => "half_answer",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
        }
    }
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// What kind of failure it was.
    pub(super) kind: Kind,
    /// The HTTP status, where that is the failure.
    pub(super) status: Option<u16>,
    /// What happened, on one line.
    pub(super) message: String,
}

impl Failure {
    /// A failure that is no matter of the HTTP status.
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, status: None, message: message.into() }
    }

    /// A status other than success, with what the server said about it.
    pub(super) fn of_status(status: u16, body: &[u8]) -> Self {
        let said = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(object)) => match object.get("error").or(object.get("message")) {
                Some(error) => server_words(error),
                None => quote(&String::from_utf8_lossy(body)),
            },
            _ => quote(&String::from_utf8_lossy(body)),
        };
        let message = match said.as_str() {
            "" => format!("HTTP {status}, without a message"),
            said => format!("HTTP {status}: {said}"),
        };
        Self { kind: Kind::Http, status: Some(status), message }
    }

    /// A connection that could not be made or did not bring an answer.
    pub(super) fn of_transport(error: &ureq::Error) -> Self {
        let kind = match error {
            ureq::Error::Timeout(_) => Kind::Timeout,
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Kind::Refused,
                io::ErrorKind::TimedOut => Kind::Timeout,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => Kind::Closed,
                _ => Kind::Unreachable,
            },
            ureq::Error::Protocol(_)
            | ureq::Error::Http(_)
            | ureq::Error::LargeResponseHeader(..)
            | ureq::Error::BodyStalled => Kind::Invalid,
            _ => Kind::Unreachable,
        };
        let message = match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                "no connection within the timeout".to_owned()
            }
            ureq::Error::Timeout(Timeout::Global) => {
                "the answer took longer than ten times the timeout".to_owned()
            }
            ureq::Error::Timeout(_) => "the server was silent for the whole timeout".to_owned(),
            ureq::Error::Io(io) if kind == Kind::Refused => quote(&io.to_string()),
            ureq::Error::Io(_) if kind == Kind::Closed => {
                "the server closed the connection without an answer".to_owned()
            }
            error => quote(&error.to_string()),
        };
        Self::new(kind, message)
    }

    /// An answer that broke off after `pieces` pieces.
    pub(super) fn in_the_middle(error: &ureq::Error, pieces: usize) -> Self {
        let mut failure = Self::of_transport(error);
        // A broken chunk is a broken answer, whatever the framing of HTTP calls it.
        if matches!(failure.kind, Kind::Closed | Kind::Invalid | Kind::Unreachable) {
            failure.kind = Kind::HalfAnswer;
            failure.message = format!("the connection broke off ({})", quote(&error.to_string()));
        }
        failure.after(pieces)
    }

    /// The same, with how many pieces of the answer came before it.
    pub(super) fn after(mut self, pieces: usize) -> Self {
        let word = if pieces == 1 { "piece" } else { "pieces" };
        self.message = format!("{}, after {pieces} {word}", self.message);
        self
    }
}

/// What a server's error object says: its message, or the whole of it.
pub(super) fn server_words(error: &Value) -> String {
    match error {
        Value::String(text) => quote(text),
        Value::Object(object) => match object.get("message") {
            Some(Value::String(text)) => quote(text),
            _ => quote(&error.to_string()),
        },
        other => quote(&other.to_string()),
    }
}

/// A server's words on one line: no control characters, which could act on a terminal, and no
/// more of them than a person reads.
pub(super) fn quote(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_message_is_found() {
        let said = |body: &str| Failure::of_status(500, body.as_bytes()).message;
        assert_eq!(
            said(r#"{"error":{"message":"no such model","code":3}}"#),
            "HTTP 500: no such model"
        );
        assert_eq!(said(r#"{"error":"out of memory"}"#), "HTTP 500: out of memory");
        assert_eq!(said(r#"{"message":"busy"}"#), "HTTP 500: busy");
        assert_eq!(said(r#"{"error":{"code":3}}"#), r#"HTTP 500: {"code":3}"#);
        assert_eq!(said("<html>\r\n Bad\u{1b}[31m Gateway"), "HTTP 500: <html> Bad [31m Gateway");
        assert_eq!(said(""), "HTTP 500, without a message");
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let quoted = quote(&"é".repeat(1000));
        assert_eq!(quoted.chars().count(), QUOTE_CHARS_MAX + 1);
        assert!(quoted.ends_with('…'));
    }

    #[test]
    fn a_timeout_stays_a_timeout_in_the_middle_of_an_answer() {
        let failure = Failure::in_the_middle(&ureq::Error::Timeout(Timeout::PerRead), 3);
        assert_eq!(failure.kind, Kind::Timeout);
        assert_eq!(failure.message, "the server was silent for the whole timeout, after 3 pieces");
        let reset = ureq::Error::Io(io::ErrorKind::ConnectionReset.into());
        assert_eq!(Failure::in_the_middle(&reset, 3).kind, Kind::HalfAnswer);
        assert_eq!(Failure::of_transport(&reset).kind, Kind::Closed);
    }
}
