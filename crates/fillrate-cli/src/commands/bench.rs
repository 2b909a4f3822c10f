//! `fillrate bench`: benchmarks of this machine.

pub(super) mod memory;
