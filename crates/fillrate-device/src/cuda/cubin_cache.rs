//! Compiled kernels on disk, so that a program is compiled once for a machine.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Architecture, Source};
use crate::probe::Version;

/// What an entry begins with; it changes with the format.
const MAGIC: &[u8; 8] = b"FRCUBIN1";

const DIGEST_BYTES: usize = 32;

/// What machine code depends on.
#[derive(Clone, Copy, Debug)]
pub struct CubinKey<'a> {
    /// The sources.
    pub source: &'a Source<'a>,
    /// The compiler's options.
    pub options: &'a [String],
    /// What it is for.
    pub architecture: &'a Architecture,
    /// The version of the compiler.
    pub nvrtc: Version,
}

/// Machine code, and how it was come by.
#[derive(Debug)]
pub struct Cubin {
    /// The machine code.
    pub bytes: Vec<u8>,
    /// Whether it was found on disk.
    pub cached: bool,
    /// Why it could not be kept, if so: the next run will compile again.
    pub not_kept: Option<io::Error>,
}

/// A folder of compiled kernels.
///
/// Any number of processes may share it: an entry appears complete under its name or not at all, and
/// whoever comes second replaces it by the same. An entry that is damaged is compiled anew. Entries
/// are never removed; they can all be deleted at any time.
#[derive(Clone, Debug)]
pub struct CubinCache {
    folder: PathBuf,
}

impl CubinCache {
    /// The cache in a folder, which is made when the first entry is.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The machine code of a key, from disk or from `compile`.
    ///
    /// # Errors
    ///
    /// Those of `compile`. A folder that cannot be written to is none: [`Cubin::not_kept`] says so.
    pub fn get_or_compile<E>(
        &self,
        key: &CubinKey<'_>,
        compile: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Cubin, E> {
        let path = self.folder.join(key.file_name());
        if let Some(bytes) = read(&path) {
            return Ok(Cubin { bytes, cached: true, not_kept: None });
        }
        let bytes = compile()?;
        let not_kept = self.write(&path, &bytes).err();
        Ok(Cubin { bytes, cached: false, not_kept })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(MAGIC)?;
        file.write_all(&Sha256::digest(bytes))?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

impl CubinKey<'_> {
    /// A name that differs whenever anything does.
    fn file_name(&self) -> String {
        let mut hash = Sha256::new();
        // Each part with its length, so that no two keys read the same.
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        part(&self.nvrtc.to_string());
        part(self.architecture.as_str());
        part(&self.options.len().to_string());
        self.options.iter().for_each(|option| part(option));
        for (name, text) in std::iter::once(&self.source.main).chain(self.source.includes) {
            part(name);
            part(text);
        }
        let digest = hash.finalize();
        let mut name = format!("{}-", self.architecture.as_str());
        for byte in digest.iter().take(16) {
            let _ = write!(name, "{byte:02x}");
        }
        name + ".cubin"
    }
}

/// The machine code in an entry; none if it is absent or not whole.
fn read(path: &Path) -> Option<Vec<u8>> {
    let entry = fs::read(path).ok()?;
    let rest = entry.strip_prefix(MAGIC)?;
    let (digest, bytes) = rest.split_at_checked(DIGEST_BYTES)?;
    (Sha256::digest(bytes).as_slice() == digest).then(|| bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SOURCE: Source<'_> = Source { main: ("a.cu", "text"), includes: &[("b.cuh", "more")] };

    fn key<'a>(
        source: &'a Source<'a>,
        options: &'a [String],
        architecture: &'a Architecture,
    ) -> CubinKey<'a> {
        CubinKey { source, options, architecture, nvrtc: Version { major: 13, minor: 0 } }
    }

    fn compiled(cache: &CubinCache, key: &CubinKey<'_>) -> bool {
        let cubin = cache.get_or_compile(key, || Ok::<_, Infallible>(vec![7; 1000])).unwrap();
        assert_eq!(cubin.bytes, vec![7; 1000]);
        assert!(cubin.not_kept.is_none());
        !cubin.cached
    }

    #[test]
    fn an_entry_is_compiled_once_and_again_when_anything_differs() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CubinCache::new(folder.path().join("made").join("when needed"));
        let (ampere, hopper) = (Architecture::named("sm_80"), Architecture::named("sm_90a"));
        let options = ["-DX=1".to_owned()];
        let whole = key(&SOURCE, &options, &ampere);
        assert!(compiled(&cache, &whole));
        assert!(!compiled(&cache, &whole));
        assert!(compiled(&cache, &key(&SOURCE, &options, &hopper)));
        assert!(compiled(&cache, &key(&SOURCE, &[], &ampere)));
        let changed = Source { main: ("a.cu", "text"), includes: &[("b.cuh", "other")] };
        assert!(compiled(&cache, &key(&changed, &options, &ampere)));
        let moved = Source { main: ("a.cu", "textb.cuh"), includes: &[("", "more")] };
        assert!(compiled(&cache, &key(&moved, &options, &ampere)));
        let newer = CubinKey { nvrtc: Version { major: 13, minor: 1 }, ..whole };
        assert!(compiled(&cache, &newer));
    }

    #[test]
    fn a_damaged_entry_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CubinCache::new(folder.path().to_owned());
        let architecture = Architecture::named("sm_80");
        let key = key(&SOURCE, &[], &architecture);
        let path = folder.path().join(key.file_name());
        let damages: [fn(Vec<u8>) -> Vec<u8>; 5] = [
            |_| Vec::new(),
            |entry| entry[..20].to_vec(),
            |entry| entry[..entry.len() - 1].to_vec(),
            |mut entry| {
                entry[500] ^= 1;
                entry
            },
            |mut entry| {
                entry[0] = b'G';
                entry
            },
        ];
        assert!(compiled(&cache, &key));
        for damage in damages {
            fs::write(&path, damage(fs::read(&path).unwrap())).unwrap();
            assert!(compiled(&cache, &key), "a damaged entry was used");
            assert!(!compiled(&cache, &key), "the entry was not mended");
        }
    }

    #[test]
    fn many_at_once_get_whole_entries() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CubinCache::new(folder.path().to_owned());
        let compiles = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let architecture = Architecture::named("sm_80");
                    for round in 0..50 {
                        let options = [format!("-DX={}", round % 5)];
                        let key = key(&SOURCE, &options, &architecture);
                        let bytes = vec![round as u8 % 5; 100_000];
                        let cubin = cache.get_or_compile(&key, || {
                            compiles.fetch_add(1, Ordering::Relaxed);
                            Ok::<_, Infallible>(bytes.clone())
                        });
                        assert!(cubin.unwrap().bytes == bytes, "round {round}");
                    }
                });
            }
        });
        assert!((5..=40).contains(&compiles.into_inner()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "temporary files are left");
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_only_costs_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cache = CubinCache::new(file.path().join("below a file"));
        let architecture = Architecture::named("sm_80");
        let key = key(&SOURCE, &[], &architecture);
        let cubin = cache.get_or_compile(&key, || Ok::<_, Infallible>(vec![1])).unwrap();
        assert!(cubin.not_kept.is_some() && cubin.bytes == [1]);
    }

    #[test]
    fn a_failed_compilation_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CubinCache::new(folder.path().to_owned());
        let architecture = Architecture::named("sm_80");
        let key = key(&SOURCE, &[], &architecture);
        assert_eq!(cache.get_or_compile(&key, || Err::<Vec<u8>, _>("no")).unwrap_err(), "no");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
