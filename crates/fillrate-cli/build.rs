//! Tells the program which commit it is built from, where that can be known without any tool.

#![allow(clippy::print_stdout, reason = "a build script speaks to cargo on standard output")]

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let git = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.git");
    // A package from a registry lies in no checkout of ours: it has no commit to tell.
    if let Some(commit) = Checkout::of(&git).and_then(|checkout| checkout.commit()) {
        // Not FILLRATE_*: `cargo run` hands it to the program as well, which would take it for a setting.
        println!("cargo::rustc-env=BUILD_COMMIT={commit}");
    }
}

/// Where git keeps what is checked out.
struct Checkout {
    /// The folder with `HEAD`.
    own: PathBuf,
    /// The folder with the branches: another one in a linked worktree.
    common: PathBuf,
}

impl Checkout {
    /// The checkout whose `.git` is this folder, or this file that points to it.
    fn of(git: &Path) -> Option<Self> {
        let own = match fs::read_to_string(git) {
            Ok(pointer) => git.parent()?.join(pointer.trim().strip_prefix("gitdir: ")?),
            Err(_) => git.to_owned(),
        };
        let common = match fs::read_to_string(own.join("commondir")) {
            Ok(pointer) => own.join(pointer.trim()),
            Err(_) => own.clone(),
        };
        own.join("HEAD").is_file().then_some(Self { own, common })
    }

    /// The commit that is checked out; cargo looks again when it moves.
    fn commit(&self) -> Option<String> {
        let head = watched(&self.own.join("HEAD"))?;
        // A branch that is packed moves by a new file beside the packed ones: the log tells.
        watched(&self.own.join("logs/HEAD"));
        let Some(branch) = head.trim().strip_prefix("ref: ") else { return hash(&head) };
        if let Some(commit) = watched(&self.common.join(branch)) {
            return hash(&commit);
        }
        let packed = watched(&self.common.join("packed-refs"))?;
        let line = packed.lines().find(|line| line.ends_with(&format!(" {branch}")))?;
        hash(line.split(' ').next()?)
    }
}

/// A file that is there, of which cargo is told.
fn watched(path: &Path) -> Option<String> {
    let content = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(content)
}

/// A commit's name, if it is one.
fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hash = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| text.to_owned())
}
