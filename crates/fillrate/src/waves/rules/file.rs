//! Rule files.

use std::path::Path;

use toml::{Table, Value};

use super::{Bounds, RuleSet, names_of};
use crate::waves::measure::Measure;
use crate::waves::pattern::{Form, Pattern};
use crate::{Error, Result};

/// Reads a rule file.
pub(super) fn read(path: &Path, text: &str) -> Result<RuleSet> {
    let file = File { path, text };
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text[..start].matches('\n').count();
        file.error(Some(line), error.message().to_owned(), "mend the TOML")
    })?;
    let mut rules = match table.get("base") {
        None => RuleSet::classic(),
        Some(Value::String(base)) => match base.as_str() {
            "classic" => RuleSet::classic(),
            "strict" => RuleSet::strict(),
            "none" => RuleSet::none(),
            other => return Err(file.unknown_base(other)),
        },
        Some(other) => return Err(file.unknown_base(&other.to_string())),
    };
    for (name, section) in table.iter().filter(|(name, _)| *name != "base") {
        let Some(pattern) = Pattern::from_name(name) else {
            let line = file.line_of("", name);
            let known = Pattern::ALL.map(Pattern::as_str).join(", ");
            return Err(file.error(
                line,
                format!("unknown pattern `{name}`"),
                &format!("the patterns are {known}; `base` is the only other key"),
            ));
        };
        let Value::Table(section) = section else {
            let line = file.line_of("", name);
            return Err(file.error(line, format!("`{name}` is no table"), "write [PATTERN]"));
        };
        file.apply_section(&mut rules, pattern, section)?;
    }
    Ok(rules)
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    /// Rules of all forms of a pattern, and tables of rules of one variety.
    fn apply_section(&self, rules: &mut RuleSet, pattern: Pattern, section: &Table) -> Result<()> {
        let varieties: Vec<&str> = pattern.forms().iter().filter_map(|f| f.variety()).collect();
        // What holds for every variety first, so that a variety can say otherwise.
        for (name, value) in section.iter().filter(|(name, _)| !varieties.contains(&name.as_str()))
        {
            for form in pattern.forms() {
                self.apply_rule(rules, form, pattern.as_str(), name, value)?;
            }
        }
        for form in pattern.forms() {
            let Some(variety) = form.variety() else { continue };
            let header = format!("{pattern}.{variety}");
            match section.get(variety) {
                None => {}
                Some(Value::Table(section)) => {
                    for (name, value) in section {
                        self.apply_rule(rules, form, &header, name, value)?;
                    }
                }
                Some(_) => {
                    let line = self.line_of(pattern.as_str(), variety);
                    let message = format!("`{variety}` is no table");
                    return Err(self.error(line, message, &format!("write [{header}]")));
                }
            }
        }
        Ok(())
    }

    fn apply_rule(
        &self,
        rules: &mut RuleSet,
        form: Form,
        section: &str,
        name: &str,
        value: &Value,
    ) -> Result<()> {
        let line = self.line_of(section, name);
        let Some((_, measure)) = super::measure_named(form.pattern(), name) else {
            let known: Vec<&str> = names_of(form.pattern()).collect();
            let message = format!("unknown rule `{name}` of {}", form.pattern());
            let hint = format!("the rules of {} are {}", form.pattern(), known.join(", "));
            return Err(self.error(line, message, &hint));
        };
        let bounds = match value {
            Value::Boolean(false) => None,
            Value::Table(bounds) => Some(self.bounds(line, name, bounds)?),
            _ => return Err(self.error(line, format!("`{name}` is no bounds"), BOUNDS_HINT)),
        };
        if let Some(bounds) = bounds {
            self.check(line, name, &bounds, measure)?;
        }
        // The name was found above, so that it is set.
        let _ = rules.set(form, name, bounds);
        Ok(())
    }

    fn bounds(&self, line: Option<usize>, name: &str, table: &Table) -> Result<Bounds> {
        let mut bounds = Bounds::NONE;
        for (key, value) in table {
            let number = match value {
                Value::Float(number) if !number.is_nan() => *number,
                Value::Integer(number) => *number as f64,
                _ => {
                    let message = format!("`{name}`: `{key}` is no number");
                    return Err(self.error(line, message, BOUNDS_HINT));
                }
            };
            match key.as_str() {
                "min" | "above" if bounds.min > f64::NEG_INFINITY => {
                    return Err(self.twice(line, name, "min", "above"));
                }
                "max" | "below" if bounds.max < f64::INFINITY => {
                    return Err(self.twice(line, name, "max", "below"));
                }
                "min" | "above" => {
                    (bounds.min, bounds.min_open) = (number, key == "above");
                }
                "max" | "below" => {
                    (bounds.max, bounds.max_open) = (number, key == "below");
                }
                _ => {
                    let message = format!("`{name}`: unknown bound `{key}`");
                    return Err(self.error(line, message, BOUNDS_HINT));
                }
            }
        }
        Ok(bounds)
    }

    /// Refuses bounds that no pattern can keep.
    fn check(&self, line: Option<usize>, name: &str, b: &Bounds, measure: Measure) -> Result<()> {
        if b.is_empty() {
            let message = format!("`{name}` contradicts itself: no value is {}", in_words(b));
            return Err(self.error(line, message, "let the lower bound be below the upper one"));
        }
        let is_ratio = matches!(
            measure,
            Measure::Length(..) | Measure::Duration(..) | Measure::Wave3ToShortest
        );
        if is_ratio && b.closed().1 <= 0.0 {
            let message = format!("`{name}` can never be {}: it is above 0", in_words(b));
            return Err(self.error(line, message, "it is a ratio of lengths or durations"));
        }
        Ok(())
    }

    fn twice(&self, line: Option<usize>, name: &str, one: &str, other: &str) -> Error {
        let message = format!("`{name}` has both `{one}` and `{other}`");
        self.error(line, message, "give one of them")
    }

    fn unknown_base(&self, base: &str) -> Error {
        let message = format!("unknown base `{base}`");
        self.error(self.line_of("", "base"), message, "base is \"classic\", \"strict\" or \"none\"")
    }

    fn error(&self, line: Option<usize>, message: String, hint: &str) -> Error {
        let message = match line {
            Some(line) => format!("line {line}: {message}"),
            None => message,
        };
        Error::Input { path: self.path.to_owned(), message, hint: Some(hint.into()) }
    }

    /// The line of `key` below the header `[section]`, or of that header itself.
    fn line_of(&self, section: &str, key: &str) -> Option<usize> {
        let mut here = String::new();
        for (number, line) in self.text.lines().enumerate() {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                header.split(']').next().unwrap_or_default().trim().clone_into(&mut here);
                if section.is_empty() && here.split('.').next() == Some(key) {
                    return Some(number + 1);
                }
            } else if here == section
                && line.split(['=', '.']).next().is_some_and(|name| name.trim() == key)
            {
                return Some(number + 1);
            }
        }
        None
    }
}

