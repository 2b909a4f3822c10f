use std::fs;

use tempfile::TempDir;

use super::*;
use crate::text::Label::{Negative, Neutral, Positive};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A cache in a temporary directory, and the registry that looks there.
fn cache() -> (TempDir, Registry) {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::new(vec![dir.path().to_owned()]);
    (dir, registry)
}

fn put(dir: &Path, files: &[&str]) {
    fs::create_dir_all(dir).unwrap();
    for file in files {
        fs::write(dir.join(file), "").unwrap();
    }
}

const BERT_FILES: [&str; 3] = [CONFIG_FILE, WEIGHTS_FILE, "vocab.txt"];

fn hub(name: &str) -> &'static HubModel {
    Registry::new(vec![]).find(name).and_then(KnownModel::hub).unwrap()
}

fn found(registry: &Registry, name: &str) -> ModelDir {
    match registry.resolve(name).unwrap() {
        ModelSource::Directory(dir) => dir,
        ModelSource::Builtin(model) => panic!("{} is built in", model.name),
    }
}

/// The error's message and hint, as a user reads them.
fn complaint(registry: &Registry, name: &str) -> String {
    let error = registry.resolve(name).unwrap_err();
    format!("{error}\nhint: {}", error.hint().unwrap())
}

#[test]
fn the_default_is_built_in() {
    let (_dir, registry) = cache();
    assert_eq!(registry.models()[0].name, "news-mini");
    for name in ["news-mini", "vader"] {
        assert!(
            matches!(registry.resolve(name).unwrap(), ModelSource::Builtin(m) if m.name == name)
        );
    }
}

#[test]
fn an_unknown_name_lists_what_there_is_and_suggests_the_nearest() {
    let (_dir, registry) = cache();
    let slip = complaint(&registry, "finbrt");
    assert!(slip.contains("news-mini, vader, finbert, distilbert, roberta, bert-multilingual"));
    assert!(slip.ends_with("did you mean `finbert`?"), "{slip}");
    assert!(complaint(&registry, "FinBERT").ends_with("did you mean `finbert`?"));
    assert!(complaint(&registry, "gpt-5").contains("./my-model"));
    assert!(complaint(&registry, "").contains("no such model"));
}

#[test]
fn an_absent_model_says_what_to_run_and_where_to_put_files() {
    let (dir, registry) = cache();
    let complaint = complaint(&registry, "finbert");
    let place =
        dir.path().join("models--ProsusAI--finbert/snapshots").join(hub("finbert").revision);
    assert!(complaint.contains("`fillrate models pull finbert`"), "{complaint}");
    assert!(complaint.contains(&format!("into {}", place.display())), "{complaint}");
}

#[test]
fn files_put_there_by_hand_are_found() {
    let (dir, registry) = cache();
    for name in ["finbert", "bert-multilingual"] {
        let model = hub(name);
        let place = HubRepo::new(dir.path(), model.repo).snapshot(model.revision);
        put(&place, &BERT_FILES);
        let by_name = found(&registry, name);
        assert_eq!((by_name.path.as_path(), by_name.name.as_str()), (place.as_path(), name));
        assert_eq!(found(&registry, model.repo), by_name, "the repository is a name too");
    }
    assert_eq!(found(&registry, "finbert").commit.as_deref(), Some(hub("finbert").revision));
    assert_eq!(found(&registry, "bert-multilingual").commit, None);
}

#[test]
fn a_reference_leads_to_its_snapshot() {
    let (dir, registry) = cache();
    let repo = HubRepo::new(dir.path(), hub("bert-multilingual").repo);
    put(&repo.snapshot(COMMIT), &BERT_FILES);
    put(&repo.dir().join("refs"), &[]);
    fs::write(repo.reference("main"), COMMIT).unwrap();
    assert_eq!(found(&registry, "bert-multilingual").commit.as_deref(), Some(COMMIT));
}

#[test]
fn what_was_pulled_last_comes_first() {
    let (dir, registry) = cache();
    let repo = HubRepo::new(dir.path(), hub("finbert").repo);
    put(&repo.snapshot(hub("finbert").revision), &BERT_FILES);
    put(&repo.snapshot(COMMIT), &BERT_FILES);
    let mut lock = Lock::new(hub("finbert").repo);
    let file = hash_file(&repo.snapshot(COMMIT).join(CONFIG_FILE)).unwrap();
    let files = BTreeMap::from([(CONFIG_FILE.to_owned(), file)]);
    lock.insert(COMMIT, LockedSnapshot { revision: "refs/pr/1".to_owned(), files });
    lock.write(&repo.lock_file()).unwrap();

    let model = found(&registry, "finbert");
    assert_eq!(model.commit.as_deref(), Some(COMMIT));
    let checks = model.verify().unwrap();
    assert_eq!(checks[0].status, FileStatus::Ok);
    assert_eq!(checks[1].status, FileStatus::Malformed, "empty weights");
    assert_eq!(checks[2].status, FileStatus::Unpinned, "another commit has other pins");
}

