//! How many values two neighbouring windows have.

/// The sizes of two neighbouring windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The values of the older window.
    pub(super) older: f64,
    /// The values of the newer window.
    pub(super) newer: f64,
    /// The older window's share of all values.
    pub(super) share: f64,
}

impl Sizes {
    pub(super) fn new(newer: usize, older: usize) -> Self {
        let (newer, older) = (newer as f64, older as f64);
        Self { older, newer, share: older / (newer + older) }
    }
}
