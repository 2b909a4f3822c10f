//! A scalar: its text, how it is written, and what it means to Python's readers.

use granit_parser::ScalarStyle;

/// A text, a number, true, false or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// Its text without quotes and escapes.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// Its tag, such as `!!int`, if it has one.
    pub tag: Option<String>,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes.
    DoubleQuoted,
    /// As a block of lines, `|` or `>`.
    Block,
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::SingleQuoted,
            ScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Self::Block,
        }
    }
}

impl Scalar {
    /// A text without quotes.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), style: Style::Plain, tag: None }
    }

    /// Whether it says that there is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.style == Style::Plain
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// True or false, in the words of YAML 1.1, which Python's readers take, or nothing of the kind.
    ///
    /// Source: <https://yaml.org/type/bool.html>.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        if self.style != Style::Plain {
            return None;
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
            _ => None,
        }
    }

    /// A whole number, in quotes or not; `1_000` and `0x10` are some.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let text = self.text.trim();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        // `i64`'s own parser would take a second sign.
        let is_number = digits.starts_with(|first: char| first.is_ascii_digit());
        let digits = digits.replace('_', "");
        let number = match digits.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => digits.parse::<i64>(),
        };
        number.ok().filter(|_| is_number).map(|number| sign * number)
    }

    /// A number, in quotes or not.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        let text = self.text.trim();
        let is_number = text.contains(|character: char| character.is_ascii_digit());
        text.replace('_', "").parse().ok().filter(|_| is_number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar::plain(text)
    }

    #[test]
    fn words_and_numbers_mean_what_python_reads() {
        assert_eq!(plain("yes").boolean(), Some(true));
        assert_eq!(plain("Off").boolean(), Some(false));
        assert_eq!(plain("y").boolean(), None);
        let quoted = Scalar { style: Style::DoubleQuoted, ..plain("no") };
        assert_eq!((quoted.boolean(), quoted.is_null()), (None, false));
        assert!(plain("~").is_null() && plain("").is_null() && !plain("nil").is_null());
        for (text, number) in [("12", 12), ("1_000", 1000), ("-3", -3), ("+4", 4), ("0x10", 16)] {
            assert_eq!(plain(text).integer(), Some(number), "{text}");
        }
        for text in ["", "1.0", "--1", "-+1", "1e3", "twelve", "_1", "${n}"] {
            assert_eq!(plain(text).integer(), None, "{text}");
        }
        assert_eq!(plain("1e-5").float(), Some(1e-5));
        assert_eq!((plain("nan").float(), plain("inf").float()), (None, None));
    }
}
