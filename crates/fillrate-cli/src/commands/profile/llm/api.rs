//! The two protocols, where a server has them, and which one it speaks.

use serde::Serialize;
use serde_json::{Value, json};
use ureq::http::Uri;

use super::prompts::Prompt;
use crate::cli::ApiChoice;
use crate::failure::hinted;

/// The protocol that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Api {
    /// `/v1/chat/completions` and server-sent events.
    OpenAi,
    /// `/api/chat` and a JSON object a line.
    Ollama,
}

impl Api {
    /// Its name, as it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
        }
    }

    /// What asks `model` for an answer, streamed and as repeatable as the server can make it.
    pub(super) fn request(self, model: &str, prompt: &Prompt, tokens_max: u32) -> Value {
        let mut messages = vec![json!({"role": "user", "content": prompt.text})];
        if let Some(system) = &prompt.system {
            messages.insert(0, json!({"role": "system", "content": system}));
        }
        match self {
            Self::OpenAi => json!({
                "model": model,
                "messages": messages,
                "stream": true,
                "stream_options": {"include_usage": true},
                "max_tokens": tokens_max,
                "temperature": 0,
            }),
            Self::Ollama => json!({
                "model": model,
                "messages": messages,
                "stream": true,
                "options": {"num_predict": tokens_max, "temperature": 0},
            }),
        }
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The address as typed, without a slash at the end.
    pub(super) url: String,
    /// What stands before `/chat/completions` and `/models`.
    openai_root: String,
    /// What stands before `/api/chat` and `/api/version`.
    ollama_root: String,
    /// The protocol that the address itself tells.
    pub(super) told: Option<Api>,
}

impl Address {
    /// Reads an address: the server's, or that of either protocol at it.
    ///
    /// # Errors
    ///
    /// If it is no web address, or holds a password, a query or a fragment.
    pub(super) fn parse(typed: &str, choice: ApiChoice) -> anyhow::Result<Self> {
        check(typed)?;
        let url = typed.trim_end_matches('/').to_owned();
        let strip = |ends: &[&str]| ends.iter().find_map(|end| url.strip_suffix(end));
        let openai =
            strip(&["/chat/completions", "/models"]).or(url.ends_with("/v1").then_some(&url));
        let ollama = strip(&["/api/chat", "/api/generate", "/api/version", "/api"]);
        // What says nothing about the protocol that was asked for is a part of the path.
        let (openai, ollama) = match choice {
            ApiChoice::OpenAi => (openai, None),
            ApiChoice::Auto | ApiChoice::Ollama => (openai, ollama),
        };
        let told = match (openai, ollama, choice) {
            (_, _, ApiChoice::OpenAi) | (Some(_), _, ApiChoice::Auto) => Some(Api::OpenAi),
            (_, _, ApiChoice::Ollama) | (None, Some(_), _) => Some(Api::Ollama),
            (None, None, ApiChoice::Auto) => None,
        };
        let root = openai.map(|root| root.strip_suffix("/v1").unwrap_or(root));
        Ok(Self {
            openai_root: openai.map_or_else(|| format!("{url}/v1"), str::to_owned),
            ollama_root: ollama.or(root).unwrap_or(&url).to_owned(),
            told,
            url,
        })
    }

    /// Where an answer is asked for.
    pub(super) fn chat(&self, api: Api) -> String {
        match api {
            Api::OpenAi => format!("{}/chat/completions", self.openai_root),
            Api::Ollama => format!("{}/api/chat", self.ollama_root),
        }
    }

    /// What only a server that speaks `api` answers.
    pub(super) fn sign(&self, api: Api) -> String {
        match api {
            Api::OpenAi => format!("{}/models", self.openai_root),
            Api::Ollama => format!("{}/api/version", self.ollama_root),
        }
    }

