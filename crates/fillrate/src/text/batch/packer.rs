//! Cuts the token sequences of one window into batches.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use crate::text::PackedBatch;

/// The token sequences of a window, in the order in which they are computed.
///
/// They are sorted by length, longest first. The products of an encoder cost as much per token
/// whatever the length, but attention costs the square of it, so batches of like length take
/// like time; and with the longest first a scratch grows once and never again.
#[derive(Debug)]
pub(super) struct Sequences {
    ids: Vec<u32>,
    spans: Vec<Range<usize>>,
    order: Vec<u32>,
    /// The items whose sequence equals that of an earlier item, by that item.
    copies: HashMap<u32, Vec<u32>>,
    /// Tokens of the sequences in `order`.
    tokens: usize,
}

impl Sequences {
    /// Sequence `i` is `ids[spans[i]]`. An empty span is a text that is not computed. Of equal
    /// sequences only the first is, unless `dedupe` is off.
    pub(super) fn new(ids: Vec<u32>, spans: Vec<Range<usize>>, dedupe: bool) -> Self {
        let mut order: Vec<u32> =
            (0..spans.len() as u32).filter(|item| !spans[*item as usize].is_empty()).collect();
        let mut copies: HashMap<u32, Vec<u32>> = HashMap::new();
        if dedupe {
            let mut firsts = HashMap::with_capacity(order.len());
            order.retain(|&item| match firsts.entry(&ids[spans[item as usize].clone()]) {
                Entry::Vacant(entry) => {
                    entry.insert(item);
                    true
                }
                Entry::Occupied(first) => {
                    copies.entry(*first.get()).or_default().push(item);
                    false
                }
            });
        }
        // A stable sort: equal lengths stay in input order, so a window always packs alike.
        order.sort_by_key(|item| Reverse(spans[*item as usize].len()));
        let tokens = order.iter().map(|item| spans[*item as usize].len()).sum();
        Self { ids, spans, order, copies, tokens }
    }

    /// The items that share the answer of `item`.
    pub(super) fn copies(&self, item: u32) -> &[u32] {
        self.copies.get(&item).map_or(&[], Vec::as_slice)
    }

    /// The items at `range` of the sorted order.
    pub(super) fn items(&self, range: Range<usize>) -> &[u32] {
        &self.order[range]
    }

    /// Overwrites `batch` with the sequences of `items`.
    pub(super) fn fill(&self, items: &[u32], batch: &mut PackedBatch) {
        batch.clear();
        for item in items {
            batch.push(&self.ids[self.spans[*item as usize].clone()]);
        }
    }

    fn length(&self, position: usize) -> Option<usize> {
        self.order.get(position).map(|item| self.spans[*item as usize].len())
    }
}

/// Cuts a window into batches, one at a time, so that each is cut to the budget of the moment.
#[derive(Debug)]
pub(super) struct Packer {
    sequences: Arc<Sequences>,
    next: usize,
}

/// One batch: which of the sorted sequences it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BatchPlan {
    /// Positions in the sorted order.
    pub(super) range: Range<usize>,
    /// Tokens in all of its sequences.
    pub(super) tokens: usize,
}

impl Packer {
    pub(super) fn new(sequences: Arc<Sequences>) -> Self {
        Self { sequences, next: 0 }
    }

    /// What is packed.
    pub(super) fn sequences(&self) -> &Arc<Sequences> {
        &self.sequences
    }

    /// Tokens of all sequences together.
    pub(super) fn tokens(&self) -> usize {
        self.sequences.tokens
    }

