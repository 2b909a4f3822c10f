//! The table of what is allocated: what a handle stands for, wherever it lies at the moment.

use std::time::Instant;

use super::super::backend::{Backend, EventId, StreamId};
use super::super::strategy::Placement;
use super::request::Tag;
use crate::fault::Fault;

/// An allocation that lives.
pub(super) struct Slot {
    /// The index of the lane it lies in.
    pub(super) lane: usize,
    pub(super) placement: Placement,
    pub(super) requested_bytes: u64,
    pub(super) alignment_bytes: u64,
    /// Where its first byte is, aligned as asked.
    pub(super) address: u64,
    /// The stream it was allocated for.
    pub(super) stream: StreamId,
    /// The other streams that use it.
    pub(super) others: Vec<StreamId>,
    /// Who holds its address. It is moved only while nobody does.
    pub(super) pins: u32,
    pub(super) tag: Tag,
    pub(super) born: Instant,
    /// Its name in the trace that is recorded, if it was there when it began.
    pub(super) traced: Option<u32>,
}

/// A range that was freed while work may still use it.
pub(super) struct Waiting {
    pub(super) lane: usize,
    pub(super) placement: Placement,
    /// What must be done first.
    pub(super) events: Vec<EventId>,
}

impl Waiting {
    /// Whether all its events are complete. One that is, is not asked after again.
    pub(super) fn poll(&mut self, backend: &dyn Backend) -> Result<bool, Fault> {
        while let Some(event) = self.events.last() {
            if !backend.is_complete(*event)? {
                return Ok(false);
            }
            self.events.pop();
        }
        Ok(true)
    }
}

/// Slots by index.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    spare: Vec<u32>,
}

impl Slots {
    pub(super) fn insert(&mut self, slot: Slot) -> u32 {
        if let Some(index) = self.spare.pop() {
            self.slots[index as usize] = Some(slot);
            return index;
        }
        self.slots.push(Some(slot));
        self.slots.len() as u32 - 1
    }

    /// Takes a slot out; a handle does so once.
    pub(super) fn remove(&mut self, index: u32) -> Option<Slot> {
        let slot = self.slots.get_mut(index as usize)?.take();
        if slot.is_some() {
            self.spare.push(index);
        }
        slot
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().flatten()
    }
}
