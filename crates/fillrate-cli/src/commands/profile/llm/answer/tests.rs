use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;

/// A clock that stands still until somebody moves it.
#[derive(Default)]
struct Hand(Mutex<Duration>);

impl Clock for Hand {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

impl Hand {
    fn advance(&self, milliseconds: u64) {
        *self.0.lock().unwrap() += Duration::from_millis(milliseconds);
    }
}

/// A body whose parts take known times to arrive.
struct Slow<'a> {
    clock: &'a Hand,
    parts: VecDeque<(u64, Part)>,
    is_ended: Cell<bool>,
}

enum Part {
    Bytes(&'static str),
    Fails(ureq::Error),
    Interrupted,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!self.is_ended.get(), "nothing is read after the end");
        let Some((milliseconds, part)) = self.parts.pop_front() else {
            self.is_ended.set(true);
            return Ok(0);
        };
        self.clock.advance(milliseconds);
        match part {
            Part::Bytes(text) => {
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                Ok(text.len())
            }
            Part::Fails(error) => Err(io::Error::other(error)),
            Part::Interrupted => Err(io::ErrorKind::Interrupted.into()),
        }
    }
}

fn read(api: Api, parts: Vec<(u64, Part)>) -> Result<Answer, Failure> {
    let clock = Hand::default();
    clock.advance(1000);
    let body = Slow { clock: &clock, parts: parts.into(), is_ended: Cell::new(false) };
    Answer::read(body, api, Duration::from_millis(900), &clock)
}

const PIECE: Part = Part::Bytes("{\"message\":{\"content\":\"a\"},\"done\":false}\n");
const TWO_PIECES: Part =
    Part::Bytes("{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"b\"}}\n");
const END: Part = Part::Bytes(
    "{\"done\":true,\"prompt_eval_count\":9,\"eval_count\":7,\"load_duration\":3000000}\n",
);
const SSE_PIECE: Part = Part::Bytes("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
const SSE_USAGE: Part = Part::Bytes(
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":7}}\n\n",
);
const SSE_END: Part = Part::Bytes("data: [DONE]\n\n");

fn ms(milliseconds: &[u64]) -> Vec<Duration> {
    milliseconds.iter().copied().map(Duration::from_millis).collect()
}

#[test]
fn times_count_from_the_request_and_pieces_of_one_read_come_together() {
    let parts = vec![
        (50, PIECE),
        (5, Part::Interrupted),
        (5, TWO_PIECES),
        (20, PIECE),
        (40, Part::Bytes("\n")),
        (30, END),
        (500, Part::Bytes("\n")),
    ];
    let answer = read(Api::Ollama, parts).unwrap();
    // Sent at 900, read from 1000 on.
    assert_eq!(answer.first_token, Duration::from_millis(150));
    assert_eq!(answer.gaps, ms(&[10, 0, 20]));
    // What comes after the end of the answer is not a part of it.
    assert_eq!(answer.total, Duration::from_millis(250));
    assert_eq!((answer.tokens_in, answer.tokens_out), (Some(9), Some(7)));
    assert_eq!(answer.load, Some(Duration::from_millis(3)));
    assert_eq!(answer.pieces(), 4);
    // Six tokens after the first in 30 ms.
    assert!((answer.decode_rate(7).unwrap() - 200.0).abs() < 1e-9);
    assert_eq!(answer.decode_rate(1), None);
}

#[test]
fn both_protocols_are_timed_alike() {
    let parts = vec![(100, SSE_PIECE), (10, SSE_PIECE), (5, SSE_USAGE), (1, SSE_END)];
    let openai = read(Api::OpenAi, parts).unwrap();
    let parts = vec![(100, PIECE), (10, PIECE), (6, END)];
    let ollama = Answer { load: None, ..read(Api::Ollama, parts).unwrap() };
    assert_eq!(openai, ollama);
}

#[test]
fn a_connection_that_breaks_after_the_answer_costs_nothing() {
    let reset = ureq::Error::Io(io::ErrorKind::ConnectionReset.into());
    let parts = vec![(1, SSE_PIECE), (1, SSE_END), (1, Part::Fails(reset))];
    assert!(read(Api::OpenAi, parts).is_ok());
}

#[test]
fn a_connection_that_breaks_within_the_answer_is_half_an_answer() {
    let reset = ureq::Error::Io(io::ErrorKind::ConnectionReset.into());
    let failure = read(Api::OpenAi, vec![(1, SSE_PIECE), (1, Part::Fails(reset))]).unwrap_err();
    assert_eq!(failure.kind, Kind::HalfAnswer);
    assert!(failure.message.ends_with("after 1 piece"), "{}", failure.message);
    let silent = ureq::Error::Timeout(ureq::Timeout::PerRead);
    let failure = read(Api::OpenAi, vec![(1, Part::Fails(silent))]).unwrap_err();
    assert_eq!(failure.kind, Kind::Timeout);
    let failure = read(Api::OpenAi, vec![(1, SSE_PIECE), (1, SSE_PIECE)]).unwrap_err();
    assert_eq!(failure.kind, Kind::HalfAnswer);
    assert_eq!(failure.message, "the answer ended without `data: [DONE]`, after 2 pieces");
}

#[test]
fn an_answer_without_text_is_a_failure() {
    assert_eq!(read(Api::OpenAi, vec![(1, SSE_END)]).unwrap_err().kind, Kind::Empty);
    assert_eq!(read(Api::Ollama, vec![(1, END)]).unwrap_err().kind, Kind::Empty);
}

#[test]
fn an_endless_answer_is_given_up() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            for line in buffer.chunks_mut(8) {
                line.fill(b' ');
                line[line.len() - 1] = b'\n';
            }
            Ok(buffer.len())
        }
    }
    let failure = Answer::read(Endless, Api::Ollama, Duration::ZERO, &Hand::default()).unwrap_err();
    assert_eq!(failure.kind, Kind::TooLarge);
}
