//! One log record as an event: a JSON object on one line, the same for people who scroll and for Logs
//! Insights, which makes a field of each key.
//!
//! ```json
//! {"time":"2026-11-24T10:00:00.123Z","level":"INFO","target":"access","message":"GET /api/activities/home 200",
//!  "trace_id":"5759e988bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8",
//!  "xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793",
//!  "duration_ms":0.48,"method":"GET","route":"/api/activities/home","status":200}
//! ```

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use opentelemetry::logs::AnyValue;
use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_semantic_conventions::attribute as key;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::batch::{Event, MAX_MESSAGE};

/// What is asked for most has short names: dotted ones must be quoted in Logs Insights.
const SHORT: [(&str, &str); 3] = [
    (key::HTTP_REQUEST_METHOD, "method"),
    (key::HTTP_ROUTE, "route"),
    (key::HTTP_RESPONSE_STATUS_CODE, "status"),
];

/// The event of `record`.
pub(super) fn event(record: &SdkLogRecord) -> Event {
    let time = record.timestamp().or(record.observed_timestamp()).unwrap_or_else(SystemTime::now);
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Event {
        timestamp: i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX),
        message: Message::new(record, time).into_json(MAX_MESSAGE),
    }
}

/// The members of the object, in order.
struct Message(Vec<(Cow<'static, str>, Value)>);

impl Message {
    fn new(record: &SdkLogRecord, time: SystemTime) -> Self {
        let time = DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut message = Self(vec![("time".into(), time.into())]);
        let mut add = |key: &'static str, value: Option<Value>| {
            message.0.extend(value.map(|value| (key.into(), value)));
        };
        add("level", record.severity_text().map(Value::from));
        add("target", record.target().map(|target| Value::from(target.as_ref())));
        add("message", record.body().map(json));
        add("event", record.event_name().map(Value::from));
        let ids = record.trace_context();
        add("trace_id", ids.map(|ids| ids.trace_id.to_string().into()));
        add("span_id", ids.map(|ids| ids.span_id.to_string().into()));
        // As X-Ray writes it: its console looks for log lines that have it.
        let of_xray = |id: String| format!("1-{}-{}", &id[..8], &id[8..]).into();
        add("xray_trace_id", ids.map(|ids| of_xray(ids.trace_id.to_string())));
        for (key, value) in record.attributes_iter() {
            let key = message.free_key(key.as_str());
            message.0.push((key, json(value)));
        }
        message
    }

    /// The key of an attribute: that of another member is not used twice.
    fn free_key(&self, key: &str) -> Cow<'static, str> {
        let short = SHORT.iter().find(|(long, _)| *long == key).map(|(_, short)| *short);
        let mut key: Cow<'static, str> = short.map_or_else(|| key.to_owned().into(), Cow::Borrowed);
        while self.0.iter().any(|(taken, _)| *taken == key) {
            key = format!("attribute.{key}").into();
        }
        key
    }

    /// The object, of `limit` bytes at most: where it would be larger, its longest values are cut.
    fn into_json(mut self, limit: usize) -> String {
        loop {
            // Strings and numbers cannot fail to become JSON.
            let text = serde_json::to_string(&self).unwrap_or_default();
            if text.len() <= limit {
                return text;
            }
            self.shorten(text.len() - limit);
        }
    }

    /// Cuts the longest value by `excess` bytes of JSON, or more.
    fn shorten(&mut self, excess: usize) {
        let length = |value: &Value| value.to_string().len();
        let Some((_, longest)) = self.0.iter_mut().max_by_key(|(_, value)| length(value)) else {
            return;
        };
        let text = longest.as_str().map_or_else(|| longest.to_string(), str::to_owned);
        let (content, mark) = match text.strip_suffix(MARK) {
            Some(content) => (content, 0),
            None => (text.as_str(), MARK.len()),
        };
        if content.is_empty() {
            // There is nothing left to cut in any value: too many of them.
            self.0.pop();
            return;
        }
        // What takes much room in JSON for being escaped is cut in proportion; a byte at least.
        let in_json = Value::from(content).to_string().len();
        let mut end = content.len() * in_json.saturating_sub(excess + mark) / in_json;
        while !content.is_char_boundary(end) {
            end -= 1;
        }
        *longest = format!("{}{MARK}", &content[..end]).into();
    }
}

/// Stands where something was cut off.
const MARK: &str = "…[cut]";

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn json(value: &AnyValue) -> Value {
    match value {
        AnyValue::Int(number) => (*number).into(),
        AnyValue::Double(number) => {
            // JSON has no NaN.
            serde_json::Number::from_f64(*number)
                .map_or_else(|| number.to_string().into(), Value::Number)
        }
        AnyValue::String(text) => text.as_str().into(),
        AnyValue::Boolean(flag) => (*flag).into(),
        AnyValue::ListAny(list) => list.iter().map(json).collect(),
        AnyValue::Map(map) => {
            let members = map.iter().map(|(key, value)| (key.to_string(), json(value)));
            members.collect::<Map<_, _>>().into()
        }
        other => format!("{other:?}").into(),
    }
}

#[cfg(test)]
mod tests;
