//! What is asked of a pool.

use std::borrow::Cow;

use super::super::backend::StreamId;
use super::super::strategy::GRANULE_BYTES;

/// Who an allocation belongs to, in leak reports.
pub type Tag = Cow<'static, str>;

/// What is asked of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) size_bytes: u64,
    pub(super) alignment_bytes: u64,
    pub(super) stream: StreamId,
    pub(super) tag: Tag,
}

impl Request {
    /// `size_bytes` for the default stream, aligned to [`GRANULE_BYTES`], of an owner that is not
    /// named. Nothing, asked for, is one granule.
    #[must_use]
    pub fn new(size_bytes: u64) -> Self {
        Self {
            size_bytes,
            alignment_bytes: GRANULE_BYTES,
            stream: StreamId::default(),
            tag: Tag::Borrowed("untagged"),
        }
    }

    /// For the work of `stream`.
    #[must_use]
    pub fn on(mut self, stream: StreamId) -> Self {
        self.stream = stream;
        self
    }

    /// At a multiple of `alignment_bytes`, rounded up to a power of two.
    #[must_use]
    pub fn aligned_to(mut self, alignment_bytes: u64) -> Self {
        let power = alignment_bytes.checked_next_power_of_two().unwrap_or(1 << 63);
        self.alignment_bytes = power.max(GRANULE_BYTES);
        self
    }

    /// For `owner`.
    #[must_use]
    pub fn tagged(mut self, owner: impl Into<Tag>) -> Self {
        self.tag = owner.into();
        self
    }

    /// The bytes that hold the request wherever they begin.
    pub(super) fn padded_bytes(&self) -> u64 {
        self.size_bytes.saturating_add(self.alignment_bytes - GRANULE_BYTES)
    }
}
