//! A Hugging Face Hub on this machine, with the faults that networks have.
//!
//! It answers as the real one does: small files after a redirect on the same host, large files
//! after one to another host, which is where ranges are served.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fillrate::text::registry::{WEIGHTS_FILE, hex};
use sha2::{Digest, Sha256};

/// The commit at which every revision stands, unless told otherwise.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Every request of the Hub is refused with this status and `X-Error-Code`.
    pub(crate) refuse: Option<(u16, &'static str)>,
    /// The connection closes after so many bytes of the weights, so many times.
    pub(crate) cut_after: usize,
    /// How many answers are still to be cut.
    pub(crate) cuts_left: usize,
    /// A byte of the weights is another than the Hub announces.
    pub(crate) corrupt: bool,
    /// Ranges are not understood: everything is sent again.
    pub(crate) ignore_ranges: bool,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range: Option<u64>,
    pub(crate) has_token: bool,
    /// Whether it came to the host that serves large files.
    pub(crate) is_cdn: bool,
}

/// The server; it answers until the test ends.
pub(crate) struct FakeHub {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

struct State {
    files: BTreeMap<String, Vec<u8>>,
    commit: String,
    conversion: Option<u64>,
    faults: Faults,
    requests: Vec<Request>,
    cdn: String,
}

impl FakeHub {
    /// A Hub with these files in every repository.
    pub(crate) fn serving(files: &[(&str, &[u8])]) -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let cdn = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let endpoint = url(&hub);
        let files =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let state = Arc::new(Mutex::new(State {
            files,
            commit: COMMIT.to_owned(),
            conversion: None,
            faults: Faults::default(),
            requests: vec![],
            cdn: url(&cdn),
        }));
        for (listener, is_cdn) in [(hub, false), (cdn, true)] {
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    // A client that went away is no failure of the server.
                    std::thread::spawn(move || drop(answer(&state, stream, is_cdn)));
                }
            });
        }
        Self { endpoint, state }
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state.lock().unwrap().faults = faults;
    }

    pub(crate) fn set_commit(&self, commit: &str) {
        commit.clone_into(&mut self.state.lock().unwrap().commit);
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.state.lock().unwrap().files.insert(name.to_owned(), bytes.to_vec());
    }

    pub(crate) fn remove(&self, name: &str) {
        self.state.lock().unwrap().files.remove(name);
    }

    /// Offers a conversion to safetensors as pull request `number`.
    pub(crate) fn offer_conversion(&self, number: u64) {
        self.state.lock().unwrap().conversion = Some(number);
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The requests for the contents of the weights so far.
    pub(crate) fn weight_requests(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.is_cdn).collect()
    }
}

/// A safetensors file with one tensor of `values` floats.
pub(crate) fn weights(values: usize) -> Vec<u8> {
    let bytes = 4 * values;
    let header =
        format!(r#"{{"w":{{"dtype":"F32","shape":[{values}],"data_offsets":[0,{bytes}]}}}}"#);
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend((0..values).flat_map(|value| (value as f32).to_le_bytes()));
    file
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn answer(state: &Mutex<State>, stream: TcpStream, is_cdn: bool) -> std::io::Result<()> {
    let request = read_request(&stream, is_cdn)?;
    let response = {
        let mut state = state.lock().unwrap();
        state.requests.push(request.clone());
        state.respond(&request)
    };
    response.send(&request, stream)
}

fn read_request(stream: &TcpStream, is_cdn: bool) -> std::io::Result<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut words = first.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        range: None,
        has_token: false,
        is_cdn,
    };
    for line in lines {
        let line = line?.to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            request.range = range.trim_end_matches('-').parse().ok();
        }
        request.has_token |= line.starts_with("authorization: bearer ");
    }
    Ok(request)
}

/// An answer; `cut_after` bytes of its body are sent if that is fewer than there are.
struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cut_after: usize,
}

impl Response {
    fn new(status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, body, cut_after: usize::MAX }
    }

    fn send(self, request: &Request, mut stream: TcpStream) -> std::io::Result<()> {
        write!(stream, "HTTP/1.1 {} Whatever\r\nConnection: close\r\n", self.status)?;
        for (name, value) in &self.headers {
            write!(stream, "{name}: {value}\r\n")?;
        }
        write!(stream, "Content-Length: {}\r\n\r\n", self.body.len())?;
        if request.method != "HEAD" {
            stream.write_all(&self.body[..self.cut_after.min(self.body.len())])?;
        }
        stream.flush()
    }
}

impl State {
    fn respond(&mut self, request: &Request) -> Response {
        if request.is_cdn {
            return self.contents(request);
        }
        if let Some((status, code)) = self.faults.refuse {
            return Response::new(status, vec![("X-Error-Code", code.to_owned())], vec![]);
        }
        if request.path.starts_with("/api/models/") && request.path.contains("/revision/") {
            return Response::new(200, vec![], self.repository().into_bytes());
        }
        if request.path.ends_with("/discussions") {
            return Response::new(200, vec![], self.discussions().into_bytes());
        }
        let name = request.path.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(bytes) = self.files.get(&name) else {
            return Response::new(404, vec![("X-Error-Code", "EntryNotFound".to_owned())], vec![]);
        };
        let commit = ("X-Repo-Commit", self.commit.clone());
        if name == WEIGHTS_FILE {
            let headers = vec![
                commit,
                ("X-Linked-Etag", format!("\"{}\"", sha256(bytes))),
                ("X-Linked-Size", bytes.len().to_string()),
                ("Location", format!("{}/{name}?signature=1", self.cdn)),
            ];
            return Response::new(302, headers, vec![]);
        }
        if !request.path.starts_with("/cache/") {
            let headers = vec![commit, ("Location", format!("/cache/{name}"))];
            return Response::new(307, headers, vec![]);
        }
        // Git's own hash is SHA-1; only its length matters here.
        let etag = ("ETag", format!("\"{}\"", &sha256(bytes)[..40]));
        Response::new(200, vec![commit, etag], bytes.clone())
    }

    fn contents(&mut self, request: &Request) -> Response {
        let mut bytes = self.files[WEIGHTS_FILE].clone();
        if self.faults.corrupt {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        let from = request.range.filter(|_| !self.faults.ignore_ranges).unwrap_or(0) as usize;
        let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        let (status, headers) =
            if from > 0 { (206, vec![("Content-Range", range)]) } else { (200, vec![]) };
        let mut response = Response::new(status, headers, bytes.split_off(from));
        if self.faults.cuts_left > 0 {
            self.faults.cuts_left -= 1;
            response.cut_after = self.faults.cut_after;
        }
        response
    }

    fn repository(&self) -> String {
        let files: Vec<_> =
            self.files.keys().map(|name| format!(r#"{{"rfilename":"{name}"}}"#)).collect();
        format!(r#"{{"sha":"{}","siblings":[{}]}}"#, self.commit, files.join(","))
    }

    fn discussions(&self) -> String {
        let offer = self.conversion.map(|number| {
            format!(
                r#"{{"num":{number},"title":"Adding `safetensors` variant of this model",
                    "status":"open","isPullRequest":true,"author":{{"name":"SFconvertbot"}}}}"#
            )
        });
        // A stranger's offer of the same title must not be taken.
        let stranger = r#"{"num":99,"title":"Adding `safetensors` variant of this model",
            "status":"open","isPullRequest":true,"author":{"name":"stranger"}}"#;
        let all: Vec<_> = [Some(stranger.to_owned()), offer].into_iter().flatten().collect();
        format!(r#"{{"discussions":[{}],"count":{}}}"#, all.join(","), all.len())
    }
}
