use super::*;

/// What a stream brought, and how it ended, if it came in these parts.
fn read<'a>(
    api: Api,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Event>, Result<(), Failure>) {
    let mut stream = Stream::new(api);
    let mut events = vec![];
    for part in parts {
        if let Err(failure) = stream.push(part, &mut |event| events.push(event)) {
            return (events, Err(failure));
        }
    }
    let end = stream.finish(&mut |event| events.push(event));
    (events, end)
}

fn openai(text: &str) -> (Vec<Event>, Result<(), Failure>) {
    read(Api::OpenAi, [text.as_bytes()])
}

fn ollama(text: &str) -> (Vec<Event>, Result<(), Failure>) {
    read(Api::Ollama, [text.as_bytes()])
}

#[track_caller]
fn fails(ended: (Vec<Event>, Result<(), Failure>), kind: Kind, message: &str) {
    let failure = ended.1.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (kind, message));
}

const OPENAI: &str = concat!(
    ": welcome\n",
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Up\u{e9}\"}}]}\n\n",
    "id: 7\nretry: 3\n: keep-alive\n\n",
    "data: {\"choices\":[{\"delta\":\n",
    "data: {\"reasoning_content\":\"x\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);

const OPENAI_EVENTS: [Event; 4] =
    [Event::Piece, Event::Piece, Event::Tokens { input: Some(12), output: Some(2) }, Event::Done];

const OLLAMA: &str = concat!(
    "{\"message\":{\"content\":\"\",\"thinking\":\"x\"},\"done\":false}\n",
    "\n",
    "{\"message\":{\"content\":\"Up\u{e9}\"},\"done\":false}\n",
    "{\"message\":{\"content\":\"\"},\"done\":true,\"load_duration\":5000000,",
    "\"prompt_eval_count\":12,\"eval_count\":2}\n",
);

const OLLAMA_EVENTS: [Event; 5] = [
    Event::Piece,
    Event::Piece,
    Event::Tokens { input: Some(12), output: Some(2) },
    Event::Load(Duration::from_millis(5)),
    Event::Done,
];

#[test]
fn a_stream_says_the_same_wherever_it_is_split_and_however_its_lines_end() {
    for (api, text, expected) in
        [(Api::OpenAi, OPENAI, &OPENAI_EVENTS[..]), (Api::Ollama, OLLAMA, &OLLAMA_EVENTS[..])]
    {
        for line_end in ["\n", "\r\n", "\r"] {
            let text = text.replace('\n', line_end);
            let bytes = text.as_bytes();
            for at in 0..=bytes.len() {
                let (events, end) = read(api, [&bytes[..at], &bytes[at..]]);
                assert_eq!((events.as_slice(), end), (expected, Ok(())), "{api:?} split at {at}");
            }
            let (events, end) = read(api, bytes.chunks(1));
            assert_eq!((events.as_slice(), end), (expected, Ok(())), "{api:?} byte by byte");
        }
    }
}

#[test]
fn a_stream_that_stops_anywhere_before_its_end_is_half_an_answer() {
    // The last line may lack its end, and server-sent events the blank line after it.
    for (api, text, needed) in [
        (Api::OpenAi, OPENAI, OPENAI.trim_end().len()),
        (Api::Ollama, OLLAMA, OLLAMA.trim_end().len()),
    ] {
        for at in 0..text.len() {
            let (_, end) = read(api, [&text.as_bytes()[..at]]);
            match end {
                Ok(()) => assert!(at >= needed, "{api:?} cut at {at} is no whole answer"),
                Err(failure) => {
                    assert!(at < needed, "{api:?} cut at {at}: {failure:?}");
                    assert_eq!(failure.kind, Kind::HalfAnswer, "{api:?} cut at {at}");
                }
            }
        }
    }
}

#[test]
fn the_end_may_be_written_without_a_space_and_what_follows_is_passed_over() {
    let (events, end) = openai(
        "\u{feff}data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]\nnoise\n\n",
    );
    assert_eq!((events, end), (vec![Event::Piece, Event::Done], Ok(())));
    let (events, end) =
        ollama("{\"message\":{\"content\":\"a\"},\"done\":true}\n{\"error\":\"late\"}\nx");
    let none = Event::Tokens { input: None, output: None };
    assert_eq!((events, end), (vec![Event::Piece, none, Event::Done], Ok(())));
}

#[test]
fn an_error_inside_the_stream_is_the_servers() {
    fails(
        openai("data: {\"error\":{\"message\":\"out of\\nmemory\"}}\n\n"),
        Kind::Server,
        "out of memory",
    );
    fails(openai("event: error\ndata: {\"message\":\"too long\"}\n\n"), Kind::Server, "too long");
    fails(ollama("{\"error\":\"model not found\"}\n"), Kind::Server, "model not found");
    // The name of an event holds for that event alone, and an error of null is none.
    let (events, end) = openai(
        "event: error\n\ndata: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n",
    );
    assert_eq!((events, end), (vec![Event::Piece, Event::Done], Ok(())));
}

#[test]
fn what_is_not_json_is_quoted() {
    fails(
        openai("data: {\"choices\":[{\"del\n\n"),
        Kind::Invalid,
        "not JSON: {\"choices\":[{\"del",
    );
    fails(openai("data: 3\n\n"), Kind::Invalid, "not a JSON object: 3");
    fails(ollama("<html>\n"), Kind::Invalid, "not JSON: <html>");
    fails(ollama("\u{1b}[2J\n"), Kind::Invalid, "not JSON: [2J");
    let nested = format!("data: {}\n\n", "[".repeat(100_000));
    assert_eq!(openai(&nested).1.unwrap_err().kind, Kind::Invalid);
}

#[test]
fn odd_objects_are_no_text_and_no_failure() {
    let odd = "data: {\"choices\":{\"a\":1}}\n\ndata: {\"choices\":[3,{\"delta\":[]},{\"delta\":{\"content\":[]}}]}\n\n\
               data: {\"type\":\"ping\",\"usage\":{\"prompt_tokens\":-1}}\n\ndata: [DONE]\n\n";
    let none = Event::Tokens { input: None, output: None };
    assert_eq!(openai(odd), (vec![none, Event::Done], Ok(())));
    let (events, end) =
        ollama("{\"message\":\"x\",\"done\":\"yes\"}\n{\"done\":true,\"eval_count\":1.5}\n");
    assert_eq!((events, end), (vec![none, Event::Done], Ok(())));
}

#[test]
fn an_answer_that_is_not_streamed_is_half_an_answer() {
    let message = "the answer ended without `data: [DONE]`";
    fails(openai("{\"choices\":[{\"message\":{\"content\":\"a\"}}]}"), Kind::HalfAnswer, message);
    fails(openai(""), Kind::HalfAnswer, message);
    fails(ollama(""), Kind::HalfAnswer, "the answer ended without `\"done\": true`");
}

#[test]
fn the_memory_of_an_event_is_bounded() {
    let line = format!("data: {}\n", "x".repeat(1000));
    let text = line.repeat(2 * LINE_BYTES_MAX / 1000);
    assert_eq!(openai(&text).1.unwrap_err().kind, Kind::TooLarge);
    let long = vec![b'x'; LINE_BYTES_MAX + 1];
    assert_eq!(read(Api::Ollama, [&long[..]]).1.unwrap_err().kind, Kind::TooLarge);
}
