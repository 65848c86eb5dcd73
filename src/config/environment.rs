//! The rules by which a variable is read, and what is said when it cannot be.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
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

/// The variables, what had to be ignored of them, and which of them decided what. Without `Debug`: secrets
/// are among them.
pub(crate) struct Environment {
    vars: HashMap<String, String>,
    warnings: Vec<String>,
    /// What was looked at, set or not.
    read: RefCell<BTreeSet<String>>,
    ignored: BTreeSet<String>,
    /// Settings that another variable than the one they are named after decided.
    decided: BTreeMap<&'static str, &'static str>,
}

impl Environment {
    /// Variables by name.
    pub(crate) fn new(vars: HashMap<String, String>) -> Self {
        Self {
            vars,
            warnings: Vec::new(),
            read: RefCell::default(),
            ignored: BTreeSet::new(),
            decided: BTreeMap::new(),
        }
    }

    /// What was ignored, a sentence each.
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// Notes that something was ignored, or is not as it seems; the same sentence counts once.
    pub(crate) fn warn(&mut self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        if !self.warnings.contains(&sentence) {
            self.warnings.push(sentence);
        }
    }

    /// Notes that a variable as a whole was ignored: what it would decide is decided without it.
    pub(crate) fn ignore(&mut self, variable: &str, sentence: impl Into<String>) {
        self.ignored.insert(variable.to_owned());
        self.warn(sentence);
    }

    /// The value of a variable, trimmed; `None` where it is unset or empty.
    pub(crate) fn get(&self, variable: &str) -> Option<&str> {
        self.read.borrow_mut().insert(variable.to_owned());
        self.value(variable)
    }

    /// Is the variable there, but empty?
    pub(crate) fn is_empty(&self, variable: &str) -> bool {
        self.vars.contains_key(variable) && self.get(variable).is_none()
    }

    /// Is the variable set, though nothing reads it?
    pub(crate) fn is_set(&self, variable: &str) -> bool {
        self.value(variable).is_some()
    }

    /// The names of all that is set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.vars.keys().map(String::as_str).filter(|name| self.is_set(name))
    }

    fn value(&self, variable: &str) -> Option<&str> {
        self.vars.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Notes which variable decided a setting that is named after another.
    pub(crate) fn decide(&mut self, setting: &'static str, by: &'static str) {
        self.decided.insert(setting, by);
    }

    /// Notes that a setting follows `general` where it does not say anything itself.
    pub(crate) fn inherit(&mut self, setting: &'static str, general: &'static str) {
        if !self.decides(setting) && self.decides(general) {
            self.decide(setting, general);
        }
    }

    /// The variable that decided a setting; `None` where its default holds.
    pub(crate) fn source(&self, setting: &'static str) -> Option<&'static str> {
        let by_another = self.decided.get(setting).copied();
        by_another.or_else(|| self.decides(setting).then_some(setting))
    }

    /// The names of all that was looked at.
    #[cfg(test)]
    pub(crate) fn read_names(&self) -> BTreeSet<String> {
        self.read.borrow().clone()
    }

    fn decides(&self, variable: &str) -> bool {
        self.is_set(variable) && !self.ignored.contains(variable)
    }

    /// The first of several variables that is set, with its name.
    pub(crate) fn first(&self, variables: &[&'static str]) -> Option<(&'static str, &str)> {
        variables.iter().find_map(|variable| Some((*variable, self.get(variable)?)))
    }

    /// The error of a variable whose value may be shown.
    pub(crate) fn error(&self, variable: &'static str, expected: impl Into<String>) -> ConfigError {
        self.error_of(variable, self.get(variable).unwrap_or_default(), expected)
    }

    /// The error of a variable, or of one entry of its list.
    pub(crate) fn error_of(
        &self,
        variable: &'static str,
        value: &str,
        expected: impl Into<String>,
    ) -> ConfigError {
        ConfigError { variable, value: quote(value), expected: expected.into() }
    }

    /// The error of a variable whose value is a secret, or has one in it.
    pub(crate) fn secret_error(
        &self,
        variable: &'static str,
        problem: impl Into<String>,
    ) -> ConfigError {
        ConfigError { variable, value: "not usable".to_owned(), expected: problem.into() }
    }

    /// A value of our own variables: a bad one is an error.
    pub(crate) fn parse<T: FromStr>(
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
    pub(crate) fn list(&self, variable: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let entries =
            self.get(variable)?.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let list: Vec<_> = entries.filter(|entry| seen.insert(*entry)).map(str::to_owned).collect();
        (!list.is_empty()).then_some(list)
    }

    /// A boolean of the specification: true only for `true`, in any case.
    pub(crate) fn flag(&mut self, variable: &str) -> bool {
        let Some(value) = self.get(variable) else { return false };
        let (yes, no) = (value.eq_ignore_ascii_case("true"), value.eq_ignore_ascii_case("false"));
        if !yes && !no {
            let sentence =
                format!("{variable} is {}: expected true or false; using false", quote(value));
            self.ignore(variable, sentence);
        }
        yes
    }

    /// One of several names, in any case; another is warned about and `default` used.
    pub(crate) fn name(
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
        self.ignore(variable, sentence);
        default
    }

    /// A number of an `OTEL_*` variable; one out of `range` is warned about and `default` used.
    pub(crate) fn number(
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
        self.ignore(variable, sentence);
        default
    }

    /// [`Environment::number`] of milliseconds.
    pub(crate) fn milliseconds(&mut self, variable: &str, default: Duration) -> Duration {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.number(variable, default, 1..=A_DAY))
    }

    /// A timeout in milliseconds, of which the specification takes 0 as none at all.
    pub(crate) fn timeout(&mut self, variable: &str, default: Duration) -> Duration {
        let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        match self.number(variable, default, 0..=A_DAY) {
            0 => Duration::from_millis(A_DAY),
            milliseconds => Duration::from_millis(milliseconds),
        }
    }
}

/// In milliseconds: more is a mistake in the unit.
const A_DAY: u64 = 86_400_000;

/// A value as an error shows it: quoted, on one line, and without what may be a secret if it was meant
/// to be a URL: what stands before an `@`, and the query.
pub(super) fn quote(value: &str) -> String {
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
