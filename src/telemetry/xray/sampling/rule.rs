//! One rule: which requests it is about, and what it decides on them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use opentelemetry_semantic_conventions::attribute as key;
use serde::Deserialize;

use super::Service;
use super::api::Target;
use super::reservoir::{Draw, Quota, Reservoir};
use crate::telemetry::xray::wildcard;

/// A rule as the account has it: `SamplingRule` of AWS's API reference. Every text is a pattern.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Definition {
    #[serde(rename = "RuleName")]
    pub(super) name: String,
    /// The lower one counts first.
    pub(super) priority: i64,
    fixed_rate: f64,
    reservoir_size: u64,
    version: u32,
    service_name: String,
    service_type: String,
    host: String,
    #[serde(rename = "HTTPMethod")]
    http_method: String,
    #[serde(rename = "URLPath")]
    url_path: String,
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    /// By the span's attributes.
    #[serde(default)]
    attributes: Option<BTreeMap<String, String>>,
}

impl Definition {
    /// Is it about this service at all, and of the only version that there is?
    pub(super) fn is_for(&self, service: &Service) -> bool {
        self.version == 1
            && describes(&self.service_name, Some(&service.name))
            && describes(&self.service_type, service.kind)
            && describes(&self.resource_arn, service.arn.as_deref())
    }
}

/// `*` describes also what is not known.
fn describes(pattern: &str, text: Option<&str>) -> bool {
    pattern == "*" || text.is_some_and(|text| wildcard::matches(pattern, text))
}

/// What rules may ask of a request, from the attributes that its span starts with.
pub(super) struct Request<'a> {
    host: Option<&'a str>,
    method: Option<&'a str>,
    path: Option<&'a str>,
    attributes: &'a [KeyValue],
}

impl<'a> Request<'a> {
    pub(super) fn of(attributes: &'a [KeyValue]) -> Self {
        let text = |wanted: &str| match value(attributes, wanted)? {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        };
        Self {
            host: text(key::SERVER_ADDRESS),
            method: text(key::HTTP_REQUEST_METHOD_ORIGINAL)
                .or_else(|| text(key::HTTP_REQUEST_METHOD)),
            path: text(key::URL_PATH).or_else(|| text(key::URL_FULL).and_then(path)),
            attributes,
        }
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|it| &it.value)
}

/// The path of `https://host/path?query`.
fn path(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let start = rest[..end].find('/');
    Some(start.map_or("/", |start| &rest[start..end]))
}

/// A rule in force.
#[derive(Debug)]
pub(super) struct Rule {
    definition: Definition,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    reservoir: Reservoir,
    rate: f64,
    seen: Seen,
    /// When X-Ray wants to be told of it again, since 1970.
    due: Duration,
}

/// What was decided and not told yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) requests: u64,
    pub(super) borrowed: u64,
    /// Those recorded, the borrowed ones among them.
    pub(super) sampled: u64,
}

impl Rule {
    pub(super) fn new(definition: Definition) -> Self {
        let state = State {
            reservoir: Reservoir::of_size(definition.reservoir_size),
            rate: definition.fixed_rate,
            seen: Seen::default(),
            due: Duration::ZERO,
        };
        Self { definition, state: Mutex::new(state) }
    }

    /// One trace a second and 5 % of the others: what AWS's SDKs do without rules.
    pub(super) fn local() -> Self {
        let any = || "*".to_owned();
        Self::new(Definition {
            name: String::new(),
            priority: i64::MAX,
            fixed_rate: 0.05,
            // One a second is what can be borrowed.
            reservoir_size: 1,
            version: 1,
            service_name: any(),
            service_type: any(),
            host: any(),
            http_method: any(),
            url_path: any(),
            resource_arn: any(),
            attributes: None,
        })
    }

    /// The same rule after a change in the account: its part of the reservoir and what was seen stay.
    pub(super) fn redefined(&self, definition: Definition) -> Self {
        let new = Self::new(definition);
        if let (Ok(old), Ok(mut state)) = (self.state.lock(), new.state.lock()) {
            state.reservoir = old.reservoir.resized(new.definition.reservoir_size);
            state.seen = old.seen;
            state.due = old.due;
        }
        new
    }

    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    pub(super) fn name(&self) -> &str {
        &self.definition.name
    }

    /// Is the rule about this request?
    pub(super) fn matches(&self, request: &Request<'_>) -> bool {
        let rule = &self.definition;
        describes(&rule.url_path, request.path)
            && describes(&rule.http_method, request.method)
            && describes(&rule.host, request.host)
            && rule.attributes.iter().flatten().all(|(key, pattern)| {
                value(request.attributes, key)
                    .is_some_and(|value| wildcard::matches(pattern, &value.as_str()))
            })
    }

    /// Is a trace recorded? `keep` says so of one for which the reservoir has no room, given the rate.
    pub(super) fn decide(&self, now: Duration, keep: impl FnOnce(f64) -> bool) -> bool {
        let Ok(mut state) = self.state.lock() else { return false };
        let draw = state.reservoir.draw(now);
        let is_sampled = draw != Draw::Empty || keep(state.rate);
        state.seen.requests += 1;
        state.seen.borrowed += u64::from(draw == Draw::Borrowed);
        state.seen.sampled += u64::from(is_sampled);
        is_sampled
    }

    /// What X-Ray is to be told now, if anything is; it counts as told.
    pub(super) fn take_seen(&self, now: Duration) -> Option<Seen> {
        let mut state = self.state.lock().ok()?;
        let is_due = now >= state.due && state.seen.requests > 0;
        is_due.then(|| std::mem::take(&mut state.seen))
    }

    /// Takes back what could not be told.
    pub(super) fn give_back(&self, seen: Seen) {
        if let Ok(mut state) = self.state.lock() {
            state.seen.requests += seen.requests;
            state.seen.borrowed += seen.borrowed;
            state.seen.sampled += seen.sampled;
        }
    }

    /// Does as X-Ray answers.
    pub(super) fn follow(&self, target: &Target, now: Duration) {
        let Ok(mut state) = self.state.lock() else { return };
        state.rate = target.fixed_rate.unwrap_or(state.rate);
        if let (Some(traces), Some(until)) = (target.quota, target.quota_until()) {
            state.reservoir.give(Quota { traces, until });
        }
        // Whatever it says: a sum that overflows would panic with the lock in hand.
        state.due = now.saturating_add(target.interval());
    }
}

#[cfg(test)]
mod tests;
