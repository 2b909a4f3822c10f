//! The `fillrate` command.

fn main() {}
