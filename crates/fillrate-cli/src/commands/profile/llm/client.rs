//! The client of one server.

use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::answer::{Answer, Clock};
use super::api::{Address, Api};
use super::failure::{Failure, Kind};
use super::prompts::Prompt;
use crate::failure::hinted;
use crate::settings::ApiKey;

/// A whole answer may take this many times as long as a silence in it.
const TOTAL_TIMEOUTS: u32 = 10;
/// The most of a server's error message or of what it says about itself that is read, in bytes.
const TALK_BYTES_MAX: u64 = 1 << 20;

/// What is asked of every request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The model's name on the server.
    pub(super) model: String,
    /// The most tokens of an answer.
    pub(super) tokens_max: u32,
}

/// A client that speaks one protocol with one server.
pub(super) struct Client {
    http: Http,
    address: Address,
    /// The protocol.
    pub(super) api: Api,
}

impl Client {
    /// A client for the server at `address`, which is asked for its protocol if `address` does
    /// not tell it.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached or speaks neither protocol.
    pub(super) fn connect(http: Http, address: Address) -> anyhow::Result<Self> {
        let api = match address.told {
            Some(api) => api,
            None => http.protocol(&address)?,
        };
        Ok(Self { http, address, api })
    }

    /// Asks one question and reads the answer.
    ///
    /// # Errors
    ///
    /// If no whole answer comes.
    pub(super) fn ask(
        &self,
        request: &Request,
        prompt: &Prompt,
        clock: &dyn Clock,
    ) -> Result<Answer, Failure> {
        let body = self.api.request(&request.model, prompt, request.tokens_max).to_string();
        let url = self.address.chat(self.api);
        let sent = clock.now();
        self.http
            .post(&url, &body)
            .and_then(|response| {
                Answer::read(response.into_body().into_reader(), self.api, sent, clock)
            })
            .map_err(|failure| self.http.without_key(failure))
    }
}

/// The connections to a server, and what it is told about who asks.
pub(super) struct Http {
    agent: Agent,
    key: Option<ApiKey>,
}

impl Http {
    /// Up to `connections` at a time; `timeout` bounds the wait for a connection and every
    /// silence, and ten times as much the whole answer.
    pub(super) fn new(connections: usize, timeout: Duration, key: Option<ApiKey>) -> Self {
        let agent = Agent::config_builder()
            .user_agent(concat!("fillrate/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // A key must not leave for another host, and a redirect would be timed as an answer.
            .max_redirects(0)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .timeout_global(Some(timeout.saturating_mul(TOTAL_TIMEOUTS)))
            .build()
            .new_agent();
        Self { agent, key }
    }

    fn bearer(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("Bearer {}", key.secret()))
    }

    fn post(&self, url: &str, body: &str) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.post(url).header(header::CONTENT_TYPE, "application/json");
        // A compressed stream would arrive in other pieces than it was made.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Some(bearer) = self.bearer() {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let response = request.send(body).map_err(|error| Failure::of_transport(&error))?;
        if response.status() == 200 {
            return Ok(response);
        }
        let status = response.status().as_u16();
        // What it said may break off too; the status is the failure.
        let mut said = vec![];
        let body = response.into_body().into_reader();
        let _ = body.take(TALK_BYTES_MAX).read_to_end(&mut said);
        Err(Failure::of_status(status, &said))
    }

    /// Finds out which protocol a server speaks. Ollama speaks both, its own tells more.
    fn protocol(&self, address: &Address) -> anyhow::Result<Api> {
        let mut heard = vec![];
        for api in [Api::Ollama, Api::OpenAi] {
            let url = address.sign(api);
            match self.get(&url) {
                Ok(sign) if is_sign(&sign, api) => return Ok(api),
                Ok(_) => heard.push(format!("{url} is no answer of it")),
                // Only a server of that protocol has something to guard there.
                Err(Failure { status: Some(401 | 403), .. }) if api == Api::OpenAi => {
                    return Ok(api);
                }
                Err(failure) if matches!(failure.kind, Kind::Refused | Kind::Unreachable) => {
                    let failure = self.without_key(failure);
                    return Err(hinted(
                        format!("{}: {}", address.url, failure.message),
                        "start the server, or check --llm",
                    ));
                }
                Err(failure) => {
                    heard.push(format!("{url}: {}", self.without_key(failure).message));
                }
            }
        }
        Err(hinted(
            format!("{}: neither Ollama nor OpenAI-compatible: {}", address.url, heard.join("; ")),
            "check --llm, or name the protocol with `--llm-api openai` or `--llm-api ollama`",
        ))
    }

    fn get(&self, url: &str) -> Result<Value, Failure> {
        let mut request = self.agent.get(url);
        if let Some(bearer) = self.bearer() {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let response = request.call().map_err(|error| Failure::of_transport(&error))?;
        let status = response.status().as_u16();
        let body = response.into_body().into_with_config().limit(TALK_BYTES_MAX).read_to_vec();
        match (status, body) {
            (200, Ok(body)) => Ok(serde_json::from_slice(&body).unwrap_or_default()),
            (200, Err(error)) => Err(Failure::in_the_middle(&error, 0)),
            (status, body) => Err(Failure::of_status(status, &body.unwrap_or_default())),
        }
    }

    /// Takes the key out of a server's words, which may repeat it.
    fn without_key(&self, mut failure: Failure) -> Failure {
        if let Some(key) = &self.key {
            failure.message = failure.message.replace(key.secret(), "[key]");
        }
        failure
    }
}

/// Whether `answer` is what a server of that protocol says about itself.
fn is_sign(answer: &Value, api: Api) -> bool {
    match api {
        Api::OpenAi => answer["data"].is_array(),
        Api::Ollama => answer["version"].is_string(),
    }
}
