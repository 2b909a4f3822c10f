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

use fillrate::text::registry::{FileCheck, HubRepo, KnownModel};
use fillrate::text::{ModelDir, ModelSource, Registry};

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

    /// The directory of `model`, if its files are all here.
    ///
    /// # Errors
    ///
    /// If there are files, but not those of a whole model.
    pub(crate) fn installed(&self, model: &'static KnownModel) -> anyhow::Result<Option<ModelDir>> {
        let Some(hub) = model.hub() else { return Ok(None) };
        match self.registry.resolve_known(model) {
            Ok(ModelSource::Directory(dir)) => Ok(Some(dir)),
            Ok(ModelSource::Builtin(_)) => Ok(None),
            Err(error) => {
                let has_snapshots = self.hub.cache.as_ref().is_some_and(|cache| {
                    HubRepo::new(cache, hub.repo).dir().join("snapshots").is_dir()
                });
                if has_snapshots { Err(error.into()) } else { Ok(None) }
            }
        }
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
            let installed = self.registry.models().iter().map(|model| self.installed(model));
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
