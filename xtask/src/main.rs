//! Checks, generated files, golden vectors and benchmarks of this workspace.

fn main() {}
