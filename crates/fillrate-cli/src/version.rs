//! What this program is.

/// The version of Fillrate.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was checked out when the program was built, changes on top of it aside; `None`
/// where it was not built in a checkout.
pub(crate) const COMMIT: Option<&str> = option_env!("BUILD_COMMIT");
