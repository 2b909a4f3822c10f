//! The key that a language model's server asks for.

use std::ffi::OsString;
use std::fmt;

use crate::failure::hinted;

/// The variables that are read, with what they do; the first that is set counts.
pub(crate) static KEY_VARIABLES: [(&str, &str); 2] = [
    ("FILLRATE_LLM_API_KEY", "The key that `profile --llm` shows the server"),
    (
        "OPENAI_API_KEY",
        "The same, if the other is not set; not sent unencrypted to another machine",
    ),
];

/// The variables as they are set. They are read by the verb that needs a key, so that one that is
/// no key does not stop the others.
#[derive(Clone, Default)]
pub(crate) struct ApiKeys {
    set: Vec<(&'static str, OsString)>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.set.iter().map(|(variable, _)| variable)).finish()
    }
}

impl ApiKeys {
    /// Looks the variables up; one that is empty counts as not set.
    pub(crate) fn of_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name| Some((name, variable(name).filter(|value| !value.is_empty())?));
        Self { set: KEY_VARIABLES.iter().filter_map(|(name, _)| value(*name)).collect() }
    }

    /// The key to show, if one is set.
    ///
    /// # Errors
    ///
    /// If it cannot stand in a header; the message does not repeat it.
    pub(crate) fn first(&self) -> anyhow::Result<Option<ApiKey>> {
        let Some((variable, value)) = self.set.first() else { return Ok(None) };
        let secret = value.to_str().map(str::trim).filter(|secret| {
            // A line break in a header would begin another header.
            !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match secret {
            Some(secret) => Ok(Some(ApiKey { secret: secret.to_owned(), variable })),
            None => Err(hinted(
                format!("{variable}: not a key"),
                "a key is one word of letters, digits and signs",
            )),
        }
    }
}

/// A secret, which no report may show.
#[derive(Clone)]
pub(crate) struct ApiKey {
    secret: String,
    /// The variable it is from.
    pub(crate) variable: &'static str,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, ..)", self.variable)
    }
}

impl ApiKey {
    /// The key itself, to be sent and never shown.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// Whether it was set for Fillrate, and so for whatever server Fillrate is pointed at.
    pub(crate) fn is_ours(&self) -> bool {
        self.variable == KEY_VARIABLES[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(variables: &[(&str, &str)]) -> anyhow::Result<Option<ApiKey>> {
        let keys = ApiKeys::of_variables(|name| {
            variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into())
        });
        assert!(!format!("{keys:?}").contains("secret"));
        keys.first()
    }

    #[test]
    fn our_own_variable_comes_first_and_an_empty_one_is_not_set() {
        let name = |variables: &[(&str, &str)]| key(variables).unwrap().map(|key| key.variable);
        let both = [("OPENAI_API_KEY", "a"), ("FILLRATE_LLM_API_KEY", "b")];
        assert_eq!(name(&both), Some("FILLRATE_LLM_API_KEY"));
        let empty = [("OPENAI_API_KEY", "a"), ("FILLRATE_LLM_API_KEY", "")];
        assert_eq!(name(&empty), Some("OPENAI_API_KEY"));
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn a_key_is_one_word_and_is_never_shown() {
        let found = key(&[("OPENAI_API_KEY", "sk-secret\n")]).unwrap().unwrap();
        assert_eq!(found.secret(), "sk-secret");
        assert!(!format!("{found:?}").contains("secret"));
        let error = key(&[("OPENAI_API_KEY", "sk-secret\r\nHost: x")]).unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
    }
}
