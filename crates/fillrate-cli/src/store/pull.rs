//! Downloading a model: every file verified, then all of them put in place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use fillrate::text::registry::{
    CONFIG_FILE, HubModel, HubRepo, KnownModel, Lock, LockedFile, LockedSnapshot, MODEL_FILES,
    Origin, WEIGHTS_FILE, check_weights, is_revision,
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::Store;
use super::client::{HubClient, RemoteFile, Repository};
use super::download::fetch;
use crate::failure::hinted;
use crate::output::Printer;

/// What a pull did; programs read its field names.
#[derive(Debug, Serialize)]
pub(crate) struct Pulled {
    /// The model.
    pub(crate) name: &'static str,
    /// Its repository.
    pub(crate) repo: &'static str,
    /// The revision asked for.
    pub(crate) revision: String,
    /// The commit that it is.
    pub(crate) commit: Option<String>,
    /// The directory with the files.
    pub(crate) path: PathBuf,
    /// The files, with their checksums.
    pub(crate) files: BTreeMap<String, LockedFile>,
    /// How many bytes came over the network; 0 if all was here already.
    pub(crate) downloaded_bytes: u64,
}

impl Store<'_> {
    /// Downloads `model` at `revision`, or at the one that the registry pins.
    ///
    /// # Errors
    ///
    /// If it cannot be had. Nothing that is here already is harmed.
    pub(crate) fn pull(
        &self,
        model: &'static KnownModel,
        revision: Option<&str>,
        printer: &Printer,
    ) -> anyhow::Result<Pulled> {
        let Origin::Hub(hub) = &model.origin else {
            // Says that the model is not released yet; what is built in is not pulled.
            self.registry.resolve_known(model)?;
            return Err(hinted(
                format!("{}: built in, nothing to pull", model.name),
                "just use it",
            ));
        };
        let revision = revision.unwrap_or(hub.revision);
        if !is_revision(revision) {
            let message = format!("`{revision}` is not a revision");
            return Err(hinted(message, "it is a commit, a branch, a tag or refs/pr/N"));
        }
        let Some(cache) = &self.hub.cache else {
            return Err(hinted(
                "there is no home directory",
                "set HF_HOME to where models are kept",
            ));
        };
        if self.hub.is_offline {
            return self.pulled_before(model, hub, revision);
        }
        let _lock = PullLock::take(cache, hub.repo, printer)?;
        let client = HubClient::new(self.hub);
        let repo = HubRepo::new(cache, hub.repo);
        download(&client, model, hub, revision, &repo, printer)
            .map_err(|error| self.with_way_out(error, hub))
    }

    /// Without a network, what was pulled before is all there is.
    fn pulled_before(
        &self,
        model: &'static KnownModel,
        hub: &'static HubModel,
        revision: &str,
    ) -> anyhow::Result<Pulled> {
        match self.registry.installed(model)? {
            Some(dir) => Ok(Pulled {
                name: model.name,
                repo: hub.repo,
                revision: revision.to_owned(),
                commit: dir.commit.clone(),
                files: dir.locked.clone().map(|locked| locked.files).unwrap_or_default(),
                path: dir.path,
                downloaded_bytes: 0,
            }),
            None => Err(hinted(
                format!(
                    "{}: not on this machine, and HF_HUB_OFFLINE forbids to pull it",
                    model.name
                ),
                format!("unset HF_HUB_OFFLINE, or {}", self.registry.how_to_place(hub)),
            )),
        }
    }

    /// Adds to a failed connection where to put the files by hand.
    fn with_way_out(&self, error: anyhow::Error, hub: &HubModel) -> anyhow::Error {
        if error.downcast_ref::<ureq::Error>().is_some() {
            let hint = format!("without a network, {}", self.registry.how_to_place(hub));
            return hinted(format!("{error:#}"), hint);
        }
        error
    }
}

/// Fetches every file, then puts all of them in place and on record.
fn download(
    client: &HubClient,
    model: &'static KnownModel,
    hub: &'static HubModel,
    revision: &str,
    repo: &HubRepo,
    printer: &Printer,
) -> anyhow::Result<Pulled> {
    // A lock file that cannot be added to should be known before the download, not after.
    let lock = Lock::read(&repo.lock_file())?.unwrap_or_else(|| Lock::new(hub.repo));
    let repository = client.repository(hub.repo, revision)?;
    let names = wanted_files(client, model, hub, revision, &repository)?;
    let remotes: Vec<RemoteFile> = names
        .iter()
        .map(|name| client.head(hub.repo, &repository.commit, name))
        .collect::<Result<_, _>>()?;

    let blobs = repo.blobs();
    fs::create_dir_all(&blobs).with_context(|| format!("cannot make {}", blobs.display()))?;
    let total_bytes = remotes.iter().map(|remote| remote.size_bytes).sum();
    let progress = printer.byte_progress(model.name, total_bytes);
    let (files, downloaded_bytes) =
        fetch_all(client, hub, &repository, &remotes, &blobs, &progress)?;
    progress.finish_and_clear();

    let path = repo.snapshot(&repository.commit);
    place(&remotes, &blobs, &path)?;
    record(repo, lock, revision, &repository.commit, &files)?;
    Ok(Pulled {
        name: model.name,
        repo: hub.repo,
        revision: revision.to_owned(),
        commit: Some(repository.commit),
        path,
        files,
        downloaded_bytes,
    })
}

