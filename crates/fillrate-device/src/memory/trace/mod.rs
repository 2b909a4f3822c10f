//! What was asked of a pool, in order: recorded, made up, written down, and asked again of any
//! strategy.

mod generate;
mod holes;
mod replay;

use std::fmt;

pub use self::generate::TraceKind;
pub use self::holes::{CallTimes, HoleTimes, time_holes};
pub use self::replay::{
    Compaction, EVENTS_PER_LOOK, Fragmentation, least_heap_bytes, measure_fragmentation,
    time_replay,
};
use crate::error::{Error, Result};

/// One thing asked of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// An allocation, with a name that no other of the trace has.
    Allocate {
        /// The name.
        id: u32,
        /// The size asked for.
        size_bytes: u64,
    },
    /// The end of an allocation of this name.
    Free {
        /// The name.
        id: u32,
    },
}

/// What was asked of a pool, in order. What a trace does not free lives at its end.
///
/// As text, a trace is a line for each event, `allocate ID BYTES` or `free ID`; empty lines and
/// those that begin with `#` say nothing.
///
/// ```
/// use fillrate_device::memory::trace::Trace;
///
/// let trace = Trace::parse("# two at once\nallocate 0 1000\nallocate 1 500\nfree 0\n")?;
/// assert_eq!(trace.events().len(), 3);
/// assert_eq!(trace.peak_requested_bytes(), 1500);
/// assert_eq!(Trace::parse(&trace.to_string())?, trace);
/// # Ok::<(), fillrate_device::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    events: Vec<TraceEvent>,
    /// Allocations: their names are the numbers below it.
    allocations: u32,
}

impl Trace {
    /// The events.
    #[must_use]
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    /// The most that was asked for at once, in bytes: what a pool that wastes nothing needs.
    #[must_use]
    pub fn peak_requested_bytes(&self) -> u64 {
        let mut sizes = vec![0; self.allocations as usize];
        let (mut live_bytes, mut peak_bytes) = (0, 0);
        for event in &self.events {
            match *event {
                TraceEvent::Allocate { id, size_bytes } => {
                    sizes[id as usize] = size_bytes;
                    live_bytes += size_bytes;
                    peak_bytes = live_bytes.max(peak_bytes);
                }
                TraceEvent::Free { id } => live_bytes -= sizes[id as usize],
            }
        }
        peak_bytes
    }

    /// Reads a trace from its text.
    ///
    /// # Errors
    ///
    /// [`Error::Trace`] if a line is no event, a name is given twice, or what is freed does not
    /// live.
    pub fn parse(text: &str) -> Result<Self> {
        let mut trace = Self::default();
        let mut live = std::collections::HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let wrong =
                |message: &str| Error::Trace { line: index + 1, message: message.to_owned() };
            let number = |word: &str| word.parse::<u64>().map_err(|_| wrong("expected a number"));
            match *words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["allocate", id, size_bytes] => {
                    // Names are made dense, so that tables can be indexed by them.
                    let (name, size_bytes) = (trace.allocations, number(size_bytes)?);
                    if live.insert(number(id)?, name).is_some() {
                        return Err(wrong("an allocation of this name lives"));
                    }
                    trace.allocate(size_bytes);
                }
                ["free", id] => match live.remove(&number(id)?) {
                    Some(name) => trace.free(name),
                    None => return Err(wrong("no allocation of this name lives")),
                },
                _ => return Err(wrong("expected `allocate ID BYTES` or `free ID`")),
            }
        }
        Ok(trace)
    }

    /// Adds an allocation. Returns its name.
    pub(super) fn allocate(&mut self, size_bytes: u64) -> u32 {
        let id = self.allocations;
        self.allocations += 1;
        self.events.push(TraceEvent::Allocate { id, size_bytes });
        id
    }

    /// Adds the end of an allocation that lives.
    pub(super) fn free(&mut self, id: u32) {
        self.events.push(TraceEvent::Free { id });
    }

    fn free_all(&mut self, ids: Vec<u32>) {
        self.events.extend(ids.into_iter().map(|id| TraceEvent::Free { id }));
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            match event {
                TraceEvent::Allocate { id, size_bytes } => {
                    writeln!(f, "allocate {id} {size_bytes}")?;
                }
                TraceEvent::Free { id } => writeln!(f, "free {id}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (text, expected) in [
            ("allocate 0 10\nallocate 0 10", "line 2: an allocation of this name lives"),
            ("\nfree 3", "line 2: no allocation of this name lives"),
            ("allocate 1", "line 1: expected `allocate ID BYTES` or `free ID`"),
            ("allocate 1 -5", "line 1: expected a number"),
        ] {
            assert_eq!(Trace::parse(text).unwrap_err().to_string(), expected);
        }
        let reused = Trace::parse("allocate 7 1\nfree 7\nallocate 7 2").unwrap();
        assert_eq!(reused.to_string(), "allocate 0 1\nfree 0\nallocate 1 2\n");
    }
}
