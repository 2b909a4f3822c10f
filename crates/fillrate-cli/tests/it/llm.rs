//! `fillrate profile --llm`: what is measured of a good server, and what is said of a bad one.

mod stub;

use serde_json::Value;

use self::stub::{Request, Step, Stub, chunk, end, send, stream, whole};
use crate::desk::{Desk, Ended};

const PIECE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"up\"}}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":30,\"completion_tokens\":5}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const OLLAMA_PIECE: &str = "{\"message\":{\"content\":\"up\"},\"done\":false}\n";
const OLLAMA_DONE: &str = "{\"message\":{\"content\":\"\"},\"done\":true,\"prompt_eval_count\":30,\
                           \"eval_count\":5,\"load_duration\":7000000}\n";

/// A whole answer of three pieces.
fn good() -> Vec<Step> {
    vec![stream(), chunk(PIECE), chunk(PIECE), chunk(PIECE), chunk(USAGE), chunk(DONE), end()]
}

fn command(url: &str, arguments: &[&str]) -> std::process::Command {
    let desk = Desk::of_verb("profile");
    let mut command = desk.command(&["--llm", url, "--llm-model", "m"]);
    command.args(arguments).current_dir("/");
    command
}

fn run(url: &str, arguments: &[&str]) -> Ended {
    Ended::of(command(url, arguments).output().unwrap())
}

/// The report, whether or not any request was answered.
fn report(url: &str, arguments: &[&str]) -> (Value, Ended) {
    let ended = run(url, &[arguments, &["--format", "json"]].concat());
    let report = serde_json::from_slice(&ended.stdout);
    (report.unwrap_or_else(|_| panic!("no report: {}", ended.stderr)), ended)
}

/// How every one of three requests fails, and what is said about it.
#[track_caller]
fn failure(api: &str, steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> (String, String) {
    // Longer than a machine under load may take to do what these tests wait for.
    failure_within("300", api, steps)
}

#[track_caller]
fn failure_within(
    timeout: &str,
    api: &str,
    steps: impl Fn() -> Vec<Step> + Send + Sync + 'static,
) -> (String, String) {
    let stub = Stub::always(steps);
    let arguments = ["--llm-api", api, "--requests", "3", "--timeout", timeout];
    let (report, ended) = report(&stub.url, &arguments);
    assert_eq!(ended.code, Some(1), "a run without an answer has failed");
    assert_eq!((&report["answered"], &report["failed"]), (&0.into(), &3.into()), "{report:#}");
    assert_eq!(report["failures"].as_array().unwrap().len(), 1, "{report:#}");
    let failures = &report["failures"][0];
    assert_eq!(failures["count"], 3);
    assert_eq!(report["warm_up"]["failure"]["kind"], failures["kind"]);
    for unknown in ["latency", "time_to_first_token", "tokens_out_per_s", "token_counts"] {
        assert_eq!(report[unknown], Value::Null, "{unknown}");
    }
    let (kind, first) = (failures["kind"].as_str().unwrap(), failures["first"].as_str().unwrap());
    assert!(ended.stderr.contains(&format!("warning: 3 requests failed, {kind}: {first}")));
    (kind.to_owned(), first.to_owned())
}

#[track_caller]
fn fails_as(kind: &str, message: &str, found: &(String, String)) {
    assert_eq!(found.0, kind, "{}", found.1);
    assert!(found.1.contains(message), "{}", found.1);
}

fn is_chat(request: &Request) -> bool {
    request.line.starts_with("POST ")
}

#[test]
fn a_good_server_is_measured() {
    let stub = Stub::always(good);
    let url = format!("{}/v1/", stub.url);
    let (report, ended) =
        report(&url, &["--requests", "7", "--concurrency", "2", "--max-tokens", "9"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!((&report["api"], &report["model"]), (&"openai".into(), &"m".into()));
    assert_eq!((&report["answered"], &report["failed"]), (&7.into(), &0.into()));
    assert_eq!(report["token_counts"], "server");
    assert_eq!((&report["tokens_in"], &report["tokens_out"]), (&210.into(), &35.into()));
    assert_eq!(report["pieces"], 21);
    assert_eq!(report["inter_token"]["samples"], 14);
    for name in ["time_to_first_token", "latency", "inter_token"] {
        let percentiles = ["p50_ms", "p95_ms", "p99_ms", "max_ms"];
        let values = percentiles.map(|p| report[name][p].as_f64().unwrap());
        assert!(values.is_sorted(), "{name}: {values:?}");
    }
    assert!(
        report["latency"]["min_ms"].as_f64() >= report["time_to_first_token"]["min_ms"].as_f64()
    );
    assert!(report["warm_up"]["time_to_first_token_ms"].as_f64().unwrap() > 0.0);
    assert!(report["client"]["cpu"]["threads_advised"].as_u64().unwrap() > 0);
    assert!(report["date"].as_str().unwrap().ends_with('Z'));

    let requests = stub.requests();
    assert_eq!(requests.len(), 8, "one more to warm up");
    assert!(requests.iter().all(|request| request.line == "POST /v1/chat/completions"));
    assert!(requests.iter().all(|request| request.connection < 3), "connections are used again");
    assert_eq!(requests[0].body["max_tokens"], 9);
    assert_eq!(requests[0].body["stream_options"]["include_usage"], true);
    assert_eq!(requests[0].authorization, None);
}

#[test]
fn ollama_is_found_out_and_its_load_time_told() {
    let stub = Stub::answering(|request| match request.line.as_str() {
        "GET /api/version" => whole(200, "{\"version\":\"0.9.0\"}"),
        "POST /api/chat" => {
            vec![stream(), chunk(OLLAMA_PIECE), chunk(OLLAMA_PIECE), chunk(OLLAMA_DONE), end()]
        }
        _ => whole(404, ""),
    });
    let (report, ended) = report(&stub.url, &["--requests", "2"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(report["api"], "ollama");
    assert_eq!((&report["tokens_in"], &report["tokens_out"]), (&60.into(), &10.into()));
    assert_eq!(report["warm_up"]["load_ms"], 7.0);
    assert_eq!(stub.requests()[1].body["options"]["num_predict"], 128);
}

#[test]
fn an_openai_server_is_found_out_even_if_it_wants_a_key() {
    for status in [200, 401] {
        let stub = Stub::answering(move |request| match request.line.as_str() {
            "GET /v1/models" => whole(status, "{\"data\":[]}"),
            "POST /v1/chat/completions" => good(),
            _ => whole(404, "{\"error\":\"not here\"}"),
        });
        assert_eq!(report(&stub.url, &["--requests", "1"]).0["api"], "openai");
    }
}

#[test]
fn what_speaks_neither_protocol_is_no_server() {
    let stub = Stub::always(|| whole(404, "nothing here"));
    let message = format!(
        "{0}: neither Ollama nor OpenAI-compatible: {0}/api/version: HTTP 404: nothing here; \
         {0}/v1/models: HTTP 404: nothing here",
        stub.url
    );
    run(&stub.url, &[]).complains(&message, "--llm-api");
}

/// A port at which nothing listens, as far as one can know.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_refused_connection_is_said() {
    let url = closed_port();
    let ended = run(&url, &[]);
    assert_eq!((ended.code, ended.text()), (Some(1), ""));
    assert!(ended.stderr.contains("onnection refused"), "{}", ended.stderr);
    let (report, ended) = report(&url, &["--llm-api", "openai", "--requests", "2"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!((&report["failures"][0]["kind"], &report["failed"]), (&"refused".into(), &2.into()));
}

/// Which wait it is that comes to an end depends on how busy the machine is; the messages have
/// tests of their own, without a clock.
#[test]
fn a_server_that_hangs_or_never_ends_is_given_up() {
    let gives_up = |steps: fn() -> Vec<Step>| {
        fails_as("timeout", "timeout", &failure_within("0.05", "openai", steps));
    };
    gives_up(|| vec![Step::Hang]);
    gives_up(|| vec![stream(), chunk(PIECE), Step::Hang]);
    gives_up(|| vec![stream(), chunk(PIECE), Step::Drip(b"4\r\n:\n\n\n\r\n".to_vec())]);
}

#[test]
fn a_server_that_sends_too_much_is_given_up() {
    let one_long_line =
        || vec![stream(), Step::Flood(format!("400\r\n{}\r\n", "x".repeat(1024)).into())];
    for api in ["openai", "ollama"] {
        fails_as("too_large", "a line of the answer is longer", &failure(api, one_long_line));
    }
    let headers = || {
        let header = format!("X: {}\r\n", "x".repeat(1000));
        vec![send("HTTP/1.1 200 OK\r\n"), Step::Flood(header.into())]
    };
    fails_as("invalid", "header", &failure("openai", headers));
}

#[test]
fn half_an_answer_is_no_answer() {
    fails_as("closed", "without an answer", &failure("openai", || vec![Step::Close]));
    let in_chunk = || vec![stream(), chunk(PIECE), send("40\r\ndata: {\"cho"), Step::Close];
    fails_as("half_answer", "after 1 piece", &failure("openai", in_chunk));
    let between = || vec![stream(), chunk(PIECE), Step::Close];
    fails_as("half_answer", "after 1 piece", &failure("openai", between));
    let no_end = || vec![stream(), chunk(PIECE), end()];
    fails_as(
        "half_answer",
        "ended without `data: [DONE]`, after 1 piece",
        &failure("openai", no_end),
    );
    let no_end = || vec![stream(), chunk(OLLAMA_PIECE), chunk("{\"mess"), end()];
    fails_as("half_answer", "ended without `\"done\": true`", &failure("ollama", no_end));
}

#[test]
fn what_is_no_answer_is_quoted() {
    let half_json = || vec![stream(), chunk("data: {\"choices\":[{\"de\n\n"), chunk(DONE), end()];
    fails_as("invalid", "not JSON: {\"choices\":[{\"de", &failure("openai", half_json));
    fails_as(
        "invalid",
        "",
        &failure("openai", || vec![send("SSH-2.0-OpenSSH_9.9\r\n"), Step::Close]),
    );
    fails_as("empty", "no text", &failure("openai", || vec![stream(), chunk(DONE), end()]));
    let error =
        || vec![stream(), chunk("data: {\"error\":{\"message\":\"no memory\"}}\n\n"), end()];
    fails_as("server", "no memory", &failure("openai", error));
    let error = || vec![stream(), chunk(OLLAMA_PIECE), chunk("{\"error\":\"no memory\"}\n"), end()];
    fails_as("server", "no memory", &failure("ollama", error));
}

#[test]
fn a_status_is_a_failure_with_the_servers_words() {
    let of = |status, body: &'static str| failure("openai", move || whole(status, body));
    fails_as("http", "HTTP 500: it broke", &of(500, "{\"error\":{\"message\":\"it broke\"}}"));
    fails_as("http", "HTTP 404: no model `m`", &of(404, "{\"error\":\"no model `m`\"}"));
    // Nothing is sent to where a redirect points, and least of all the key.
    fails_as(
        "http",
        "HTTP 302",
        &failure("openai", || {
            vec![send(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            )]
        }),
    );
    // That what it said broke off does not hide the status.
    fails_as(
        "http",
        "HTTP 503: busy",
        &failure("openai", || {
            vec![send("HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nbusy"), Step::Close]
        }),
    );
}

#[test]
fn a_key_is_sent_and_never_shown() {
    let stub = Stub::always(|| whole(401, "{\"error\":\"bad key sk-secret\"}"));
    for variable in ["FILLRATE_LLM_API_KEY", "OPENAI_API_KEY"] {
        let mut command = command(&stub.url, &["--llm-api", "openai", "--requests", "2"]);
        let ended = Ended::of(command.env(variable, "sk-secret").output().unwrap());
        assert_eq!(ended.code, Some(1));
        assert!(ended.text().contains("HTTP 401: bad key [key]"), "{}", ended.text());
        assert!(!ended.text().contains("secret") && !ended.stderr.contains("secret"));
        assert!(!ended.stderr.contains("is not a setting"), "{}", ended.stderr);
    }
    let sent: Vec<_> = stub.requests().into_iter().map(|request| request.authorization).collect();
    assert_eq!(sent, vec![Some("Bearer sk-secret".to_owned()); 6]);

    let mut command = command(&stub.url, &[]);
    let ended = Ended::of(command.env("OPENAI_API_KEY", "two words").output().unwrap());
    ended.complains("OPENAI_API_KEY: not a key", "one word");
    // A key that is not needed does not matter.
    let doctor = Desk::of_verb("doctor").command(&[]).env("OPENAI_API_KEY", "two words").output();
    assert!(doctor.unwrap().status.success());
}

#[test]
fn every_dialect_of_the_protocol_is_understood() {
    // A byte a chunk, CR LF, comments, no usage, no space after the colon.
    let dialect = || {
        let text = format!(": hello\r\n\r\n{PIECE}:\r\n{PIECE}").replace("data: ", "data:");
        let text = text.replace("\n\n", "\r\n\r\n") + "data:[DONE]";
        let bytes = text.split_inclusive(|_: char| true).map(chunk);
        [stream()].into_iter().chain(bytes).chain([end()]).collect()
    };
    let stub = Stub::always(dialect);
    let (report, ended) = report(&stub.url, &["--llm-api", "openai", "--requests", "2"]);
    assert_eq!(ended.code, Some(0), "{report:#}");
    assert_eq!((&report["token_counts"], &report["tokens_in"]), (&"pieces".into(), &Value::Null));
    assert_eq!((&report["tokens_out"], &report["pieces"]), (&4.into(), &4.into()));
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole_if_it_says_so() {
    let stub = Stub::always(|| {
        vec![send("HTTP/1.1 200 OK\r\n\r\n"), send(PIECE), send(PIECE), send(DONE), Step::Close]
    });
    let (report, _) = report(&stub.url, &["--llm-api", "openai", "--requests", "3"]);
    assert_eq!((&report["answered"], &report["failed"]), (&3.into(), &0.into()), "{report:#}");
}

/// A server that fails at every third question.
fn moody() -> Stub {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    Stub::answering(move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 {
        1 => whole(
            500,
            "{\"error\":\"overloaded, as this long message says to see how a table copes with what does not fit into one line\"}",
        ),
        _ => good(),
    })
}

#[test]
fn some_failures_are_counted_and_the_rest_is_measured() {
    let (report, ended) = report(&moody().url, &["--llm-api", "openai", "--requests", "9"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!((&report["answered"], &report["failed"]), (&6.into(), &3.into()));
    assert_eq!(report["failures"][0]["status"], 500);
    assert_eq!(report["latency"]["samples"], 6);
    assert!(ended.stderr.starts_with("warning: 3 requests failed, http: HTTP 500: overloaded"));
}

#[test]
fn the_page_fits_a_terminal_and_holds_what_failed() {
    let ended = run(&moody().url, &["--llm-api", "openai", "--requests", "9"]);
    let page = ended.text();
    for words in
        ["9 at 1 a time: 6 answered, 3 failed", "180 in, 30 out", "first token, ms", "HTTP 500"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let longest = page.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{page}");
}

#[test]
fn the_prompts_of_a_file_are_asked_in_turn() {
    let desk = Desk::of_verb("profile");
    desk.put("two.jsonl", "{\"prompt\":\"one\",\"system\":\"brief\"}\n{\"prompt\":\"two\"}\n");
    let stub = Stub::always(good);
    let ended = desk.run(&[
        "--llm",
        &stub.url,
        "--llm-api",
        "openai",
        "--llm-model",
        "m",
        "--prompts",
        "two.jsonl",
        "--requests",
        "3",
        "-o",
        "report.json",
    ]);
    ended.succeeds();
    assert!(desk.files().contains(&"report.json".to_owned()));
    let asked: Vec<Value> =
        stub.requests().iter().map(|request| request.body["messages"].clone()).collect();
    let texts: Vec<_> = asked
        .iter()
        .map(|m| m.as_array().unwrap().last().unwrap()["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["two", "one", "two", "one"], "the last prompt warms up");
    assert_eq!(asked[1][0]["content"], "brief");
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_sent() {
    let stub = Stub::always(good);
    let refused = |arguments: &[&str], message: &str, hint: &str| {
        run(&stub.url, arguments).complains(message, hint);
    };
    refused(
        &["--concurrency", "3", "--requests", "2"],
        "--concurrency: 2 requests cannot be 3 at a time",
        "--requests 3",
    );
    refused(
        &["--prompts", "/no/such.txt"],
        "cannot read the prompts /no/such.txt: No such file or directory (os error 2)",
        "",
    );
    refused(&["--format", "csv"], "a report has no csv format", "json");
    refused(
        &["--timeout", "0"],
        "invalid value '0' for '--timeout <SECONDS>': expected a number of seconds above 0, up to 3600",
        "",
    );
    assert_eq!(stub.requests().iter().filter(|request| is_chat(request)).count(), 0);
    let desk = Desk::of_verb("profile");
    desk.run(&["--llm", "localhost:11434", "--llm-model", "m"])
        .complains("--llm: `localhost:11434` is not a web address", "http://localhost:11434");
    desk.run(&["--llm", "http://h", "--llm-model", " "])
        .complains("--llm-model: the name is empty", "on the server");
    assert_eq!(desk.run(&["--llm", &stub.url]).code, Some(1));
    assert_eq!(desk.run(&["--llm-model", "m"]).code, Some(1));
}