/// The files of the repository that Fillrate reads, if they make a whole model.
fn wanted_files(
    client: &HubClient,
    model: &KnownModel,
    hub: &HubModel,
    revision: &str,
    repository: &Repository,
) -> anyhow::Result<Vec<&'static str>> {
    let has = |file: &str| repository.has(file);
    if !has(WEIGHTS_FILE) {
        return Err(without_weights(client, model, hub, revision));
    }
    if !has(CONFIG_FILE) {
        anyhow::bail!("{} has no {CONFIG_FILE} at {revision}", hub.repo);
    }
    if !(has("tokenizer.json") || has("vocab.txt") || (has("vocab.json") && has("merges.txt"))) {
        anyhow::bail!("{} has no tokenizer at {revision}", hub.repo);
    }
    Ok(MODEL_FILES.into_iter().filter(|file| has(file)).collect())
}

/// What to do about a repository that has its weights as a pickle only.
fn without_weights(
    client: &HubClient,
    model: &KnownModel,
    hub: &HubModel,
    revision: &str,
) -> anyhow::Error {
    let message = format!(
        "{} has no {WEIGHTS_FILE} at {revision}, and Fillrate reads no pickle files",
        hub.repo
    );
    // A Hub that does not answer this question leaves the other way.
    let hint = match client.conversion(hub.repo).ok().flatten() {
        Some(offer) if offer != revision => format!(
            "Hugging Face offers a converted one: `fillrate models pull {} --revision {offer}`",
            model.name
        ),
        _ => "convert it once with Python (docs/models.md shows how), \
              and name the directory instead"
            .to_owned(),
    };
    hinted(message, hint)
}

fn fetch_all(
    client: &HubClient,
    hub: &HubModel,
    repository: &Repository,
    remotes: &[RemoteFile],
    blobs: &Path,
    progress: &ProgressBar,
) -> anyhow::Result<(BTreeMap<String, LockedFile>, u64)> {
    let mut files = BTreeMap::new();
    let mut downloaded_bytes = 0;
    for remote in remotes {
        let pinned = (repository.commit == hub.revision)
            .then(|| hub.files.iter().find(|file| file.name == remote.name)?.sha256)
            .flatten();
        let fetched = fetch(client, remote, blobs, pinned, progress)?;
        if remote.name == WEIGHTS_FILE {
            check_weights(&blobs.join(&remote.etag))?;
        }
        downloaded_bytes += fetched.downloaded_bytes;
        files.insert(remote.name.clone(), fetched.file);
    }
    Ok((files, downloaded_bytes))
}

/// Links the files into the snapshot. Each link is made under another name and then renamed, so
/// that a reader sees the old file or the new one.
fn place(remotes: &[RemoteFile], blobs: &Path, snapshot: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot write into {}", snapshot.display());
    fs::create_dir_all(snapshot).with_context(context)?;
    for remote in remotes {
        let link = snapshot.join(format!(".{}-{}", remote.name, std::process::id()));
        // Relative, so that the whole cache can be moved; from `snapshots/<commit>/`.
        let target = Path::new("../../blobs").join(&remote.etag);
        link_or_copy(&target, &blobs.join(&remote.etag), &link).with_context(context)?;
        fs::rename(&link, snapshot.join(&remote.name)).with_context(context)?;
    }
    Ok(())
}

#[cfg(unix)]
fn link_or_copy(target: &Path, blob: &Path, link: &Path) -> std::io::Result<()> {
    // Some file systems have no links.
    std::os::unix::fs::symlink(target, link).or_else(|_| fs::copy(blob, link).map(drop))
}

#[cfg(not(unix))]
fn link_or_copy(_target: &Path, blob: &Path, link: &Path) -> std::io::Result<()> {
    // Making a link takes a privilege on Windows.
    fs::hard_link(blob, link).or_else(|_| fs::copy(blob, link).map(drop))
}

/// Writes down where the revision stood, and what was pulled.
fn record(
    repo: &HubRepo,
    mut lock: Lock,
    revision: &str,
    commit: &str,
    files: &BTreeMap<String, LockedFile>,
) -> anyhow::Result<()> {
    if revision != commit {
        let reference = repo.reference(revision);
        let dir = reference.parent().unwrap_or(repo.dir());
        let context = || format!("cannot write {}", reference.display());
        fs::create_dir_all(dir).with_context(context)?;
        fs::write(&reference, commit).with_context(context)?;
    }
    let revision = revision.to_owned();
    lock.insert(commit, LockedSnapshot { revision, files: files.clone() });
    lock.write(&repo.lock_file())?;
    Ok(())
}

/// Held while a model is pulled, so that two pulls of one model do their work one after the other.
struct PullLock {
    _file: File,
}

impl PullLock {
    fn take(cache: &Path, repo: &str, printer: &Printer) -> anyhow::Result<Self> {
        // Where `huggingface_hub` keeps its own locks.
        let dir = cache.join(".locks").join(format!("models--{}", repo.replace('/', "--")));
        let path = dir.join("fillrate.lock");
        let context = || format!("cannot lock {}", path.display());
        fs::create_dir_all(&dir).with_context(context)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(context)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                printer.note(&format!("waiting for another pull of {repo}"));
                file.lock().with_context(context)?;
            }
            // Some network file systems have no locks; the files are verified all the same.
            Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(fs::TryLockError::Error(error)) => return Err(error).with_context(context),
        }
        Ok(Self { _file: file })
    }
}
