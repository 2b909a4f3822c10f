//! The few requests that pulling a model takes, as `huggingface_hub` makes them.

use std::io::Read;
use std::time::Duration;

use anyhow::Context;
use fillrate::text::registry::{is_commit, is_hex};
use serde::Deserialize;
use ureq::http::{HeaderMap, Response, header};
use ureq::{Agent, Body};

use crate::failure::hinted;
use crate::settings::HubSettings;

/// How long to wait for a connection and for the next bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer of the API that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// How often one request may be sent elsewhere.
const REDIRECTS_MAX: usize = 5;

/// A client of one Hugging Face Hub or mirror.
pub(super) struct HubClient {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
}

/// A repository at one commit.
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    /// The commit.
    #[serde(rename = "sha")]
    pub(super) commit: String,
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Repository {
    /// Whether it has a file of this name at its root.
    pub(super) fn has(&self, file: &str) -> bool {
        self.siblings.iter().any(|sibling| sibling.rfilename == file)
    }
}

/// A file on the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Its name.
    pub(super) name: String,
    /// Where it is.
    pub(super) url: String,
    /// What the Hub calls its contents: SHA-256 for a large file, a git hash for a small one.
    pub(super) etag: String,
    /// Its size in bytes.
    pub(super) size_bytes: u64,
}

impl RemoteFile {
    /// The SHA-256 that the Hub states, if it does.
    pub(super) fn sha256(&self) -> Option<&str> {
        (self.etag.len() == 64 && is_hex(&self.etag)).then_some(self.etag.as_str())
    }
}

/// Why bytes did not come.
#[derive(Debug)]
pub(super) struct Failure {
    /// What happened.
    pub(super) error: anyhow::Error,
    /// Whether it may go better the next time.
    pub(super) is_transient: bool,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, is_transient: false }
    }
}

