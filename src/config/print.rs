//! `--print-config`: what is in force after defaults, and where each value came from. Secrets are shown
//! as `set` or `unset`.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::Config;
use super::variables::SECTIONS;

/// Where a value comes from that no variable decided.
const DEFAULT: &str = "default";

/// All settings that apply, a line each, under their headings; then what was ignored.
pub fn as_text(config: &Config) -> String {
    // What does not apply, and nobody asked for, would only hide the rest.
    let lines: Vec<_> = settings(config)
        .into_iter()
        .filter(|line| !line.value.is_null() || line.from != DEFAULT)
        .collect();
    let width = |cell: fn(&Setting) -> &str| {
        lines.iter().map(|line| cell(line).chars().count()).max().unwrap_or_default()
    };
    // One long value must not push the last column out of sight.
    let (names, values) = (width(|line| line.name), width(|line| &line.text).min(40));
    let mut text = String::new();
    let mut section = "";
    for line in &lines {
        if line.section != section {
            section = line.section;
            let gap = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{section}");
        }
        let Setting { name, text: value, from, .. } = line;
        let row = format!("  {name:names$}  {value:values$}  {from}");
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for (title, sentences) in
        [("Warnings", &config.warnings), ("Set, but not used here", &config.unused)]
    {
        if !sentences.is_empty() {
            let _ = writeln!(text, "\n{title}\n  {}", sentences.join("\n  "));
        }
    }
    text
}

/// The same for programs:
/// `{"settings": {"PORT": {"value": 4567, "from": "default"}, …}, "warnings": […], "unused": […]}`.
/// Lists are arrays, and what does not apply is `null`.
pub fn as_json(config: &Config) -> Value {
    let settings: Map<_, _> = settings(config)
        .into_iter()
        .map(|line| (line.name.to_owned(), json!({"value": line.value, "from": line.from})))
        .collect();
    json!({"settings": settings, "warnings": config.warnings, "unused": config.unused})
}

/// The settings that a variable decided, a line each: the short form.
pub fn changes(config: &Config) -> Vec<String> {
    settings(config)
        .iter()
        .filter(|line| line.from != DEFAULT && !line.value.is_null())
        .map(|line| {
            let by =
                if line.from == line.name { String::new() } else { format!(" ({})", line.from) };
            format!("{} {}{by}", line.name, line.text)
        })
        .collect()
}

struct Setting {
    section: &'static str,
    name: &'static str,
    value: Value,
    text: String,
    from: &'static str,
}

fn settings(config: &Config) -> Vec<Setting> {
    let all = SECTIONS.iter().flat_map(|section| {
        section.variables.iter().filter_map(|variable| {
            let value = variable.in_force(config)?;
            Some(Setting {
                section: section.title,
                name: variable.name,
                text: as_cell(&value),
                from: config.source(variable.name).unwrap_or(DEFAULT),
                value,
            })
        })
    });
    all.collect()
}

/// As one would write it into the variable; `-` where there is nothing.
fn as_cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(as_cell).collect::<Vec<_>>().join(","),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| format!("{key}={}", as_cell(value)));
            pairs.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}