#[test]
fn pinned_checksums_hold_for_files_put_there_by_hand() {
    let (dir, registry) = cache();
    put(
        &HubRepo::new(dir.path(), hub("finbert").repo).snapshot(hub("finbert").revision),
        &BERT_FILES,
    );
    let checks = found(&registry, "finbert").verify().unwrap();
    assert!(checks.iter().all(|check| check.status == FileStatus::Changed), "{checks:?}");
}

#[test]
fn what_another_tool_cached_of_a_model_is_not_half_of_ours() {
    let (dir, registry) = cache();
    let repo = HubRepo::new(dir.path(), hub("finbert").repo);
    put(&repo.snapshot(COMMIT), &[CONFIG_FILE, "pytorch_model.bin", "vocab.txt"]);
    let model = registry.find("finbert").unwrap();
    assert_eq!(registry.installed(model).unwrap(), None);
    assert!(complaint(&registry, "finbert").contains("not on this machine"));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_removed_blob_is_a_missing_file() {
    let (dir, registry) = cache();
    let place = HubRepo::new(dir.path(), hub("finbert").repo).snapshot(hub("finbert").revision);
    put(&place, &[CONFIG_FILE, "vocab.txt"]);
    std::os::unix::fs::symlink("../../blobs/gone", place.join(WEIGHTS_FILE)).unwrap();
    let complaint = complaint(&registry, "finbert");
    assert!(complaint.contains("lacks model.safetensors"), "{complaint}");
}

#[test]
fn a_later_cache_is_searched_too() {
    let (first, _) = cache();
    let (second, _) = cache();
    let model = hub("finbert");
    put(&HubRepo::new(second.path(), model.repo).snapshot(model.revision), &BERT_FILES);
    let registry = Registry::new(vec![first.path().to_owned(), second.path().to_owned()]);
    assert!(found(&registry, "finbert").path.starts_with(second.path()));
}

#[test]
fn incomplete_and_pickled_snapshots_say_so() {
    let (dir, registry) = cache();
    let place = HubRepo::new(dir.path(), hub("roberta").repo).snapshot(hub("roberta").revision);
    put(&place, &[CONFIG_FILE]);
    let text = complaint(&registry, "roberta");
    assert!(text.contains("lacks model.safetensors, a tokenizer"), "{text}");
    put(&place, &["pytorch_model.bin"]);
    let text = complaint(&registry, "roberta");
    assert!(text.contains("pickle weights only"), "{text}");
}

#[test]
fn directories_are_checked_before_anything_is_loaded() {
    let (dir, registry) = cache();
    let own = dir.path().join("my-model");
    let name = own.to_str().unwrap();
    assert!(complaint(&registry, name).contains("no such directory"));
    put(&own, &[CONFIG_FILE, "pytorch_model.bin", "tokenizer.json"]);
    assert!(complaint(&registry, name).contains("pickle weights only"));
    put(&own, &[WEIGHTS_FILE]);
    assert_eq!(found(&registry, name).name, "my-model");
    let file = own.join(CONFIG_FILE);
    assert!(complaint(&registry, file.to_str().unwrap()).contains("not a directory"));
}

#[test]
fn a_lock_that_was_tampered_with_is_an_error() {
    let (dir, registry) = cache();
    let repo = HubRepo::new(dir.path(), hub("finbert").repo);
    put(repo.dir(), &[]);
    fs::write(repo.lock_file(), "{}").unwrap();
    assert!(complaint(&registry, "finbert").contains("not a lock file"));
}

#[test]
fn class_orders_are_the_models_own() {
    let order = |name: &str| hub(name).encoder.classes().map.classes;
    assert_eq!(order("finbert"), [Positive, Negative, Neutral]);
    assert_eq!(order("distilbert"), [Negative, Positive]);
    assert_eq!(order("roberta"), [Negative, Neutral, Positive]);
    assert_eq!(order("bert-multilingual"), [Negative, Negative, Neutral, Positive, Positive]);
}

#[test]
fn edits_are_counted() {
    assert_eq!(edit_distance("kitten", "sitting"), 3);
    assert_eq!(edit_distance("", "abc"), 3);
    assert_eq!(edit_distance("abc", "abc"), 0);
}
