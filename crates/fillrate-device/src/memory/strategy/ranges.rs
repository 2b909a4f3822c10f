//! Free ranges in the order of their addresses, joined where they touch.

use std::collections::BTreeMap;

use super::Span;

/// Free ranges by where they begin.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    by_start: BTreeMap<u32, u32>,
    len: u64,
}

/// What became of a range that was added.
pub(super) struct Joined {
    /// It and the ranges it touched.
    pub(super) whole: Span,
    /// The range before it, which is no more on its own.
    pub(super) before: Option<Span>,
    /// The range after it, likewise.
    pub(super) after: Option<Span>,
}

impl Ranges {
    /// Granules in all ranges.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The ranges, the lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Span> {
        self.by_start.iter().map(|(&start, &len)| Span { start, len })
    }

    /// Whether there is exactly this range.
    pub(super) fn contains(&self, span: Span) -> bool {
        self.by_start.get(&span.start) == Some(&span.len)
    }

    /// Adds a range that overlaps none.
    pub(super) fn insert(&mut self, span: Span) -> Joined {
        self.len += u64::from(span.len);
        let before = self.by_start.range(..span.start).next_back();
        let before = before.map(|(&start, &len)| Span { start, len });
        let before = before.filter(|before| before.end() == span.start);
        let after = self.by_start.remove(&span.end());
        let after = after.map(|len| Span { start: span.end(), len });
        let start = before.map_or(span.start, |before| before.start);
        let end = after.map_or(span.end(), Span::end);
        let whole = Span { start, len: end - start };
        self.by_start.insert(start, whole.len);
        Joined { whole, before, after }
    }

    /// Takes a range out.
    pub(super) fn remove(&mut self, span: Span) {
        if self.by_start.remove(&span.start).is_some() {
            self.len -= u64::from(span.len);
        }
    }

    /// Takes the first `len` granules of a range. Returns what is left of it.
    pub(super) fn take(&mut self, span: Span, len: u32) -> Option<Span> {
        self.remove(span);
        let rest = Span { start: span.start + len, len: span.len - len };
        (rest.len > 0).then(|| {
            self.by_start.insert(rest.start, rest.len);
            self.len += u64::from(rest.len);
            rest
        })
    }
}