const BOUNDS_HINT: &str = "write { min = 0.2, max = 1 }, with `above` or `below` for a bound that \
                           is itself out, or false for no rule";

fn in_words(bounds: &Bounds) -> String {
    let mut words = Vec::new();
    if bounds.min > f64::NEG_INFINITY {
        let word = if bounds.min_open { "above" } else { "at least" };
        words.push(format!("{word} {}", bounds.min));
    }
    if bounds.max < f64::INFINITY {
        let word = if bounds.max_open { "below" } else { "at most" };
        words.push(format!("{word} {}", bounds.max));
    }
    words.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RuleSet> {
        RuleSet::from_toml(Path::new("rules.toml"), text)
    }

    #[track_caller]
    fn refuses(text: &str, message: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), format!("rules.toml: {message}"));
    }

    #[test]
    fn a_file_changes_its_base() {
        let text = "[impulse]\nwave2_retrace = { min = 0.236, below = 1 }\nwave4_overlap = false\n\
                    wave5_to_wave1 = { max = 2.0 }\n\
                    [flat]\nc_to_a = { below = 2 }\n[flat.running]\nc_to_a = { below = 1.5 }\n";
        let rules = parse(text).unwrap();
        let bounds = |form: Form, name: &str| {
            rules.of(form).iter().find(|rule| rule.name == name).map(|rule| rule.bounds)
        };
        assert_eq!(
            bounds(Form::Impulse, "wave2_retrace"),
            Some(Bounds::at_least(0.236).and_below(1.0))
        );
        assert_eq!(bounds(Form::Impulse, "wave4_overlap"), None);
        assert_eq!(bounds(Form::Impulse, "wave5_to_wave1"), Some(Bounds::at_most(2.0)));
        assert_eq!(bounds(Form::FlatRegular, "c_to_a"), Some(Bounds::below(2.0)));
        assert_eq!(bounds(Form::FlatRunning, "c_to_a"), Some(Bounds::below(1.5)));
        assert_eq!(rules.of(Form::Zigzag), RuleSet::classic().of(Form::Zigzag));
        assert_eq!(parse("base = \"strict\"").unwrap(), RuleSet::strict());
        assert_eq!(parse("base = \"none\"").unwrap(), RuleSet::none());
        assert_eq!(parse("").unwrap(), RuleSet::classic());
    }

    #[test]
    fn what_means_nothing_is_refused_with_its_line() {
        refuses("\n[wave]\n", "line 2: unknown pattern `wave`");
        refuses("[impulse]\n\nwave9 = {min=1}\n", "line 3: unknown rule `wave9` of impulse");
        refuses(
            "[zigzag]\nwave2_retrace = {min=1}\n",
            "line 2: unknown rule `wave2_retrace` of zigzag",
        );
        refuses(
            "[impulse]\nwave2_retrace = {min=0.7, max=0.5}\n",
            "line 2: `wave2_retrace` contradicts itself: no value is at least 0.7 and at most 0.5",
        );
        refuses(
            "[impulse]\nwave2_retrace = {above=1, below=1}\n",
            "line 2: `wave2_retrace` contradicts itself: no value is above 1 and below 1",
        );
        refuses(
            "[impulse]\nwave3_to_wave1 = {max=-1}\n",
            "line 2: `wave3_to_wave1` can never be at most -1: it is above 0",
        );
        refuses(
            "[impulse]\nwave2_retrace = {min=1, above=2}\n",
            "line 2: `wave2_retrace` has both `min` and `above`",
        );
        refuses(
            "[impulse]\nwave2_retrace = {least=1}\n",
            "line 2: `wave2_retrace`: unknown bound `least`",
        );
        refuses(
            "[impulse]\nwave2_retrace = {min=\"1\"}\n",
            "line 2: `wave2_retrace`: `min` is no number",
        );
        refuses("[impulse]\nwave2_retrace = 0.5\n", "line 2: `wave2_retrace` is no bounds");
        refuses("base = \"loose\"\n", "line 1: unknown base `loose`");
        refuses("[flat]\nrunning = 3\n", "line 2: `running` is no table");
        assert!(parse("[impulse\n").unwrap_err().to_string().starts_with("rules.toml: line 1: "));
    }
}