#[derive(Deserialize)]
struct Discussions {
    discussions: Vec<Discussion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discussion {
    num: u64,
    title: String,
    status: String,
    #[serde(default)]
    is_pull_request: bool,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
}

impl HubClient {
    pub(super) fn new(settings: &HubSettings) -> Self {
        let agent = Agent::config_builder()
            .user_agent(concat!("fillrate/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // Redirects are followed here, since the Hub's headers come with the first answer and
            // its token must not leave for another host.
            .max_redirects(0)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .build()
            .new_agent();
        Self { agent, endpoint: settings.endpoint.clone(), token: settings.token() }
    }

    /// Which commit `revision` of `repo` is, and what files it has.
    pub(super) fn repository(&self, repo: &str, revision: &str) -> anyhow::Result<Repository> {
        let revision_part = revision.replace('/', "%2F");
        let url = format!("{}/api/models/{repo}/revision/{revision_part}", self.endpoint);
        let response = self.send(&url, Method::Get { from: 0 }).map_err(|failure| failure.error)?;
        if response.status() != 200 {
            return Err(refused(&response, repo, &format!("revision {revision}")));
        }
        let repository: Repository = read_json(response, &url)?;
        if !is_commit(&repository.commit) {
            let message = format!("{url}: `{}` is not a commit", repository.commit);
            return Err(hinted(message, MIRROR_HINT));
        }
        Ok(repository)
    }

    /// The revision at which Hugging Face's own robot offers `repo` converted to safetensors.
    pub(super) fn conversion(&self, repo: &str) -> anyhow::Result<Option<String>> {
        let url = format!("{}/api/models/{repo}/discussions", self.endpoint);
        let response = self.send(&url, Method::Get { from: 0 }).map_err(|failure| failure.error)?;
        if response.status() != 200 {
            return Err(refused(&response, repo, "its pull requests"));
        }
        let Discussions { discussions } = read_json(response, &url)?;
        let offer = discussions.into_iter().find(|discussion| {
            discussion.is_pull_request
                && discussion.status == "open"
                && discussion.title == "Adding `safetensors` variant of this model"
                && discussion.author.as_ref().is_some_and(|author| author.name == "SFconvertbot")
        });
        Ok(offer.map(|offer| format!("refs/pr/{}", offer.num)))
    }

    /// What the Hub says of one file, without its contents.
    pub(super) fn head(&self, repo: &str, commit: &str, file: &str) -> anyhow::Result<RemoteFile> {
        let url = format!("{}/{repo}/resolve/{commit}/{file}", self.endpoint);
        let response = self.send(&url, Method::Head).map_err(|failure| failure.error)?;
        let status = response.status();
        if !status.is_success() && !status.is_redirection() {
            return Err(refused(&response, repo, file));
        }
        let headers = response.headers();
        let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag"));
        let size = text(headers, "x-linked-size").or_else(|| text(headers, "content-length"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
        let size_bytes = size.and_then(|size| size.parse().ok());
        match (etag.filter(|etag| is_etag(etag)), size_bytes) {
            (Some(etag), Some(size_bytes)) => {
                Ok(RemoteFile { name: file.to_owned(), url, etag, size_bytes })
            }
            _ => Err(hinted(format!("{url}: the answer has no usable ETag and size"), MIRROR_HINT)),
        }
    }

    /// The contents of a file from byte `from` on, and the byte they really begin at.
    pub(super) fn open(
        &self,
        file: &RemoteFile,
        from: u64,
    ) -> Result<(u64, impl Read + use<>), Failure> {
        let response = self.send(&file.url, Method::Get { from })?;
        let begins_at = match response.status().as_u16() {
            200 => 0,
            206 => range_start(response.headers()).unwrap_or(u64::MAX),
            status => {
                let error = refused(&response, &file.url, &file.name);
                return Err(Failure { error, is_transient: status == 429 || status >= 500 });
            }
        };
        if begins_at != 0 && begins_at != from {
            let message = format!("{}: the server sent another range than asked for", file.url);
            return Err(hinted(message, MIRROR_HINT).into());
        }
        Ok((begins_at, response.into_body().into_with_config().limit(u64::MAX).reader()))
    }

    /// Sends a request and follows where it is sent.
    fn send(&self, url: &str, method: Method) -> Result<Response<Body>, Failure> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send_once(&url, method)?;
            let Some(location) = text(response.headers(), "location") else { return Ok(response) };
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next = absolute(&url, location)?;
            // The headers that describe a large file come with the redirect to its contents.
            let describes = response.headers().contains_key("x-linked-etag")
                || origin(&next) != origin(&self.endpoint);
            if method == Method::Head && describes {
                return Ok(response);
            }
            url = next;
        }
        Err(hinted(format!("{url}: redirected too often"), MIRROR_HINT).into())
    }

    fn send_once(&self, url: &str, method: Method) -> Result<Response<Body>, Failure> {
        let mut request = match method {
            Method::Head => self.agent.head(url),
            Method::Get { .. } => self.agent.get(url),
        };
        // A compressed answer would have another length and no ranges.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Method::Get { from: from @ 1.. } = method {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = &self.token
            && origin(url) == origin(&self.endpoint)
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call().map_err(|error| {
            let is_transient = matches!(error, ureq::Error::Io(_) | ureq::Error::Timeout(_));
            let error = anyhow::Error::new(error).context(format!("cannot reach {url}"));
            Failure { error, is_transient }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Head,
    Get { from: u64 },
}

const MIRROR_HINT: &str = "HF_ENDPOINT must name the Hugging Face Hub or a mirror of it";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether an `ETag` can name a file.
fn is_etag(etag: &str) -> bool {
    (1..=128).contains(&etag.len())
        && etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The first byte of `Content-Range: bytes FIRST-LAST/SIZE`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    text(headers, "content-range")?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// Scheme, host and port: the part of a URL up to the first slash of its path.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url[host..].find(['/', '?', '#']).map_or(url.len(), |path| host + path);
    &url[..path]
}

/// Where `location`, found at `url`, leads.
fn absolute(url: &str, location: &str) -> anyhow::Result<String> {
    if location.starts_with("https://") || location.starts_with("http://") {
        if url.starts_with("https://") && location.starts_with("http://") {
            anyhow::bail!("{url}: redirected from https to http");
        }
        return Ok(location.to_owned());
    }
    if location.starts_with('/') && !location.starts_with("//") {
        return Ok(format!("{}{location}", origin(url)));
    }
    Err(hinted(format!("{url}: redirected to `{location}`"), MIRROR_HINT))
}

fn read_json<T: serde::de::DeserializeOwned>(
    response: Response<Body>,
    url: &str,
) -> anyhow::Result<T> {
    let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let body = body.with_context(|| format!("cannot read {url}"))?;
    serde_json::from_slice(&body)
        .map_err(|error| hinted(format!("{url}: not an answer of the Hub: {error}"), MIRROR_HINT))
}

/// The error that an answer other than success stands for.
///
/// Source: `huggingface_hub.utils.hf_raise_for_status`, which tells these apart by
/// `X-Error-Code`.
fn refused(response: &Response<Body>, repo: &str, what: &str) -> anyhow::Error {
    let status = response.status().as_u16();
    let code = text(response.headers(), "x-error-code").unwrap_or_default();
    match (status, code) {
        (_, "GatedRepo") => hinted(
            format!("{repo}: access has to be requested on its page (HTTP {status}, gated)"),
            "accept its terms there, then set HF_TOKEN to a token of that account",
        ),
        (404, "RevisionNotFound" | "EntryNotFound") => hinted(
            format!("{repo}: the Hub has no {what} (HTTP 404)"),
            "leave --revision out to take the one that Fillrate pins",
        ),
        (401 | 403, _) => hinted(
            format!("{repo}: the Hub refuses access (HTTP {status})"),
            "the repository is private or gone, or HF_TOKEN is wrong; \
             tokens are made at https://huggingface.co/settings/tokens",
        ),
        (404, _) => hinted(
            format!("{repo}: not found: {what} (HTTP 404)"),
            "check --revision, and that HF_ENDPOINT names the Hub or a mirror that has the model",
        ),
        (429, _) => hinted(
            format!("{repo}: the Hub asks to slow down (HTTP 429)"),
            "try again in some minutes, or set HF_TOKEN",
        ),
        _ => hinted(format!("{repo}: the Hub failed (HTTP {status})"), "try again later"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_compared_without_path() {
        assert_eq!(origin("https://huggingface.co/a/b"), "https://huggingface.co");
        assert_eq!(origin("http://127.0.0.1:80?x"), "http://127.0.0.1:80");
        assert_ne!(origin("https://huggingface.co.evil.net/"), origin("https://huggingface.co"));
    }

    #[test]
    fn redirects_stay_on_the_web_and_keep_their_encryption() {
        let from = "https://huggingface.co/a";
        assert_eq!(absolute(from, "/b?c").unwrap(), "https://huggingface.co/b?c");
        assert_eq!(absolute(from, "https://cdn.net/b").unwrap(), "https://cdn.net/b");
        for bad in ["http://cdn.net/b", "file:///etc/passwd", "//cdn.net/b", "b"] {
            assert!(absolute(from, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn etags_become_file_names_only_if_harmless() {
        assert!(is_etag(&"ab".repeat(32)));
        for bad in ["", "..", "a/b", "a.b", "a\\b", &"a".repeat(129)] {
            assert!(!is_etag(bad), "{bad}");
        }
    }
}
