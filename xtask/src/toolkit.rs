//! The compilers of the CUDA kernels: NVRTC from the package index, in a private folder. They need
//! neither a GPU nor a driver.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::command::say;
use crate::python::environment;

/// Names another folder than the private one, so that several checkouts can share it.
const FOLDER_VARIABLE: &str = "FILLRATE_TOOLKIT_DIR";

/// Where the compilers are installed if nothing else is said.
const FOLDER: &str = ".private/cuda-toolkit";

/// The pinned packages.
const REQUIREMENTS: &str = "crates/fillrate-kernels/cuda/requirements.txt";

/// The compilers' libraries below the packages' folder: the one for GPUs since Turing, and the one
/// for Volta, which CUDA 13 no longer knows.
const LIBRARIES: [&str; 2] =
    ["nvidia/cu13/lib/libnvrtc.so.13", "nvidia/cuda_nvrtc/lib/libnvrtc.so.12"];

/// The variable through which the tests learn where the compilers are.
pub(crate) const COMPILERS_VARIABLE: &str = "FILLRATE_TEST_NVRTC";

/// Installs the compilers where they are not yet; their libraries.
///
/// # Errors
///
/// If they are not made for this system, or Python or the package index cannot be had.
pub(crate) fn setup() -> anyhow::Result<[PathBuf; 2]> {
    if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        bail!("NVIDIA publishes no compiler for this system as a Python package");
    }
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(|| FOLDER.into(), PathBuf::from);
    let hint = || {
        format!(
            "cannot install the packages of {REQUIREMENTS}; without a network, let \
             {FOLDER_VARIABLE} name a folder that `cargo xtask setup` filled before"
        )
    };
    let python = environment(&folder, Path::new(REQUIREMENTS)).with_context(hint)?;
    let packages = packages(&python)?;
    let [newer, older] = LIBRARIES.map(|library| packages.join(library));
    for library in [&newer, &older] {
        if !library.is_file() {
            bail!(
                "{} is missing; delete {} to install it anew",
                library.display(),
                folder.display()
            );
        }
    }
    say(&format!("the CUDA compilers are in {}", packages.display()));
    Ok([newer, older])
}

/// The folder of the packages of an environment whose program is `python`.
fn packages(python: &Path) -> anyhow::Result<PathBuf> {
    let root = python.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join("lib");
    let versions = std::fs::read_dir(&root).with_context(|| root.display().to_string())?;
    let mut folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("site-packages")));
    let found = folders.find(|folder| folder.is_dir());
    let found = found.with_context(|| format!("there are no packages in {}", root.display()))?;
    // Absolute, since every test runs in its crate's own folder.
    std::path::absolute(&found).with_context(|| found.display().to_string())
}
