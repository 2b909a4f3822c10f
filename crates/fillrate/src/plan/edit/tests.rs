use std::fmt::Write as _;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::plan::document::{KeyPath, Node, Value};

fn document(text: &str) -> Document {
    Document::of_text(Path::new("a.yaml"), text.to_owned()).unwrap()
}

fn edit(document: &Document, path: &str, text: &str) -> Edit {
    let node = document.root.find(&path.parse().unwrap()).unwrap();
    Edit {
        name: path.to_owned(),
        place: node.place.clone(),
        guard: node.guard.clone(),
        text: text.to_owned(),
    }
}

fn edited(document: &Document, edits: &[(&str, &str)]) -> Result<String> {
    let edits: Vec<Edit> = edits.iter().map(|(path, text)| edit(document, path, text)).collect();
    let patch = Patch::new(std::slice::from_ref(document), &edits)?;
    Ok(patch.files.first().map_or_else(|| document.text.clone(), |file| file.after.clone()))
}

#[test]
fn bytes_of_scalars_change_and_no_others() {
    let text = "\u{feff}# top\r\n\r\ntrain:   \r\n  batch :   12   # rows  \r\n  quoted: '8'\r\n  \
                double: \"16-mixed\"\r\n\tflow: {a: 1, b: [2,3 ]}\r\n# end"
        .replace('\t', "  ");
    let before = document(&text);
    let after = edited(
        &before,
        &[
            ("train.batch", "128"),
            ("train.quoted", "64"),
            ("train.double", "bf16-mixed"),
            ("train.flow.b[1]", "30"),
        ],
    );
    let expected = text
        .replace("12 ", "128 ")
        .replace("'8'", "'64'")
        .replace("\"16-mixed\"", "\"bf16-mixed\"")
        .replace("3 ]", "30 ]");
    assert_eq!(after.unwrap(), expected);
}

#[test]
fn what_is_there_already_is_no_edit() {
    let before = document("a: 1_000\nb: yes\nc: '8'\nd: &x 4\n");
    let patch = Patch::new(
        std::slice::from_ref(&before),
        &[edit(&before, "a", "1000"), edit(&before, "b", "true"), edit(&before, "d", "4")],
    );
    assert!(patch.unwrap().is_empty());
    assert_eq!(edited(&before, &[("c", "8")]).unwrap(), before.text);
}

#[test]
fn an_unsafe_edit_is_refused_with_its_line() {
    let text = "a: &x 1\nb: *x\nc: 1\nc: 2\nd: |\n  3\ne:\nf: !!int 4\nbase: &y\n  n: 5\nuse: *y\n\
                m:\n  <<: *y\n";
    let before = document(text);
    for (path, line, word) in [
        ("a", 1, "anchor"),
        ("b", 2, "alias of what stands on line 1"),
        ("c", 4, "twice, also on line 3"),
        ("d", 5, "several lines"),
        ("e", 7, "empty"),
        ("f", 8, "tag"),
        ("use.n", 11, "alias"),
        ("m.n", 13, "`<<`"),
    ] {
        let error = edited(&before, &[(path, "9")]).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&format!("a.yaml:{line}: `{path}` ")), "{message}");
        assert!(message.contains(word), "{message}");
        assert!(error.hint().is_some_and(|hint| hint.contains("by hand to 9")));
    }
    let message = edited(&before, &[("base.n", "9")]).unwrap_err().to_string();
    assert_eq!(message, "a.yaml:10: an edit would also change `use.n`");
}

#[test]
fn json_stays_json() {
    let text = "{\"batch\": 8, \"bf16\": false,\n \"optim\": \"adamw_torch\", \"level\": 1}";
    let before = Document::of_text(Path::new("a.json"), text.to_owned()).unwrap();
    let after = edited(
        &before,
        &[("batch", "16"), ("bf16", "true"), ("optim", "adafactor"), ("level", "O1")],
    );
    let expected = "{\"batch\": 16, \"bf16\": true,\n \"optim\": \"adafactor\", \"level\": \"O1\"}";
    assert_eq!(after.unwrap(), expected);
}

