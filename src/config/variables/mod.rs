//! All variables: what each is called, what it means, and what of it is in force.
//!
//! [`SECTIONS`] is the one list of them. `--print-config` shows it, `docs/environment.md` has a row for
//! each, names that are not in it are taken for misspelt (`spelling.rs`), and tests hold it to what
//! is read. Another variable is another row, in the file of its section.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod cloudwatch;
mod logs;
mod otlp;
mod rollbar;
mod server_span;
mod service;
mod spans;
mod web;

use serde_json::Value;

use super::Config;

/// A heading of docs/environment.md, and the variables below it.
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// In the order in which they are shown.
    pub variables: &'static [Variable],
}

/// All of them.
pub const SECTIONS: &[Section] = &[
    service::SECTION,
    spans::SECTION,
    otlp::SECTION,
    server_span::SECTION,
    #[cfg(feature = "aws")]
    aws::SECTION,
    logs::SECTION,
    #[cfg(feature = "aws")]
    cloudwatch::SECTION,
    rollbar::SECTION,
    web::SECTION,
];

/// All variables of all sections.
pub fn all() -> impl Iterator<Item = &'static Variable> {
    SECTIONS.iter().flat_map(|section| section.variables)
}

/// One variable.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Where it is explained.
    pub documentation: Documentation,
    in_force: InForce,
}

/// Where docs/environment.md explains a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documentation {
    /// In a row of its own.
    Row {
        /// What holds without it.
        default: &'static str,
        /// What it means.
        meaning: &'static str,
    },
    /// With the variable of which it is another spelling, or the form for one signal.
    FormOf(&'static str),
}

/// How to tell what is in force.
enum InForce {
    /// The setting that bears the variable's name; `null` where there is nothing to set.
    Setting(fn(&Config) -> Value),
    /// A secret, of which only that it is there is told.
    Secret(fn(&Config) -> bool),
    /// It only decides settings that bear other names.
    InOthers,
}

impl Variable {
    /// The setting that bears its name, as it is in force in `config`; a secret as `set` or `unset`.
    /// `None` for a variable that only decides what bears other names.
    pub fn in_force(&self, config: &Config) -> Option<Value> {
        match self.in_force {
            InForce::Setting(value) => Some(value(config)),
            InForce::Secret(is_set) => Some(Value::from(if is_set(config) { SET } else { UNSET })),
            InForce::InOthers => None,
        }
    }

    /// A variable whose setting may be shown.
    const fn shown(
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
        value: fn(&Config) -> Value,
    ) -> Self {
        let documentation = Documentation::Row { default, meaning };
        Self { name, documentation, in_force: InForce::Setting(value) }
    }

    /// A variable that holds a secret, or may have one in it.
    const fn secret(
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
        is_set: fn(&Config) -> bool,
    ) -> Self {
        let documentation = Documentation::Row { default, meaning };
        Self { name, documentation, in_force: InForce::Secret(is_set) }
    }

    /// A variable that decides settings of other names.
    const fn indirect(name: &'static str, default: &'static str, meaning: &'static str) -> Self {
        let documentation = Documentation::Row { default, meaning };
        Self { name, documentation, in_force: InForce::InOthers }
    }

    /// Another spelling of a variable.
    const fn alias(general: &'static str, name: &'static str) -> Self {
        let documentation = Documentation::FormOf(general);
        Self { name, documentation, in_force: InForce::InOthers }
    }

    /// The form of a variable for one signal.
    const fn form_of(
        general: &'static str,
        name: &'static str,
        value: fn(&Config) -> Value,
    ) -> Self {
        let documentation = Documentation::FormOf(general);
        Self { name, documentation, in_force: InForce::Setting(value) }
    }
}

/// What is shown of a secret.
const SET: &str = "set";
const UNSET: &str = "unset";

/// Milliseconds, as the variables have them.
fn milliseconds(duration: std::time::Duration) -> Value {
    Value::from(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::super::Environment;
    use super::*;

    fn names() -> BTreeSet<&'static str> {
        all().map(|variable| variable.name).collect()
    }

    /// The variables that are read with these set.
    fn read(vars: &[(&str, &str)]) -> BTreeSet<String> {
        let vars: HashMap<_, _> =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut env = Environment::new(vars);
        Config::read(&mut env).unwrap();
        env.read_names()
    }

    #[test]
    fn each_is_there_once() {
        assert_eq!(names().len(), all().count());
    }

    #[test]
    fn what_is_read_is_here_and_what_is_here_is_read() {
        let key = ("HONEYCOMB_API_KEY", "key");
        let read: BTreeSet<_> = [
            read(&[]),
            read(&[key, ("HONEYCOMB_DATASET", "a"), ("OTEL_LOGS_EXPORTER", "otlp")]),
            read(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_EXPORTER", "otlp")]),
            read(&[("GITPOD_WORKSPACE_ID", "a"), ("CODESPACE_NAME", "b")]),
        ]
        .into_iter()
        .flatten()
        .collect();
        let listed: BTreeSet<_> = names().into_iter().map(str::to_owned).collect();
        let difference: Vec<_> = read.symmetric_difference(&listed).collect();
        assert!(difference.is_empty(), "read, or in `SECTIONS`, but not both: {difference:?}");
    }

    #[test]
    fn a_form_of_a_variable_is_one_of_a_variable_that_is_explained() {
        for variable in all() {
            if let Documentation::FormOf(general) = variable.documentation {
                let general = all().find(|other| other.name == general).unwrap();
                assert!(matches!(general.documentation, Documentation::Row { .. }));
            }
        }
    }
}
