//! One answer of a language model, timed while it arrives.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::api::Api;
use super::failure::{Failure, Kind};
use super::stream::{Event, Stream};

/// The longest answer that is read, in bytes; a long one of 32,768 tokens has about 8 MiB.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// What is read at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// Says how late it is.
pub(super) trait Clock: Sync {
    /// The time since some moment before the run.
    fn now(&self) -> Duration;
}

/// The clock of the machine, which never goes back.
#[derive(Debug)]
pub(super) struct Monotonic(Instant);

impl Monotonic {
    /// A clock that begins now.
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A whole answer. Times count from the moment before the request was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Until its first text arrived.
    pub(super) first_token: Duration,
    /// Between its pieces; one fewer than there are.
    pub(super) gaps: Vec<Duration>,
    /// Until the server said that it was complete.
    pub(super) total: Duration,
    /// The tokens of the prompt, if the server counted them.
    pub(super) tokens_in: Option<u64>,
    /// The tokens of the answer, if the server counted them.
    pub(super) tokens_out: Option<u64>,
    /// How long the server took to load the model, if it says so.
    pub(super) load: Option<Duration>,
}

impl Answer {
    /// How many pieces it came in.
    pub(super) fn pieces(&self) -> usize {
        self.gaps.len() + 1
    }

    /// Tokens (`tokens_out`, or pieces) that followed the first, per second from the first piece
    /// to the last; `None` if there was no time between them.
    pub(super) fn decode_rate(&self, tokens_out: u64) -> Option<f64> {
        let seconds = self.gaps.iter().sum::<Duration>().as_secs_f64();
        (tokens_out > 1 && seconds > 0.0).then(|| (tokens_out - 1) as f64 / seconds)
    }

    /// Reads the answer to a request that was `sent` at that time.
    ///
    /// # Errors
    ///
    /// If it is not whole, not in the protocol's form, empty, or longer than any answer should be.
    pub(super) fn read(
        mut body: impl Read,
        api: Api,
        sent: Duration,
        clock: &dyn Clock,
    ) -> Result<Self, Failure> {
        let mut stream = Stream::new(api);
        let mut timeline = Timeline::default();
        let mut buffer = vec![0; READ_BYTES];
        let mut length_bytes = 0;
        loop {
            let read = body.read(&mut buffer);
            let now = clock.now();
            let count = match read {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The answer is whole; that its connection did not end well costs only the
                // connection.
                Err(_) if stream.is_done() => break,
                Err(error) => {
                    let pieces = timeline.pieces.len();
                    return Err(Failure::in_the_middle(&ureq::Error::from(error), pieces));
                }
            };
            length_bytes += count;
            if length_bytes > ANSWER_BYTES_MAX {
                let message = format!("the answer is longer than {ANSWER_BYTES_MAX} bytes");
                return Err(Failure::new(Kind::TooLarge, message));
            }
            stream.push(&buffer[..count], &mut |event| timeline.note(event, now))?;
        }
        let now = clock.now();
        let end = stream.finish(&mut |event| timeline.note(event, now));
        end.map_err(|failure| failure.after(timeline.pieces.len()))?;
        timeline.answer(sent)
    }
}

/// When what arrived.
#[derive(Debug, Default)]
struct Timeline {
    pieces: Vec<Duration>,
    done: Duration,
    tokens_in: Option<u64>,
    tokens_out: Option<u64>,
    load: Option<Duration>,
}

impl Timeline {
    fn note(&mut self, event: Event, now: Duration) {
        match event {
            Event::Piece => self.pieces.push(now),
            // Some servers count along: the last count is that of the whole.
            Event::Tokens { input, output } => {
                self.tokens_in = input.or(self.tokens_in);
                self.tokens_out = output.or(self.tokens_out);
            }
            Event::Load(load) => self.load = Some(load),
            Event::Done => self.done = now,
        }
    }

    fn answer(self, sent: Duration) -> Result<Answer, Failure> {
        let Some(first) = self.pieces.first() else {
            return Err(Failure::new(Kind::Empty, "the answer was complete and had no text"));
        };
        Ok(Answer {
            first_token: first.saturating_sub(sent),
            gaps: self.pieces.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect(),
            total: self.done.saturating_sub(sent),
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            load: self.load,
        })
    }
}

#[cfg(test)]
mod tests;
