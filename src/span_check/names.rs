//! Each attribute by itself: is its name one, is its value of the right type, is it there once?

use std::collections::BTreeSet;

use opentelemetry::{Array, KeyValue, Value};

use super::attributes::{DEPRECATED, NAMESPACES, Type, expected_type};
use super::{Findings, Level, Rule};
use crate::telemetry::SAMPLE_RATE;

impl Findings {
    pub(super) fn check_attributes(&mut self, attributes: &[KeyValue]) {
        let mut seen = BTreeSet::new();
        for attribute in attributes {
            let name = attribute.key.as_str();
            if !seen.insert(name) {
                let message = format!(
                    "`{name}` is set more than once: the SDK appends, and receivers differ in which they take"
                );
                self.add(Level::Violation, Rule::DuplicateKey, Some(name), message);
            }
            self.check_name(name);
            self.check_type(name, &attribute.value);
        }
    }

    fn check_name(&mut self, name: &str) {
        if let Some((_, instead)) = DEPRECATED.iter().find(|(deprecated, _)| *deprecated == name) {
            let message = format!("`{name}` is deprecated: {instead}");
            return self.add(Level::Violation, Rule::DeprecatedName, Some(name), message);
        }
        // Honeycomb's own, and no other would do.
        if name == SAMPLE_RATE {
            return;
        }
        if !has_form_of_a_name(name) {
            let message = format!(
                "`{name}` is no name as the conventions want it: lower case, words parted by `_`, namespaces by `.`"
            );
            return self.add(Level::Violation, Rule::NameForm, Some(name), message);
        }
        let Some((namespace, _)) = name.split_once('.') else {
            let message =
                format!("`{name}` has no namespace: put it into one of yours, `app.{name}`");
            return self.add(Level::Improvement, Rule::NameForm, Some(name), message);
        };
        if NAMESPACES.contains(&namespace) && expected_type(name).is_none() {
            let message = format!(
                "`{name}` is none of the conventions' attributes; a misspelling? what is yours goes into a namespace of yours"
            );
            self.add(Level::Violation, Rule::UnknownName, Some(name), message);
        }
    }

    fn check_type(&mut self, name: &str, value: &Value) {
        let Some(expected) = expected_type(name) else { return };
        let is_right = match expected {
            Type::Text => matches!(value, Value::String(_)),
            Type::Int => matches!(value, Value::I64(_)),
            Type::Texts => matches!(value, Value::Array(Array::String(_))),
        };
        if !is_right {
            let expected = match expected {
                Type::Text => "text",
                Type::Int => "an integer",
                Type::Texts => "a list of texts",
            };
            let message = format!("`{name}` is {}, expected {expected}", type_name(value));
            self.add(Level::Violation, Rule::WrongType, Some(name), message);
        }
    }
}

/// Lower case; digits, `_` and, as in names of headers, `-` within; `.` between namespaces.
fn has_form_of_a_name(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
            })
    })
}

/// What a value is, with an article.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a boolean",
        Value::I64(_) => "an integer",
        Value::F64(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        _ => "something else",
    }
}