#[test]
fn edits_that_disagree_or_are_no_words_are_refused() {
    let before = document("a: 1\n");
    let message = edited(&before, &[("a", "2"), ("a", "3")]).unwrap_err().to_string();
    assert_eq!(message, "a.yaml:1: `a` is to be 2 and, as `a`, 3");
    assert_eq!(edited(&before, &[("a", "2"), ("a", "2")]).unwrap(), "a: 2\n");
    for text in ["", "1 # x", "a: b", "-1", "*x", "\"", "1\n2"] {
        assert!(edited(&before, &[("a", text)]).is_err(), "{text:?}");
    }
}

/// A folder with two files, and a patch for both.
struct Desk {
    folder: TempDir,
    patch: Patch,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut documents = Vec::new();
        for (name, text) in [("a.yaml", "n: 1 # one\r\n"), ("b.yaml", "m: 2\n")] {
            fs::write(folder.path().join(name), text).unwrap();
            documents.push(Document::read(&folder.path().join(name)).unwrap());
        }
        let edits = [edit(&documents[0], "n", "10"), edit(&documents[1], "m", "20")];
        let patch = Patch::new(&documents, &edits).unwrap();
        Self { folder, patch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn family(&self) -> Vec<PathBuf> {
        vec![self.path("a.yaml"), self.path("b.yaml")]
    }

    fn write(&self, watch: &mut dyn FnMut(Step) -> io::Result<()>) -> Result<Vec<Written>> {
        self.patch.write_watched(&self.path("a.yaml"), &self.family(), watch)
    }

    fn restore(&self) -> Result<Vec<Restored>> {
        restore(&self.path("a.yaml"), &self.family())
    }

    fn texts(&self) -> [String; 2] {
        ["a.yaml", "b.yaml"].map(|name| fs::read_to_string(self.path(name)).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const BEFORE: [&str; 2] = ["n: 1 # one\r\n", "m: 2\n"];
const AFTER: [&str; 2] = ["n: 10 # one\r\n", "m: 20\n"];

#[test]
fn what_was_written_is_restored() {
    let desk = Desk::new();
    let written = desk.write(&mut |_| Ok(())).unwrap();
    assert_eq!(written.len(), 2);
    assert_eq!(desk.texts(), AFTER);
    assert_eq!(desk.names(), ["a.yaml", "a.yaml.backup", "b.yaml", "b.yaml.backup"]);
    let restored = desk.restore().unwrap();
    assert_eq!((restored.len(), desk.texts()), (2, BEFORE.map(str::to_owned)));
    assert_eq!(desk.names(), ["a.yaml", "a.yaml.replaced", "b.yaml", "b.yaml.replaced"]);
    let error = desk.restore().unwrap_err();
    assert!(error.to_string().ends_with("a.yaml: there is no backup"), "{error}");
}

#[test]
fn backups_of_one_edit_share_a_number_and_older_ones_stay() {
    let desk = Desk::new();
    fs::write(desk.path("b.yaml.backup"), "older").unwrap();
    fs::write(desk.path("b.yaml.backup.x"), "of somebody else").unwrap();
    desk.write(&mut |_| Ok(())).unwrap();
    assert_eq!(fs::read_to_string(desk.path("a.yaml.backup.1")).unwrap(), BEFORE[0]);
    assert_eq!(fs::read_to_string(desk.path("b.yaml.backup")).unwrap(), "older");
    assert_eq!(desk.restore().unwrap().len(), 2);
    assert_eq!(desk.texts(), BEFORE);
    let restored = desk.restore().unwrap();
    assert_eq!((restored.len(), desk.texts()), (1, [BEFORE[0], "older"].map(str::to_owned)));
}

#[test]
fn a_failure_at_any_step_leaves_everything_as_it_was() {
    let steps = [0, 1].map(Step::Stage).into_iter();
    let steps = steps.chain([0, 1].map(Step::Keep)).chain([0, 1].map(Step::Replace));
    for failing in steps {
        let desk = Desk::new();
        let ended = desk.write(&mut |step| {
            if step == failing { Err(io::Error::other("the disk is full")) } else { Ok(()) }
        });
        assert!(ended.unwrap_err().to_string().ends_with("the disk is full"));
        assert_eq!(desk.texts(), BEFORE, "{failing:?}");
        assert_eq!(desk.names(), ["a.yaml", "b.yaml"], "{failing:?}");
        desk.write(&mut |_| Ok(())).unwrap();
        assert_eq!(desk.texts(), AFTER);
    }
}

#[test]
fn an_edit_that_is_killed_at_any_step_is_taken_back() {
    let steps = [0, 1].map(Step::Stage).into_iter();
    let steps = steps.chain([0, 1].map(Step::Keep)).chain([0, 1].map(Step::Replace));
    for fatal in steps {
        let desk = Desk::new();
        // What unwinds does none of the tidying that a failure does, as if it had been killed.
        let killed = catch_unwind(AssertUnwindSafe(|| {
            desk.write(&mut |step| {
                if step == fatal { std::panic::resume_unwind(Box::new("killed")) } else { Ok(()) }
            })
        }));
        assert!(killed.is_err());
        fs::write(desk.path(".fillrate-plan-abc.tmp"), "half of a fi").unwrap();
        assert!(is_interrupted(&desk.path("a.yaml")));
        let refused = desk.write(&mut |_| Ok(())).unwrap_err();
        assert!(refused.to_string().contains("an earlier edit was cut off"), "{refused}");
        desk.restore().unwrap();
        assert_eq!(desk.texts(), BEFORE, "{fatal:?}");
        // What was written before the end is kept too.
        let names = match fatal {
            Step::Replace(1) => vec!["a.yaml", "a.yaml.replaced", "b.yaml"],
            _ => vec!["a.yaml", "b.yaml"],
        };
        assert_eq!(desk.names(), names, "{fatal:?}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_written_is_left_alone() {
    for at in [Step::Stage(0), Step::Keep(1), Step::Replace(0), Step::Replace(1)] {
        let desk = Desk::new();
        let ended = desk.write(&mut |step| {
            if step == at { fs::write(desk.path("b.yaml"), "m: 3\n") } else { Ok(()) }
        });
        let message = ended.unwrap_err().to_string();
        assert!(message.contains("b.yaml: changed since it was read"), "{message}");
        assert_eq!(desk.texts(), [BEFORE[0], "m: 3\n"], "{at:?}");
        assert_eq!(desk.names(), ["a.yaml", "b.yaml"]);
    }
}

#[cfg(unix)]
#[test]
fn modes_are_kept_links_followed_and_read_only_files_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let desk = Desk::new();
    fs::create_dir(desk.path("real")).unwrap();
    fs::rename(desk.path("a.yaml"), desk.path("real/x.yaml")).unwrap();
    symlink("real/x.yaml", desk.path("a.yaml")).unwrap();
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(desk.path("real/x.yaml"), mode(0o640)).unwrap();
    fs::set_permissions(desk.path("b.yaml"), mode(0o444)).unwrap();
    let refused = desk.write(&mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("b.yaml: is read-only"), "{refused}");
    assert_eq!(desk.texts(), BEFORE);
    fs::set_permissions(desk.path("b.yaml"), mode(0o644)).unwrap();
    let written = desk.write(&mut |_| Ok(())).unwrap();
    assert!(written[0].file.ends_with("real/x.yaml"));
    assert_eq!(desk.texts(), AFTER);
    assert!(fs::symlink_metadata(desk.path("a.yaml")).unwrap().is_symlink());
    for name in ["real/x.yaml", "real/x.yaml.backup"] {
        let found = fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, 0o640, "{name}");
    }
    desk.restore().unwrap();
    assert_eq!(desk.texts(), BEFORE);
    fs::hard_link(desk.path("b.yaml"), desk.path("c.yaml")).unwrap();
    let refused = desk.write(&mut |_| Ok(())).unwrap_err();
    assert!(refused.to_string().contains("b.yaml: has other names"), "{refused}");
}

/// Every scalar of a tree with its path.
fn scalars(path: &KeyPath, node: &Node, found: &mut Vec<(KeyPath, Node)>) {
    match &node.value {
        Value::Scalar(_) => found.push((path.clone(), node.clone())),
        Value::Sequence(items) => {
            items.iter().enumerate().for_each(|(i, item)| scalars(&path.index(i), item, found));
        }
        Value::Mapping(entries) => {
            for entry in entries {
                scalars(&path.key(&entry.key), &entry.value, found);
            }
        }
    }
}

/// A line of a made-up file: a key, what stands before and after its value, and the value.
fn line() -> impl Strategy<Value = (usize, String, String)> {
    let value = prop_oneof![
        "[0-9]{1,6}",
        "'[a-z0-9 ]{1,8}'",
        "\"[a-zé0-9:# -]{1,8}\"",
        "\\[[0-9]{1,3}, *[0-9]{1,3}\\]",
        "\\{x: [0-9]{1,3} , y: [a-z]{1,5}\\}",
        "(true|off|~|null|1e-4|[a-z]{2,6}[ ][a-z]{2,6})",
    ];
    let after = prop_oneof!["", " {1,3}", " # [a-z:'\"é ]{0,12}", "\n", "\n# [a-z]{1,8}\n"];
    (0_usize..3, value, after)
}

fn made_up(lines: &[(usize, String, String)], end: &str, mark: &str) -> String {
    let mut text = String::from("first: 1\n");
    let mut depth_before = 0;
    for (number, (depth, value, after)) in lines.iter().enumerate() {
        let depth = (*depth).min(depth_before + 1);
        // A deeper line needs a parent without a value of its own.
        if depth > depth_before {
            let _ = writeln!(text, "{}p{number}:", "  ".repeat(depth_before));
        }
        let _ = writeln!(text, "{}k{number}:  {value}{after}", "  ".repeat(depth));
        depth_before = depth;
    }
    format!("{mark}{}", text.replace('\n', end))
}

proptest! {
    #[test]
    fn an_edited_file_differs_in_nothing_but_the_edited_scalars(
        lines in prop::collection::vec(line(), 1..12),
        windows in any::<bool>(),
        marked in any::<bool>(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..100_000), 1..5),
    ) {
        let text = made_up(
            &lines,
            if windows { "\r\n" } else { "\n" },
            if marked { "\u{feff}" } else { "" },
        );
        let before = document(&text);
        let mut found = Vec::new();
        scalars(&KeyPath::root(), &before.root, &mut found);
        found.retain(|(_, node)| node.guard.is_none());
        let mut edits: Vec<Edit> = Vec::new();
        for (pick, number) in picks {
            let (path, node) = &found[pick.index(found.len())];
            if edits.iter().all(|edit| edit.place != node.place) {
                edits.push(Edit {
                    name: path.to_string(),
                    place: node.place.clone(),
                    guard: None,
                    text: number.to_string(),
                });
            }
        }
        let patch = Patch::new(std::slice::from_ref(&before), &edits).unwrap();
        let after = patch.files.first().map_or(&text, |file| &file.after);

        // Bytes: taking the edited ranges out of both leaves the same.
        edits.sort_by_key(|edit| edit.place.bytes.start);
        let (mut old_at, mut new_at) = (0, 0);
        for edit in &edits {
            let kept = &text[old_at..edit.place.bytes.start];
            prop_assert!(after[new_at..].starts_with(kept));
            new_at += kept.len();
            let scalar = compare::scalar_at(&before.root, &edit.place.bytes).unwrap();
            let new = match scalar.style {
                _ if says(scalar, &edit.text) => text[edit.place.bytes.clone()].to_owned(),
                Style::SingleQuoted => format!("'{}'", edit.text),
                Style::DoubleQuoted => format!("\"{}\"", edit.text),
                _ => edit.text.clone(),
            };
            prop_assert!(after[new_at..].starts_with(&new));
            new_at += new.len();
            old_at = edit.place.bytes.end;
        }
        prop_assert_eq!(&after[new_at..], &text[old_at..]);

        // Meaning: every path is there again, and says what it said or what it was told to.
        let again = document(after);
        let mut now = Vec::new();
        scalars(&KeyPath::root(), &again.root, &mut now);
        let mut all = Vec::new();
        scalars(&KeyPath::root(), &before.root, &mut all);
        prop_assert_eq!(all.len(), now.len());
        for ((path, old), (path_now, new)) in all.iter().zip(&now) {
            prop_assert_eq!(path, path_now);
            let edit = edits.iter().find(|edit| edit.place == old.place);
            if let Some(edit) = edit {
                prop_assert!(says(new.scalar().unwrap(), &edit.text));
            } else {
                prop_assert_eq!(&old.value, &new.value);
            }
        }
        prop_assert!(Patch::new(std::slice::from_ref(&again), &at_new_places(&again, &edits))
            .unwrap()
            .is_empty());
    }
}

/// The same edits of the edited file.
fn at_new_places(document: &Document, edits: &[Edit]) -> Vec<Edit> {
    let mut found = Vec::new();
    scalars(&KeyPath::root(), &document.root, &mut found);
    let of = |edit: &Edit| {
        let (_, node) = found.iter().find(|(path, _)| path.to_string() == edit.name).unwrap();
        Edit { place: node.place.clone(), ..edit.clone() }
    };
    edits.iter().map(of).collect()
}
