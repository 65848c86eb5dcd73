//! The rules by which a variable is read, and what is said when it cannot be.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::time::Duration;

/// A variable that cannot be used, and what would be usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value}: {expected}")]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// Its value in quotes, with secrets left out.
    pub value: String,
    /// What was expected instead.
    pub expected: String,
}

/// The variables, and what had to be ignored of them. Without `Debug`: secrets are among them.
pub struct Environment {
    vars: HashMap<String, String>,
    warnings: Vec<String>,
}

impl Environment {
    /// Variables by name.
    pub fn new(vars: HashMap<String, String>) -> Self {
        Self { vars, warnings: Vec::new() }
    }

    /// What was ignored, a sentence each.
    pub fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Notes that something was ignored.
    pub fn warn(&mut self, sentence: impl Into<String>) {
        self.warnings.push(sentence.into());
    }

    /// The value of a variable, trimmed; `None` where it is unset or empty.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.vars.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Is the variable there, but empty?
    pub fn is_empty(&self, variable: &str) -> bool {
        self.vars.contains_key(variable) && self.get(variable).is_none()
    }

    /// The first of several variables that is set, with its name.
    pub fn first(&self, variables: &[&'static str]) -> Option<(&'static str, &str)> {
        variables.iter().find_map(|variable| Some((*variable, self.get(variable)?)))
    }

    /// The error of a variable whose value may be shown.
    pub fn error(&self, variable: &'static str, expected: impl Into<String>) -> ConfigError {
        self.error_of(variable, self.get(variable).unwrap_or_default(), expected)
    }

    /// The error of a variable, or of one entry of its list.
    pub fn error_of(
        &self,
        variable: &'static str,
        value: &str,
        expected: impl Into<String>,
    ) -> ConfigError {
        ConfigError { variable, value: quote(value), expected: expected.into() }
    }

    /// The error of a variable whose value is a secret, or has one in it.
    pub fn secret_error(&self, variable: &'static str, problem: impl Into<String>) -> ConfigError {
        ConfigError { variable, value: "not usable".to_owned(), expected: problem.into() }
    }

    /// A value of our own variables: a bad one is an error.
    pub fn parse<T: FromStr>(
        &self,
        variable: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ConfigError> {
        self.get(variable)
            .map(|value| {
                value.parse().map_err(|_| self.error(variable, format!("expected {expected}")))
            })
            .transpose()
    }

    /// A list separated by commas, each entry once, in order; `None` where there is no entry.
    pub fn list(&self, variable: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let entries =
            self.get(variable)?.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let list: Vec<_> = entries.filter(|entry| seen.insert(*entry)).map(str::to_owned).collect();
        (!list.is_empty()).then_some(list)
    }

    /// A boolean of the specification: true only for `true`, in any case.
    pub fn flag(&mut self, variable: &str) -> bool {
        let Some(value) = self.get(variable) else { return false };
        let (yes, no) = (value.eq_ignore_ascii_case("true"), value.eq_ignore_ascii_case("false"));
        if !yes && !no {
            let sentence =
                format!("{variable} is {}: expected true or false; using false", quote(value));
            self.warn(sentence);
        }
        yes
    }

    /// One of several names, in any case; another is warned about and `default` used.
    pub fn name(
        &mut self,
        variable: &str,
        default: &'static str,
        names: &[&'static str],
    ) -> &'static str {
        let Some(value) = self.get(variable) else { return default };
        if let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(value)) {
            return name;
        }
        let sentence = format!(
            "{variable} is {}: expected one of {}; using {default}",
            quote(value),
            names.join(", ")
        );
        self.warn(sentence);
        default
    }

    /// A number of an `OTEL_*` variable; one out of `range` is warned about and `default` used.
    pub fn number(
        &mut self,
        variable: &str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> u64 {
        let Some(value) = self.get(variable) else { return default };
        if let Some(number) = value.parse().ok().filter(|number| range.contains(number)) {
            return number;
        }
        let sentence = format!(
            "{variable} is {}: expected a whole number from {} to {}; using {default}",
            quote(value),
            range.start(),
            range.end()
        );
        self.warn(sentence);
        default
    }

    /// [`Environment::number`] of milliseconds.
    pub fn milliseconds(&mut self, variable: &str, default: Duration) -> Duration {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        // A day: more is a mistake in the unit.
        Duration::from_millis(self.number(variable, default, 1..=86_400_000))
    }
}

/// A value as an error shows it: quoted, on one line, and without what may be a secret if it was meant
/// to be a URL: what stands before an `@`, and the query.
fn quote(value: &str) -> String {
    let (value, query) = match value.split_once('?') {
        Some((value, _)) => (value, "?REDACTED"),
        None => (value, ""),
    };
    let shown = match value.rsplit_once('@') {
        Some((before, host)) => {
            let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
            format!("{scheme}REDACTED@{host}{query}")
        }
        None => format!("{value}{query}"),
    };
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(value: &str) -> Environment {
        Environment::new([("X".to_owned(), value.to_owned())].into())
    }

    #[test]
    fn empty_is_unset() {
        for value in ["", " ", "\t"] {
            assert_eq!(environment(value).get("X"), None);
            assert!(environment(value).is_empty("X"));
        }
        assert!(!environment("a").is_empty("X"));
        assert!(!environment("a").is_empty("Y"));
    }

    #[test]
    fn lists_are_trimmed_and_each_entry_counts_once() {
        assert_eq!(environment("a, b,,a ,c").list("X").unwrap(), ["a", "b", "c"]);
        assert_eq!(environment(" , ").list("X"), None);
    }

    #[test]
    fn only_true_is_true() {
        for (value, flag, warnings) in [
            ("true", true, 0),
            ("TRUE", true, 0),
            ("False", false, 0),
            ("1", false, 1),
            ("yes", false, 1),
        ] {
            let mut env = environment(value);
            assert_eq!(env.flag("X"), flag, "{value}");
            assert_eq!(env.into_warnings().len(), warnings, "{value}");
        }
    }

    #[test]
    fn an_error_shows_no_credentials() {
        let cases = [
            ("http://user:secret@host:1/x y", r#""http://REDACTED@host:1/x y""#),
            ("user:secret@host:4318", r#""REDACTED@host:4318""#),
            ("https:user:secret@host", r#""REDACTED@host""#),
            ("http://a:secret@b@host", r#""http://REDACTED@host""#),
            ("ftp://h/?api_key=secret", r#""ftp://h/?REDACTED""#),
            ("http://secret@h/?a@b", r#""http://REDACTED@h/?REDACTED""#),
            ("plain", r#""plain""#),
        ];
        for (value, shown) in cases {
            let error = environment(value).error("X", "expected better");
            assert_eq!(error.to_string(), format!("X is {shown}: expected better"));
        }
    }
}
