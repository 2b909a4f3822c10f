//! Where models come from and where they are kept: the variables of the Hugging Face Hub, with
//! the meaning that `huggingface_hub` gives them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::values::parse_switch;
use crate::failure::hinted;

/// The Hub itself.
const ENDPOINT_DEFAULT: &str = "https://huggingface.co";

/// The variables that are read, with what they do.
pub(crate) static HUB_VARIABLES: [(&str, &str); 7] = [
    ("HF_HOME", "Where Hugging Face tools keep their files; `~/.cache/huggingface` if not set"),
    ("HF_HUB_CACHE", "Where models are kept; `$HF_HOME/hub` if not set"),
    ("HF_ENDPOINT", "A mirror to pull models from instead of `https://huggingface.co`"),
    ("HF_HUB_OFFLINE", "`1`: never connect; a pull of a model that is not here fails"),
    ("HF_TOKEN", "The token to pull with; the one that `hf auth login` stored if not set"),
    ("HF_TOKEN_PATH", "The file with that token; `$HF_HOME/token` if not set"),
    ("XDG_CACHE_HOME", "Where caches are kept; `~/.cache` if not set"),
];

/// Where models come from and where they are kept.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HubSettings {
    /// The Hub or a mirror, without a slash at the end.
    pub(crate) endpoint: String,
    /// The cache; none if there is no home directory to have one in.
    pub(crate) cache: Option<PathBuf>,
    /// Whether to connect at all.
    pub(crate) is_offline: bool,
    /// Where kernels that were compiled for a GPU are kept, beside the other caches.
    #[serde(skip)]
    pub(crate) cubins: Option<PathBuf>,
    #[serde(skip)]
    token: Option<Token>,
    #[serde(skip)]
    token_file: Option<PathBuf>,
}

/// A secret, which no report may show.
#[derive(Clone)]
struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl HubSettings {
    /// Reads the variables; one that is empty counts as not set.
    ///
    /// # Errors
    ///
    /// If one has a value that means nothing.
    pub(crate) fn of_variables(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> anyhow::Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| set(name).map(PathBuf::from);
        let text = |name: &str| {
            set(name)
                .map(|value| {
                    value.into_string().map_err(|_| anyhow::anyhow!("{name} is not UTF-8"))
                })
                .transpose()
        };
        let user = path("HOME").or_else(|| path("USERPROFILE"));
        let caches = path("XDG_CACHE_HOME").or_else(|| user.map(|user| user.join(".cache")));
        let cached = |name: &str| caches.as_ref().map(|caches| caches.join(name));
        let home = path("HF_HOME").or_else(|| cached("huggingface"));
        let is_offline = match text("HF_HUB_OFFLINE")? {
            None => false,
            Some(value) => parse_switch(&value).map_err(|why| {
                hinted(format!("HF_HUB_OFFLINE: `{value}` {why}"), "it takes 1 or 0")
            })?,
        };
        Ok(Self {
            endpoint: endpoint(text("HF_ENDPOINT")?)?,
            cache: path("HF_HUB_CACHE").or_else(|| home.as_ref().map(|home| home.join("hub"))),
            is_offline,
            cubins: cached("fillrate/cubins"),
            token: text("HF_TOKEN")?.map(|token| Token(token.trim().to_owned())),
            token_file: path("HF_TOKEN_PATH").or_else(|| home.map(|home| home.join("token"))),
        })
    }

    /// The token to pull with, if there is one.
    pub(crate) fn token(&self) -> Option<String> {
        let stored = || std::fs::read_to_string(self.token_file.as_ref()?).ok();
        self.token
            .as_ref()
            .map(|token| token.0.clone())
            .or_else(stored)
            .map(|token| token.trim().to_owned())
            // A line break in a header would begin another header.
            .filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()))
    }
}

fn endpoint(asked: Option<String>) -> anyhow::Result<String> {
    let Some(asked) = asked else { return Ok(ENDPOINT_DEFAULT.to_owned()) };
    let host = asked.strip_prefix("https://").or_else(|| asked.strip_prefix("http://"));
    if host.is_none_or(str::is_empty) {
        return Err(hinted(
            format!("HF_ENDPOINT: `{asked}` is not a web address"),
            format!("it takes one such as {ENDPOINT_DEFAULT}"),
        ));
    }
    Ok(asked.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> anyhow::Result<HubSettings> {
        HubSettings::of_variables(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_cache_is_found_as_python_finds_it() {
        let cache = |variables: &[(&str, &str)]| settings(variables).unwrap().cache;
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(cache(&[("HOME", "/h")]), path("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]), path("/c/huggingface/hub"));
        assert_eq!(cache(&[("HOME", "/h"), ("HF_HOME", "/f")]), path("/f/hub"));
        assert_eq!(cache(&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/x")]), path("/x"));
        assert_eq!(cache(&[("HF_HOME", ""), ("HOME", "/h")]), path("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[]), None);
        let cubins = settings(&[("HOME", "/h")]).unwrap().cubins;
        assert_eq!(cubins, path("/h/.cache/fillrate/cubins"));
    }

    #[test]
    fn offline_and_endpoint_are_checked() {
        assert!(settings(&[("HF_HUB_OFFLINE", "1")]).unwrap().is_offline);
        assert!(!settings(&[("HF_HUB_OFFLINE", "0")]).unwrap().is_offline);
        assert!(settings(&[("HF_HUB_OFFLINE", "perhaps")]).is_err());
        let mirror = settings(&[("HF_ENDPOINT", "https://mirror.example/")]).unwrap();
        assert_eq!(mirror.endpoint, "https://mirror.example");
        assert!(settings(&[("HF_ENDPOINT", "mirror.example")]).is_err());
    }

    #[test]
    fn the_token_is_never_shown() {
        let settings = settings(&[("HF_TOKEN", "hf_secret\n")]).unwrap();
        assert_eq!(settings.token().as_deref(), Some("hf_secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        assert!(!serde_json::to_string(&settings).unwrap().contains("secret"));
    }
}
