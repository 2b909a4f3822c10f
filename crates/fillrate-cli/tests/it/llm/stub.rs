//! A server of a language model that does what a test tells it, however rude.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Method and path: `POST /v1/chat/completions`.
    pub(super) line: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Value,
    /// Which connection it came on, from 0.
    pub(super) connection: usize,
}

/// What the server does next.
pub(super) enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes until the client goes.
    Flood(Vec<u8>),
    /// Sends these bytes now and then until the client goes.
    Drip(Vec<u8>),
    /// Says nothing until the client goes.
    Hang,
    /// Closes the connection.
    Close,
}

/// The server; it answers until the test ends.
pub(super) struct Stub {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    /// A server that answers each request with what `answer` says.
    pub(super) fn answering(
        answer: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                // A client that went away is no failure of the server.
                std::thread::spawn(move || drop(serve(stream, connection, &seen, &*answer)));
            }
        });
        Self { url, requests }
    }

    /// A server that answers every request in the same way.
    pub(super) fn always(steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::answering(move |_| steps())
    }

    /// Every request so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// The start of a streamed answer.
pub(super) fn stream() -> Step {
    send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// A chunk of a streamed answer.
pub(super) fn chunk(text: &str) -> Step {
    send(&format!("{:x}\r\n{text}\r\n", text.len()))
}

/// The end of a streamed answer.
pub(super) fn end() -> Step {
    send("0\r\n\r\n")
}

/// A whole answer that is not streamed.
pub(super) fn whole(status: u16, body: &str) -> Vec<Step> {
    vec![send(&format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))]
}

pub(super) fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

fn serve(
    mut stream: TcpStream,
    connection: usize,
    seen: &Mutex<Vec<Request>>,
    answer: &dyn Fn(&Request) -> Vec<Step>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read_request(&mut reader, connection)? {
        seen.lock().unwrap().push(request.clone());
        for step in answer(&request) {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes)?,
                Step::Flood(bytes) => loop {
                    stream.write_all(&bytes)?;
                },
                Step::Drip(bytes) => loop {
                    stream.write_all(&bytes)?;
                    std::thread::sleep(Duration::from_millis(5));
                },
                Step::Hang => drop(reader.read(&mut [0])?),
                Step::Close => return Ok(()),
            }
        }
    }
    Ok(())
}

/// The next request on a connection; none if the client has closed it.
fn read_request(
    reader: &mut BufReader<TcpStream>,
    connection: usize,
) -> std::io::Result<Option<Request>> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let Some(line) = first.trim_end().strip_suffix(" HTTP/1.1") else { return Ok(None) };
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Some(Request { line: line.to_owned(), authorization, body, connection }))
}
