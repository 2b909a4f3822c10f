//! The models on this machine: which are here, and how the others get here.
//!
//! The layout is the Hugging Face cache's (see [`fillrate::text::registry::HubRepo`]), so that
//! Python tools and Fillrate share files. A pull checks every file before any of them appears
//! under the model's name, and writes their SHA-256 into `fillrate.lock`.
//!
//! The `hf-hub` crate knows the same layout. It is not used because its version 0.5 puts files in
//! place unchecked, appends to a part when the server ignores ranges, and gives up after five
//! seconds when two pulls meet; its version 1.0 brings tokio, reqwest and the Xet client.

mod client;
mod download;
mod pull;

use std::path::PathBuf;

use fillrate::text::registry::FileCheck;
use fillrate::text::{ModelSource, Registry};

use crate::settings::HubSettings;

/// The local store of models.
pub(crate) struct Store<'a> {
    hub: &'a HubSettings,
    registry: Registry,
}

impl<'a> Store<'a> {
    /// The store in the cache that `hub` names.
    pub(crate) fn new(hub: &'a HubSettings) -> Self {
        Self { hub, registry: Registry::new(hub.cache.iter().cloned().collect()) }
    }

    /// The known models, and where they are looked for.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Checks the files of every installed model, or of one.
    ///
    /// # Errors
    ///
    /// If there is no such model, or a file cannot be read.
    pub(crate) fn verify(
        &self,
        name_or_dir: Option<&str>,
    ) -> anyhow::Result<Vec<(String, PathBuf, FileCheck)>> {
        let dirs = if let Some(name_or_dir) = name_or_dir {
            match self.registry.resolve(name_or_dir)? {
                ModelSource::Directory(dir) => vec![dir],
                ModelSource::Builtin(_) => vec![],
            }
        } else {
            let installed =
                self.registry.models().iter().map(|model| self.registry.installed(model));
            installed.filter_map(Result::transpose).collect::<Result<_, _>>()?
        };
        let mut checks = Vec::new();
        for dir in dirs {
            for check in dir.verify()? {
                checks.push((dir.name.clone(), dir.path.clone(), check));
            }
        }
        Ok(checks)
    }
}
