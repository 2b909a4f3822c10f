//! Scratch memory whose parts are taken in a row and given back all at once.

use super::allocation::FixedAllocation;
use super::backend::StreamId;
use super::strategy::GRANULE_BYTES;
use crate::error::{Error, Result};

/// Scratch memory of a stream, from [`Pool::workspace`](super::Pool::workspace).
///
/// Parts are taken through a [`Scope`], each behind the last; leaving the scope returns them
/// together. Nothing is looked up, nothing fragments, and no driver is called. A scope within a
/// scope gives back its own parts only.
///
/// ```
/// use fillrate_device::memory::{DeviceMemory, FakeBackend, MemoryOptions, PoolKind, StreamId};
///
/// let memory = DeviceMemory::new(FakeBackend::shared(1 << 30), MemoryOptions::default())?;
/// let pool = memory.pool(PoolKind::Workspace);
/// let mut workspace = pool.workspace(1 << 20, StreamId::default(), "example")?;
/// for _batch in 0..3 {
///     let mut layer = workspace.scope();
///     let queries = layer.take(4096, 256)?;
///     let mut attention = layer.scope();
///     let scores = attention.take(4096, 256)?;
///     assert!(scores.address >= queries.address + queries.size_bytes);
/// }
/// assert_eq!(workspace.peak_bytes(), 8192);
/// # Ok::<(), fillrate_device::Error>(())
/// ```
#[derive(Debug)]
pub struct Workspace {
    memory: FixedAllocation,
    size_bytes: u64,
    used_bytes: u64,
    peak_bytes: u64,
}

/// A part of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The address of its first byte, on the device.
    pub address: u64,
    /// Its size.
    pub size_bytes: u64,
}

impl Workspace {
    pub(super) fn new(memory: FixedAllocation, size_bytes: u64) -> Self {
        Self { memory, size_bytes, used_bytes: 0, peak_bytes: 0 }
    }

    /// Begins a scope.
    pub fn scope(&mut self) -> Scope<'_> {
        Scope { begin_bytes: self.used_bytes, workspace: self }
    }

    /// Its size.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The most of it that was used at once: what it would have needed.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// As [`Allocation::use_on`](super::Allocation::use_on).
    pub fn use_on(&self, stream: StreamId) {
        self.memory.use_on(stream);
    }
}

/// A time in which parts of a workspace are taken; see [`Workspace`].
#[derive(Debug)]
pub struct Scope<'a> {
    workspace: &'a mut Workspace,
    begin_bytes: u64,
}

impl Scope<'_> {
    /// Takes `size_bytes` at a multiple of `alignment_bytes`, a power of two up to
    /// [`GRANULE_BYTES`].
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`] if the workspace has not that much left, [`Error::Setting`] if the
    /// alignment is none.
    pub fn take(&mut self, size_bytes: u64, alignment_bytes: u64) -> Result<Part> {
        if !alignment_bytes.is_power_of_two() || alignment_bytes > GRANULE_BYTES {
            return Err(Error::Setting {
                name: "alignment",
                value: alignment_bytes.to_string(),
                expected: "a power of two up to 256",
            });
        }
        let workspace = &mut *self.workspace;
        let start = workspace.used_bytes.next_multiple_of(alignment_bytes);
        let end = start.checked_add(size_bytes).filter(|end| *end <= workspace.size_bytes);
        let Some(end) = end else {
            return Err(Error::Exhausted {
                device: "workspace".to_owned(),
                pool: "workspace",
                requested_bytes: size_bytes,
                in_use_bytes: workspace.used_bytes,
                largest_free_bytes: workspace.size_bytes.saturating_sub(start),
                limit_bytes: workspace.size_bytes,
                source: None,
            });
        };
        workspace.used_bytes = end;
        workspace.peak_bytes = workspace.peak_bytes.max(end);
        Ok(Part { address: workspace.memory.address() + start, size_bytes })
    }

    /// Begins a scope within this one.
    pub fn scope(&mut self) -> Scope<'_> {
        self.workspace.scope()
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.workspace.used_bytes = self.begin_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DeviceMemory, FakeBackend, MemoryOptions, PoolKind};
    use super::*;

    fn workspace(size_bytes: u64) -> Workspace {
        let memory =
            DeviceMemory::new(FakeBackend::shared(1 << 24), MemoryOptions::default()).unwrap();
        let pool = memory.pool(PoolKind::Workspace);
        pool.workspace(size_bytes, StreamId::default(), "test").unwrap()
    }

    #[test]
    fn leaving_a_scope_returns_its_parts_and_no_others() {
        let mut workspace = workspace(1000);
        let mut outer = workspace.scope();
        let first = outer.take(100, 1).unwrap();
        let inner_part = outer.scope().take(64, 64).unwrap();
        assert_eq!(inner_part.address, first.address + 128);
        assert_eq!(outer.take(1, 1).unwrap().address, first.address + 100);
        drop(outer);
        assert_eq!(workspace.scope().take(1000, 256).unwrap().address, first.address);
        assert_eq!(workspace.peak_bytes(), 1000);
    }

    #[test]
    fn a_workspace_ends_where_it_was_said_to() {
        let mut workspace = workspace(1000);
        let mut scope = workspace.scope();
        scope.take(900, 1).unwrap();
        let error = scope.take(200, 8).unwrap_err();
        assert!(matches!(
            error,
            Error::Exhausted { requested_bytes: 200, largest_free_bytes: 96, .. }
        ));
        assert!(matches!(scope.take(1, 3), Err(Error::Setting { .. })));
        assert_eq!(scope.take(100, 4).unwrap().size_bytes, 100);
    }
}
