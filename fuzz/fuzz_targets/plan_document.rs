//! Any bytes as a training configuration: values whose bytes are where they say, and edits that change
//! nothing else, or an error; never a panic.
#![no_main]

use std::path::Path;

use fillrate::plan::document::{Document, Node, Value};
use fillrate::plan::edit::{Edit, Patch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["a.yaml", "a.json"] {
        let Ok(document) = Document::of_bytes(Path::new(name), bytes.to_vec()) else { continue };
        let mut edits = Vec::new();
        collect(&document.root, &document, &mut edits);
        for edit in edits {
            // What is checked before it is written is checked here.
            let _ = Patch::new(std::slice::from_ref(&document), &[edit]);
        }
    }
});

fn collect(node: &Node, document: &Document, edits: &mut Vec<Edit>) {
    assert!(document.text.get(node.place.bytes.clone()).is_some(), "{:?}", node.place);
    match &node.value {
        Value::Scalar(_) => edits.push(Edit {
            name: "value".to_owned(),
            place: node.place.clone(),
            guard: node.guard.clone(),
            text: "12345".to_owned(),
        }),
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, document, edits)),
        Value::Mapping(entries) => {
            entries.iter().for_each(|entry| collect(&entry.value, document, edits));
        }
    }
}
