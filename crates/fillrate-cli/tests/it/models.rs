//! `fillrate models`, against a Hub on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fillrate::text::registry::Lock;
use serde_json::Value;
use tempfile::TempDir;

use crate::hub::{COMMIT, FakeHub, Faults, sha256, weights};

const CONFIG: &[u8] = br#"{"model_type": "bert"}"#;
const VOCAB: &[u8] = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n";
const REPO: &str = "models--nlptown--bert-base-multilingual-uncased-sentiment";

/// A Hub, and a home directory that pulls from it.
struct World {
    hub: FakeHub,
    home: TempDir,
    weights: Vec<u8>,
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The command failed by the user's doing, and its one line and hint say all of `words`.
    #[track_caller]
    fn complains(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "", "nothing half-done is printed");
        let lines: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error:")).collect();
        assert_eq!(lines.len(), 1, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in: {}", self.stderr);
        }
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl World {
    fn new() -> Self {
        let weights = weights(50_000);
        let hub = FakeHub::serving(&[
            ("config.json", CONFIG),
            ("model.safetensors", &weights),
            ("vocab.txt", VOCAB),
            ("README.md", b"# Not a file that Fillrate reads"),
        ]);
        Self { hub, home: tempfile::tempdir().unwrap(), weights }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fillrate"));
        command
            .arg("models")
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HF_HOME", self.home.path())
            .env("HF_ENDPOINT", &self.hub.endpoint);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.command(arguments).output().unwrap().into()
    }

    fn pull(&self) -> Ended {
        self.run(&["pull", "bert-multilingual"])
    }

    fn repo(&self) -> PathBuf {
        self.home.path().join("hub").join(REPO)
    }

    fn snapshot(&self) -> PathBuf {
        self.repo().join("snapshots").join(COMMIT)
    }

    fn blobs(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.repo().join("blobs")) else { return vec![] };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The part of the weights that an interrupted pull left.
    fn part(&self) -> PathBuf {
        self.repo().join("blobs").join(format!("{}.fillrate-part", sha256(&self.weights)))
    }

    #[track_caller]
    fn holds_the_model(&self) {
        assert_eq!(fs::read(self.snapshot().join("model.safetensors")).unwrap(), self.weights);
        assert_eq!(fs::read(self.snapshot().join("config.json")).unwrap(), CONFIG);
        assert_eq!(self.blobs().len(), 3, "nothing but the three files: {:?}", self.blobs());
        self.run(&["verify", "bert-multilingual"]).succeeds();
    }

    #[track_caller]
    fn holds_nothing(&self) {
        assert!(!self.snapshot().exists());
        assert!(!self.repo().join("fillrate.lock").exists());
    }
}

#[test]
fn a_pull_fills_the_cache_as_python_would() {
    let world = World::new();
    let pulled = world.run(&["pull", "bert-multilingual", "--format", "json"]).succeeds().json();
    assert_eq!(pulled["commit"], COMMIT);
    assert_eq!(Path::new(pulled["path"].as_str().unwrap()), world.snapshot());
    world.holds_the_model();
    assert_eq!(fs::read_to_string(world.repo().join("refs/main")).unwrap(), COMMIT);
    let link = fs::read_link(world.snapshot().join("model.safetensors")).unwrap();
    assert_eq!(link, Path::new("../../blobs").join(sha256(&world.weights)));

    let lock = Lock::read(&world.repo().join("fillrate.lock")).unwrap().unwrap();
    let file = &lock.snapshots[COMMIT].files["model.safetensors"];
    assert_eq!((file.sha256.as_str(), file.size_bytes), (&*sha256(&world.weights), 200_071));
    assert!(!lock.snapshots[COMMIT].files.contains_key("README.md"));
}

#[test]
fn a_second_pull_downloads_nothing() {
    let world = World::new();
    world.pull().succeeds();
    let again = world.run(&["pull", "bert-multilingual", "--format", "json"]).succeeds().json();
    assert_eq!(again["downloaded_bytes"], 0);
    assert_eq!(world.hub.weight_requests().len(), 1);
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let world = World::new();
    let output = world.command(&["pull", "bert-multilingual"]).env("HF_TOKEN", "hf_x").output();
    Ended::from(output.unwrap()).succeeds();
    let requests = world.hub.requests();
    assert!(requests.iter().any(|request| request.is_cdn));
    for request in requests {
        assert_eq!(request.has_token, !request.is_cdn, "{request:?}");
    }
}

#[test]
fn offline_says_where_to_put_the_files() {
    let world = World::new();
    let offline = |arguments: &[&str]| {
        Ended::from(world.command(arguments).env("HF_HUB_OFFLINE", "1").output().unwrap())
    };
    let place = world.repo().join("snapshots/main");
    let place = place.to_str().unwrap();
    offline(&["pull", "bert-multilingual"]).complains(&["HF_HUB_OFFLINE", "vocab.txt", place]);
    assert!(world.hub.requests().is_empty());

    fs::create_dir_all(place).unwrap();
    for (name, bytes) in
        [("config.json", CONFIG), ("model.safetensors", &world.weights), ("vocab.txt", VOCAB)]
    {
        fs::write(Path::new(place).join(name), bytes).unwrap();
    }
    offline(&["pull", "bert-multilingual"]).succeeds();
    offline(&["verify", "bert-multilingual"]).succeeds();
    assert!(world.hub.requests().is_empty());
}

#[test]
fn an_unreachable_hub_says_where_to_put_the_files() {
    let world = World::new();
    // A port that was free a moment ago, and at which nobody listens.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let output = world.command(&["pull", "finbert"]).env("HF_ENDPOINT", &endpoint).output();
    Ended::from(output.unwrap()).complains(&[
        "cannot reach",
        &endpoint,
        "models--ProsusAI--finbert",
    ]);
    world.holds_nothing();
}

#[test]
fn refusals_are_told_apart() {
    let world = World::new();
    for (status, code, words) in [
        (404, "RevisionNotFound", ["no revision main", "--revision"]),
        (404, "", ["not found", "HF_ENDPOINT"]),
        (401, "RepoNotFound", ["refuses access (HTTP 401)", "HF_TOKEN"]),
        (403, "GatedRepo", ["gated", "accept its terms"]),
        (429, "", ["slow down", "HF_TOKEN"]),
        (500, "", ["HTTP 500", "later"]),
    ] {
        world.hub.set_faults(Faults { refuse: Some((status, code)), ..Faults::default() });
        world.pull().complains(&words);
        world.holds_nothing();
    }
}

#[test]
fn a_wrong_checksum_keeps_nothing() {
    let world = World::new();
    world.hub.set_faults(Faults { corrupt: true, ..Faults::default() });
    let mut corrupt = world.weights.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    world.pull().complains(&["SHA-256", &sha256(&corrupt), &sha256(&world.weights)]);
    world.holds_nothing();
    assert!(!world.part().exists());
    world.hub.set_faults(Faults::default());
    world.pull().succeeds();
    world.holds_the_model();
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let world = World::new();
    world.hub.set_faults(Faults { cut_after: 70_000, cuts_left: 2, ..Faults::default() });
    world.pull().succeeds();
    world.holds_the_model();
    let ranges: Vec<_> = world.hub.weight_requests().iter().map(|request| request.range).collect();
    assert_eq!(ranges, [None, Some(70_000), Some(140_000)]);
}

#[test]
fn a_server_without_ranges_sends_everything_again() {
    let world = World::new();
    world.hub.set_faults(Faults {
        cut_after: 70_000,
        cuts_left: 1,
        ignore_ranges: true,
        ..Faults::default()
    });
    world.pull().succeeds();
    world.holds_the_model();
}

#[test]
fn a_pull_that_gave_up_is_taken_up_by_the_next() {
    let world = World::new();
    world.hub.set_faults(Faults { cut_after: 0, cuts_left: usize::MAX, ..Faults::default() });
    world.pull().complains(&["model.safetensors", "0 of 200071 bytes", "again"]);
    world.holds_nothing();
    fs::write(world.part(), &world.weights[..123_456]).unwrap();
    world.hub.set_faults(Faults::default());
    world.pull().succeeds();
    world.holds_the_model();
    assert_eq!(world.hub.weight_requests().last().unwrap().range, Some(123_456));
}

#[test]
fn a_damaged_part_does_not_spoil_the_next_pull() {
    let world = World::new();
    fs::create_dir_all(world.repo().join("blobs")).unwrap();
    for part in [vec![7; 1000], vec![7; 200_071], vec![7; 300_000]] {
        fs::write(world.part(), part).unwrap();
        world.pull().succeeds();
        world.holds_the_model();
        fs::remove_dir_all(world.repo()).unwrap();
        fs::create_dir_all(world.repo().join("blobs")).unwrap();
    }
}

#[test]
fn two_pulls_at_once_do_not_disturb_each_other() {
    let world = World::new();
    world.hub.set_faults(Faults { cut_after: 100_000, cuts_left: 1, ..Faults::default() });
    let pulls: Vec<_> = (0..3)
        .map(|_| {
            let mut command = world.command(&["pull", "bert-multilingual"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for pull in pulls {
        Ended::from(pull.wait_with_output().unwrap()).succeeds();
    }
    world.holds_the_model();
    assert_eq!(world.hub.weight_requests().len(), 2, "only one of them downloaded");
}

#[test]
fn pickled_weights_lead_to_the_converted_revision() {
    let world = World::new();
    world.hub.remove("model.safetensors");
    world.hub.put("pytorch_model.bin", b"pickle");
    world.run(&["pull", "roberta"]).complains(&["no pickle files", "docs/models.md"]);
    world.hub.offer_conversion(7);
    let offer = "`fillrate models pull roberta --revision refs/pr/7`";
    world.run(&["pull", "roberta"]).complains(&["no pickle files", offer]);
    assert!(world.hub.requests().iter().all(|request| !request.path.contains("pytorch_model")));

    world.hub.put("model.safetensors", &world.weights);
    world.run(&["pull", "roberta", "--revision", "refs/pr/7"]).succeeds();
    world.run(&["verify", "roberta"]).succeeds();
    let models = world.run(&["list", "--format", "json"]).succeeds().json();
    let roberta = models.as_array().unwrap().iter().find(|model| model["name"] == "roberta");
    assert_eq!(roberta.unwrap()["commit"], COMMIT);
}

#[test]
fn a_pinned_model_is_what_is_pinned_or_nothing() {
    let world = World::new();
    world.hub.set_commit("7db323f79b751944bcfa66298ec06977e4518306");
    let pinned = "e5897858ff819aad7629b96ce521ae5477952d03634ef5dd30ed2d76357a9f00";
    let config = "f6449ddda85eb726207a40be59c0cd3bd4b142ccb27298d5e45f9ae3396b1abe";
    let ended = world.run(&["pull", "finbert"]);
    assert!(ended.stderr.contains(pinned) || ended.stderr.contains(config), "{}", ended.stderr);
    ended.complains(&["expected"]);
    assert!(!world.home.path().join("hub/models--ProsusAI--finbert/snapshots").exists());
}

#[test]
fn verify_finds_a_changed_file_and_pull_mends_it() {
    let world = World::new();
    world.pull().succeeds();
    let blob = world.repo().join("blobs").join(sha256(&world.weights));
    let mut damaged = world.weights.clone();
    damaged[1000] ^= 1;
    fs::write(&blob, &damaged).unwrap();

    let verified = world.run(&["verify", "--format", "jsonl"]);
    assert_eq!(verified.code, Some(1));
    for word in ["model.safetensors", &sha256(&world.weights), &sha256(&damaged)] {
        assert!(verified.stderr.contains(word), "{word}: {}", verified.stderr);
    }
    let changed: Vec<Value> =
        verified.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let statuses: Vec<_> = changed.iter().map(|file| file["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "changed", "ok"]);

    world.pull().succeeds();
    world.holds_the_model();
}

#[test]
fn verify_finds_cut_weights_even_without_a_checksum_on_record() {
    let world = World::new();
    let dir = world.home.path().join("mine");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("config.json"), CONFIG).unwrap();
    fs::write(dir.join("vocab.txt"), VOCAB).unwrap();
    fs::write(dir.join("model.safetensors"), &world.weights[..100_000]).unwrap();
    let verified = world.run(&["verify", "./mine"]);
    assert_eq!(verified.code, Some(1));
    assert!(verified.stderr.contains("not a whole safetensors file"), "{}", verified.stderr);
}

#[test]
fn what_cannot_be_finished_is_not_begun() {
    let world = World::new();
    world.run(&["pull", "bert-multilingual", "--format", "csv"]).complains(&["no csv format"]);
    fs::create_dir_all(world.repo()).unwrap();
    fs::write(world.repo().join("fillrate.lock"), "{").unwrap();
    world.pull().complains(&["fillrate.lock: not a lock file", "delete it"]);
    assert!(world.hub.requests().is_empty());
}

#[test]
fn names_are_checked() {
    let world = World::new();
    world.run(&["pull", "finbrt"]).complains(&["finbrt", "did you mean `finbert`?"]);
    world.run(&["pull", "finbert", "--revision", "../../x"]).complains(&["not a revision"]);
    world.run(&["pull", "vader"]).succeeds();
    world.run(&["pull", "news-mini"]).succeeds();
    assert!(world.hub.requests().is_empty());
}

#[test]
fn list_and_show_say_what_there_is() {
    let world = World::new();
    world.pull().succeeds();
    let csv = world.run(&["list", "--format", "csv"]).succeeds().stdout;
    assert!(csv.starts_with("name,status,"), "{csv}");
    assert_eq!(csv.lines().count(), 7);
    let status = |name: &str| {
        let line = csv.lines().find(|line| line.starts_with(&format!("{name},"))).unwrap();
        line.split(',').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("vader"), "built-in");
    assert_eq!(status("news-mini"), "built-in");
    assert_eq!(status("finbert"), "not-installed");
    assert_eq!(status("bert-multilingual"), "installed");

    let shown = world.run(&["show", "bert-multilingual", "--format", "json"]).succeeds().json();
    assert_eq!(shown["classes"][4]["label"], "positive");
    assert_eq!(shown["files"][1]["sha256"], sha256(&world.weights));
    let shown = world.run(&["show", "finbert", "--format", "json"]).succeeds().json();
    assert_eq!(shown["status"], "not-installed");
    assert_eq!(shown["classes"][0]["name"], "positive");
    assert!(shown["how_to_get"].as_str().unwrap().contains("fillrate models pull finbert"));
    let shown = world.run(&["show", "news-mini", "--format", "json"]).succeeds().json();
    assert_eq!(shown["classes"][2]["label"], "positive");
    assert_eq!(shown["parameters"], 22_714_371);
    world.run(&["show", "nothing"]).complains(&["no such model"]);
}
