//! What flows between the ops on a device: a matrix with one row per token.

use super::{Address, Layout, Span};
use crate::{Error, Result};

/// The type of a matrix's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// The 16-bit type of the kernels.
    Element,
    /// f32.
    F32,
    /// 8-bit floats, as [`narrow_e4m3`](super::narrow_e4m3) writes them; somebody else keeps their scale.
    E4m3,
}

impl Cell {
    /// The size of a value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::E4m3 => 1,
            Self::Element => 2,
            Self::F32 => 4,
        }
    }
}

/// A row-major matrix `[rows, width]` in device memory, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMatrix {
    pub(super) address: Address,
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) cell: Cell,
    capacity_rows: usize,
}

impl DeviceMatrix {
    /// Lays out room for `capacity_rows` rows of `width` values.
    pub const fn reserve(
        layout: &mut Layout,
        capacity_rows: usize,
        width: usize,
        cell: Cell,
    ) -> Span {
        layout.reserve(capacity_rows * width * cell.bytes())
    }

    /// The matrix at an address with that much room, with no rows yet.
    #[must_use]
    pub const fn new(address: Address, capacity_rows: usize, width: usize, cell: Cell) -> Self {
        Self { address, rows: 0, width, cell, capacity_rows }
    }

    /// Where it lies.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The number of rows the last op wrote.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of values per row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The number of rows there is room for.
    #[must_use]
    pub const fn capacity_rows(&self) -> usize {
        self.capacity_rows
    }

    /// Says that something else wrote the first `rows` rows.
    ///
    /// # Errors
    ///
    /// If there is no room for them.
    pub fn set_rows(&mut self, rows: usize) -> Result<()> {
        self.admit("set_rows", rows, self.width, self.cell)?;
        self.rows = rows;
        Ok(())
    }

    /// Refuses an output of another width or type, or without room for `rows` rows.
    pub(super) fn admit(
        &self,
        op: &'static str,
        rows: usize,
        width: usize,
        cell: Cell,
    ) -> Result<()> {
        if self.width == width && self.cell == cell && rows <= self.capacity_rows {
            return Ok(());
        }
        Err(Error::Shape {
            op,
            expected: format!("room for [{rows}, {width}] of {cell:?}"),
            got: format!("[{}, {}] of {:?}", self.capacity_rows, self.width, self.cell),
        })
    }

    /// Refuses an input of another shape or type.
    pub(super) fn expect(
        &self,
        op: &'static str,
        rows: usize,
        width: usize,
        cell: Cell,
    ) -> Result<()> {
        if self.width == width && self.cell == cell && rows == self.rows {
            return Ok(());
        }
        Err(Error::Shape {
            op,
            expected: format!("[{rows}, {width}] of {cell:?}"),
            got: format!("[{}, {}] of {:?}", self.rows, self.width, self.cell),
        })
    }
}
