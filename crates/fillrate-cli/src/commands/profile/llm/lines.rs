//! Cuts a stream of bytes into lines, however they arrive.

use super::failure::{Failure, Kind};

/// The longest line that is kept, in bytes. One holds a few tokens and their JSON.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// Lines that end with LF, CR LF or CR, as server-sent events allow.
///
/// Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no line end.
    scanned: usize,
    /// Whether the last line ended with CR, to which a following LF belongs.
    is_after_cr: bool,
}

impl Lines {
    /// Adds what arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next line that is complete, without its end.
    ///
    /// # Errors
    ///
    /// If a line is longer than [`LINE_BYTES_MAX`].
    pub(super) fn next_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.is_after_cr && !self.pending.is_empty() {
            if self.pending[0] == b'\n' {
                self.pending.remove(0);
            }
            self.is_after_cr = false;
        }
        let end = self.pending[self.scanned..].iter().position(|byte| b"\r\n".contains(byte));
        let Some(end) = end.map(|offset| self.scanned + offset) else {
            self.scanned = self.pending.len();
            return check_length(self.scanned).map(|()| None);
        };
        check_length(end)?;
        self.is_after_cr = self.pending[end] == b'\r';
        self.scanned = 0;
        let mut line: Vec<u8> = self.pending.drain(..=end).collect();
        line.pop();
        Ok(Some(line))
    }

    /// What is left at the end of the stream: a line that was not ended.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        self.scanned = 0;
        std::mem::take(&mut self.pending)
    }
}

fn check_length(length_bytes: usize) -> Result<(), Failure> {
    if length_bytes <= LINE_BYTES_MAX {
        return Ok(());
    }
    let message = format!("a line of the answer is longer than {LINE_BYTES_MAX} bytes");
    Err(Failure::new(Kind::TooLarge, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> (Vec<String>, String) {
        let mut lines = Lines::default();
        let mut found = vec![];
        for part in parts {
            lines.push(part);
            while let Some(line) = lines.next_line().unwrap() {
                found.push(String::from_utf8(line).unwrap());
            }
        }
        (found, String::from_utf8(lines.take_rest()).unwrap())
    }

    #[test]
    fn every_kind_of_line_end_is_one_however_it_is_split() {
        let text = b"a\nb\r\nc\rd\r\n\r\n\n\re\xc3\xa9\nrest";
        let whole = lines(&[text]);
        assert_eq!(whole.0, ["a", "b", "c", "d", "", "", "", "eé"]);
        for at in 0..=text.len() {
            assert_eq!(lines(&[&text[..at], &text[at..]]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&bytes), whole);
    }

    #[test]
    fn a_line_without_end_is_given_up_before_it_fills_the_memory() {
        let mut lines = Lines::default();
        let part = vec![b'x'; 1 << 16];
        let failure = (0..1 << 20).find_map(|_| {
            lines.push(&part);
            lines.next_line().err()
        });
        assert_eq!(failure.unwrap().kind, Kind::TooLarge);
        assert!(lines.pending.len() <= LINE_BYTES_MAX + part.len());
    }
}