    /// Whether nobody on the way can read what is sent: it is encrypted or stays on this machine.
    pub(super) fn is_private(&self) -> bool {
        let Some(plain) = self.url.strip_prefix("http://") else { return true };
        let host = plain.split('/').next().unwrap_or_default();
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

/// Refuses what is no address of a server; the message does not repeat what may be a password.
fn check(typed: &str) -> anyhow::Result<()> {
    const HINT: &str = "it takes one such as http://localhost:11434 or https://host/v1";
    let rest = typed.strip_prefix("https://").or_else(|| typed.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    if typed.contains('@') {
        return Err(hinted(
            "--llm: the address holds a name or a password",
            "leave it out and set FILLRATE_LLM_API_KEY instead",
        ));
    }
    if authority.is_none_or(str::is_empty) {
        return Err(hinted(format!("--llm: `{typed}` is not a web address"), HINT));
    }
    if typed.contains(['?', '#']) {
        return Err(hinted("--llm: the address has a query or a fragment", HINT));
    }
    // `Uri` takes any digits, or none, for a port.
    let port = authority.and_then(|authority| authority.rsplit_once(':')).map(|(_, port)| port);
    let has_port = port.is_none_or(|port| {
        port.ends_with(']') || port.parse::<u16>().is_ok_and(|number| number > 0)
    });
    match typed.parse::<Uri>() {
        Ok(uri) if uri.host().is_some() && has_port => Ok(()),
        _ => Err(hinted(format!("--llm: `{typed}` is not a web address"), HINT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(typed: &str, choice: ApiChoice) -> Address {
        Address::parse(typed, choice).unwrap()
    }

    #[test]
    fn every_usual_form_of_an_address_leads_to_the_same_place() {
        for typed in [
            "http://h:1",
            "http://h:1/",
            "http://h:1//",
            "http://h:1/v1",
            "http://h:1/v1/",
            "http://h:1/v1/chat/completions",
            "http://h:1/v1/models",
        ] {
            let address = address(typed, ApiChoice::OpenAi);
            assert_eq!(address.chat(Api::OpenAi), "http://h:1/v1/chat/completions", "{typed}");
            assert_eq!(address.sign(Api::OpenAi), "http://h:1/v1/models", "{typed}");
            assert_eq!(address.told, Some(Api::OpenAi));
        }
        for typed in
            ["http://h:1", "http://h:1/", "http://h:1/api", "http://h:1/api/chat/", "http://h:1/v1"]
        {
            let address = address(typed, ApiChoice::Ollama);
            assert_eq!(address.chat(Api::Ollama), "http://h:1/api/chat", "{typed}");
            assert_eq!(address.sign(Api::Ollama), "http://h:1/api/version", "{typed}");
        }
    }

    #[test]
    fn an_address_tells_its_protocol_if_it_names_one() {
        let told = |typed| address(typed, ApiChoice::Auto).told;
        assert_eq!(told("http://h"), None);
        assert_eq!(told("http://h/prefix/"), None);
        assert_eq!(told("http://h/v1"), Some(Api::OpenAi));
        assert_eq!(told("http://h/api/generate"), Some(Api::Ollama));
        // The path of a router, whose own prefix is `/api`.
        let router = address("https://h/api/v1", ApiChoice::Auto);
        assert_eq!(router.told, Some(Api::OpenAi));
        assert_eq!(router.chat(Api::OpenAi), "https://h/api/v1/chat/completions");
        let odd = address("https://h/v4/chat/completions", ApiChoice::Auto);
        assert_eq!(odd.chat(Api::OpenAi), "https://h/v4/chat/completions");
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_a_password() {
        for bad in [
            "",
            "localhost:11434",
            "ftp://h",
            "http://",
            "http://h:99999",
            "http://h:",
            "http://h/?a",
            "http://h h",
            "http://h/#x",
        ] {
            assert!(Address::parse(bad, ApiChoice::Auto).is_err(), "{bad}");
        }
        for secret in ["http://me:hunter2@h", "me:hunter2@h", "ftp://me:hunter2@h/v1"] {
            let error = Address::parse(secret, ApiChoice::Auto).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_key_is_private_on_this_machine_or_under_encryption() {
        for private in
            ["https://h", "http://localhost:1", "http://127.0.0.1", "http://[::1]:8080/v1"]
        {
            assert!(address(private, ApiChoice::Auto).is_private(), "{private}");
        }
        for open in [
            "http://h",
            "http://192.168.0.1:11434",
            "http://localhost.evil.net",
            "http://[fe80::1]:1",
        ] {
            assert!(!address(open, ApiChoice::Auto).is_private(), "{open}");
        }
    }

    #[test]
    fn a_request_asks_for_a_stream_with_its_counts() {
        let prompt = Prompt { system: Some("s".into()), text: "t".into() };
        let request = Api::OpenAi.request("m", &prompt, 7);
        assert_eq!(request["stream_options"]["include_usage"], true);
        assert_eq!(request["max_tokens"], 7);
        assert_eq!(request["messages"][0]["role"], "system");
        assert_eq!(request["messages"][1]["content"], "t");
        let request = Api::Ollama.request("m", &Prompt { system: None, text: "t".into() }, 7);
        assert_eq!(request["options"]["num_predict"], 7);
        assert_eq!(request["messages"].as_array().unwrap().len(), 1);
    }
}
