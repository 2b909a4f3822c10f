//! The layout of the local Hugging Face cache.
//!
//! ```text
//! <cache>/models--<organisation>--<name>/
//!     refs/<revision>          the commit that a branch or pull request stood at
//!     blobs/<etag>             the contents, each once
//!     snapshots/<commit>/...   the files by name, as links into blobs/
//!     fillrate.lock            ours: the SHA-256 of every file pulled
//! ```
//!
//! Files that a person put into `snapshots/<commit>/` by hand are as good as links.
//!
//! Source: Hugging Face, "Understand caching", `huggingface_hub` documentation.

use std::path::{Path, PathBuf};

/// The weights, in the one format that is read.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// The configuration.
pub const CONFIG_FILE: &str = "config.json";
/// Weights in Python's pickle format, which runs code when it is read: never touched.
const PICKLE_FILES: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Every file that a model directory may hold and Fillrate may read.
pub const MODEL_FILES: [&str; 8] = [
    CONFIG_FILE,
    WEIGHTS_FILE,
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
];

/// One repository's folder in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRepo {
    dir: PathBuf,
}

impl HubRepo {
    /// The folder of the repository `organisation/name` in the cache at `cache`.
    #[must_use]
    pub fn new(cache: &Path, repo: &str) -> Self {
        Self { dir: cache.join(format!("models--{}", repo.replace('/', "--"))) }
    }

    /// The folder itself.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the contents lie.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    /// Where the files of `commit` lie.
    #[must_use]
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.dir.join("snapshots").join(commit)
    }

    /// The file that says at which commit `revision` stood.
    #[must_use]
    pub fn reference(&self, revision: &str) -> PathBuf {
        self.dir.join("refs").join(revision)
    }

    /// The lock file.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.dir.join("fillrate.lock")
    }

    /// The commit that `revision` stands for here: itself if it is one, else what `refs/` says.
    /// None if nothing is known of it, or if `refs/` holds something else than a commit.
    #[must_use]
    pub fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        if !is_revision(revision) {
            return None;
        }
        let commit = std::fs::read_to_string(self.reference(revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }
}

/// Whether `text` is a full commit hash: 40 lowercase hexadecimal digits.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

/// Whether `text` consists of lowercase hexadecimal digits.
#[must_use]
pub fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether `text` can be a branch, tag or `refs/pr/N` without leaving the folder it is joined to.
#[must_use]
pub fn is_revision(text: &str) -> bool {
    text.len() <= 200
        && text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        })
}

/// What a model directory lacks, in words; empty if it has all it needs.
#[must_use]
pub fn missing_files(dir: &Path) -> Vec<&'static str> {
    let has = |name: &str| dir.join(name).is_file();
    let mut missing: Vec<&'static str> =
        [CONFIG_FILE, WEIGHTS_FILE].into_iter().filter(|name| !has(name)).collect();
    let tokenizer =
        has("tokenizer.json") || has("vocab.txt") || (has("vocab.json") && has("merges.txt"));
    if !tokenizer {
        missing.push("a tokenizer (tokenizer.json, vocab.txt, or vocab.json with merges.txt)");
    }
    missing
}

/// Whether the directory has its weights only in a form that runs code when read.
pub(super) fn has_only_pickle(dir: &Path) -> bool {
    !dir.join(WEIGHTS_FILE).is_file() && PICKLE_FILES.iter().any(|name| dir.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn revisions_cannot_leave_their_folder() {
        for good in ["main", "refs/pr/29", "v1.0", "feature_x-2"] {
            assert!(is_revision(good), "{good}");
        }
        for bad in ["", "..", "../main", "a/../b", "/etc", "a//b", "a\\b", "a\0", ".hidden", "a b"]
        {
            assert!(!is_revision(bad), "{bad}");
        }
    }

    #[test]
    fn a_reference_that_names_no_commit_is_ignored() {
        let cache = tempfile::tempdir().unwrap();
        let repo = HubRepo::new(cache.path(), "org/name");
        assert_eq!(repo.dir(), cache.path().join("models--org--name"));
        fs::create_dir_all(repo.reference("main").parent().unwrap()).unwrap();
        fs::write(repo.reference("main"), "../../../../etc").unwrap();
        assert_eq!(repo.commit("main"), None);
        let commit = "0123456789abcdef0123456789abcdef01234567";
        fs::write(repo.reference("main"), format!("{commit}\n")).unwrap();
        assert_eq!(repo.commit("main").as_deref(), Some(commit));
        assert_eq!(repo.commit(commit).as_deref(), Some(commit));
    }

    #[test]
    fn roberta_needs_both_halves_of_its_tokenizer() {
        let dir = tempfile::tempdir().unwrap();
        for name in [CONFIG_FILE, WEIGHTS_FILE, "vocab.json"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(missing_files(dir.path()).len(), 1);
        fs::write(dir.path().join("merges.txt"), "").unwrap();
        assert!(missing_files(dir.path()).is_empty());
    }
}
