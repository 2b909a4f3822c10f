//! A model that cannot be had, with and without another one to go on with.

use super::Desk;

#[test]
fn an_unknown_model_is_an_error_that_lists_what_there_is() {
    let desk = Desk::with("news.csv", "text\ngreat\n");
    let ended = desk.run(&["news.csv", "--model", "no-such-model", "-o", "out.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no-such-model"), "{}", ended.stderr);
    assert!(ended.stderr.contains("finbert"), "{}", ended.stderr);
    assert_eq!(desk.files(), ["news.csv"]);
}

#[test]
fn with_a_fallback_the_run_goes_on_and_says_so() {
    let desk = Desk::with("news.csv", "text\ngreat\nawful\n");
    for model in ["no-such-model", "finbert", "./no/such/directory"] {
        let ended = desk.run(&["news.csv", "--model", model, "--fallback", "vader"]).succeeds();
        let records = ended.records();
        assert_eq!(records.len(), 2);
        for record in &records {
            assert_eq!(record["model"], "vader");
            assert_eq!(record["degraded"], true);
            assert!(!record["reason"].as_str().unwrap().is_empty());
        }
        assert!(ended.stderr.contains("warning: "), "{}", ended.stderr);
        assert!(ended.stderr.contains("2 answers degraded"), "{}", ended.stderr);
    }
}

#[test]
fn a_fallback_that_cannot_be_had_is_an_error() {
    let desk = Desk::with("news.csv", "text\ngreat\n");
    let ended = desk.run(&["news.csv", "--fallback", "no-such-model"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("the fallback `no-such-model`"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
}
