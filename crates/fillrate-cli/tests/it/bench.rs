//! `fillrate bench`.

use crate::desk::Desk;

#[test]
fn a_recorded_trace_is_replayed_with_every_strategy() {
    let desk = Desk::of_verb("bench");
    desk.put("a.trace", "allocate 0 4096\nallocate 1 4096\nfree 0\nallocate 2 8192\n");
    let arguments = ["memory", "--trace", "a.trace", "--format", "jsonl"];
    let reports = desk.run(&arguments).succeeds().records();
    let [report] = reports.as_slice() else { panic!("{reports:?}") };
    let rows = report["traces"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    let first = &rows[0];
    assert_eq!((&first["strategy"], &first["calls"]), (&"segregated-fit".into(), &4.into()));
    // The hole of the first allocation is too small for the third, unless the second is moved.
    assert_eq!(first["as_placed"]["efficiency"], 0.75);
    assert_eq!(first["compacted"]["efficiency"], 1.0);
    assert!(report["holes"].as_array().unwrap().iter().any(|row| row["holes"] == 100_000));
}

#[test]
fn a_malformed_trace_is_refused_with_its_line() {
    let desk = Desk::of_verb("bench");
    desk.put("a.trace", "allocate 0 4096\nfree 1\n");
    let ended = desk.run(&["memory", "--trace", "a.trace"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(ended.text(), "");
    ended.complains("a.trace:2: no allocation of this name lives", "bench memory --help");
    desk.put("none.trace", "\n");
    let ended = desk.run(&["memory", "--trace", "none.trace"]);
    ended.complains("none.trace: there is no event to replay", "bench memory --help");
}

#[test]
fn a_page_fits_eighty_columns_with_whole_words() {
    let desk = Desk::of_verb("bench");
    desk.put("training-step", "allocate 0 4096\nallocate 1 4096\nfree 0\n");
    let arguments = ["memory", "--trace", "training-step", "--format", "table"];
    let page = desk.command(&arguments).env("COLUMNS", "80").output().unwrap();
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    for words in ["training-step  segregated-fit  100.0", "EFF", "MOVED", "ALLOCATE P50"] {
        assert!(page.contains(words), "`{words}` in {page}");
    }
}