    /// Whether every sequence is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.next == self.sequences.order.len()
    }

    /// The next batch: as many sequences as fit `budget` tokens, and always at least one; `None`
    /// when all are taken.
    pub(super) fn next_batch(&mut self, budget: usize) -> Option<BatchPlan> {
        let start = self.next;
        let mut tokens = self.sequences.length(start)?;
        self.next += 1;
        while let Some(length) = self.sequences.length(self.next) {
            if tokens + length > budget {
                break;
            }
            tokens += length;
            self.next += 1;
        }
        Some(BatchPlan { range: start..self.next, tokens })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packer(lengths: &[usize]) -> Packer {
        let mut spans = Vec::new();
        let mut ids = Vec::new();
        for (item, length) in lengths.iter().enumerate() {
            let start = ids.len();
            ids.extend(std::iter::repeat_n(item as u32, *length));
            spans.push(start..ids.len());
        }
        Packer::new(Arc::new(Sequences::new(ids, spans, false)))
    }

    proptest! {
        #[test]
        fn every_item_is_packed_once_and_no_batch_is_over_budget_unless_single(
            lengths in prop::collection::vec(1_usize..200, 0..300),
            budgets in prop::collection::vec(1_usize..600, 1..5),
        ) {
            let mut packer = packer(&lengths);
            let mut budgets = budgets.iter().cycle();
            let mut seen = vec![0; lengths.len()];
            let mut batch = PackedBatch::default();
            let mut total = 0;
            let mut budget = *budgets.next().unwrap();
            while let Some(plan) = packer.next_batch(budget) {
                let sequences = packer.sequences();
                let items = sequences.items(plan.range);
                sequences.fill(items, &mut batch);
                prop_assert_eq!(batch.tokens(), plan.tokens);
                prop_assert_eq!(batch.sequences(), items.len());
                prop_assert!(plan.tokens <= budget || items.len() == 1);
                for (position, item) in items.iter().enumerate() {
                    seen[*item as usize] += 1;
                    let start = batch.cu_seqlens()[position] as usize;
                    let end = batch.cu_seqlens()[position + 1] as usize;
                    prop_assert_eq!(end - start, lengths[*item as usize]);
                    prop_assert!(batch.ids()[start..end].iter().all(|id| id == item));
                }
                total += plan.tokens;
                budget = *budgets.next().unwrap();
            }
            prop_assert!(seen.iter().all(|count| *count == 1));
            prop_assert_eq!(total, packer.tokens());
        }

        #[test]
        fn lengths_fall_and_each_batch_is_full(
            lengths in prop::collection::vec(1_usize..200, 1..300),
            budget in 200_usize..2000,
        ) {
            let mut packer = packer(&lengths);
            let mut last = usize::MAX;
            let mut unfilled = None;
            while let Some(plan) = packer.next_batch(budget) {
                let items = packer.sequences().items(plan.range).to_vec();
                let first = lengths[items[0] as usize];
                // The batch before was closed because this first item did not fit it.
                if let Some(tokens) = unfilled {
                    prop_assert!(tokens + first > budget);
                }
                for item in items {
                    prop_assert!(lengths[item as usize] <= last);
                    last = lengths[item as usize];
                }
                unfilled = Some(plan.tokens);
            }
        }
    }

    #[test]
    fn empty_sequences_are_not_packed() {
        let sequences = Sequences::new(vec![7, 7, 9], vec![0..2, 2..2, 2..3], true);
        let mut packer = Packer::new(Arc::new(sequences));
        let plan = packer.next_batch(100).unwrap();
        assert_eq!((packer.sequences().items(plan.range), plan.tokens), (&[0, 2][..], 3));
        assert!(packer.is_empty());
        assert_eq!(packer.next_batch(100), None);
    }

    #[test]
    fn of_equal_sequences_the_first_is_packed_unless_dedupe_is_off() {
        let ids = vec![7, 8, 9, 7, 8, 7, 8];
        let spans = vec![0..2, 2..3, 3..5, 5..5, 5..7];
        let deduped = Sequences::new(ids.clone(), spans.clone(), true);
        assert_eq!((deduped.order.as_slice(), deduped.tokens), (&[0, 1][..], 3));
        assert_eq!((deduped.copies(0), deduped.copies(1)), (&[2, 4][..], &[][..]));
        let all = Sequences::new(ids, spans, false);
        assert_eq!((all.order.as_slice(), all.tokens), (&[0, 2, 4, 1][..], 7));
        assert_eq!(all.copies(0), &[] as &[u32]);
    }
}
