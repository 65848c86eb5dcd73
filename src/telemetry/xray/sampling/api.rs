//! The two questions, `POST /GetSamplingRules` and `POST /SamplingTargets`: the daemon signs them and passes
//! them on to X-Ray. Field names and types are those of AWS's API reference.

use std::io::Read;
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::rule::{Definition, Seen};
use crate::causes::with_causes;
use crate::config::xray::HostPort;
use crate::http_client::transport;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// More than this is no answer of X-Ray's.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// How many pages of rules are read; an account has 25 rules unless it asks for more.
const MAX_PAGES: usize = 10;
/// How many statistics one question may have.
pub(super) const MAX_STATISTICS: usize = 25;
/// How often X-Ray wants to be told of a rule where it does not say.
const INTERVAL: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{0}")]
    Http(String),
    #[error(
        "the X-Ray daemon answers {0}: has it credentials, and the rights to ask for sampling rules?"
    )]
    Status(u16),
    #[error("the X-Ray daemon's answer cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<reqwest::Error> for AskError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(with_causes(&error))
    }
}

/// The daemon's TCP side.
#[derive(Debug)]
pub(super) struct Api {
    http: Client,
    origin: String,
}

#[derive(Debug, Default, Serialize)]
struct RulesQuestion {
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RulesAnswer {
    #[serde(default)]
    sampling_rule_records: Vec<RuleRecord>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RuleRecord {
    /// Read one by one: a rule of another form is to be left out, not all of them.
    sampling_rule: Json,
}

/// What was decided by one rule, `SamplingStatisticsDocument`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statistics<'a> {
    pub(super) rule_name: &'a str,
    #[serde(rename = "ClientID")]
    client_id: &'a str,
    /// In seconds since 1970.
    timestamp: u64,
    request_count: u64,
    sampled_count: u64,
    borrow_count: u64,
    #[serde(skip)]
    pub(super) seen: Seen,
}

impl<'a> Statistics<'a> {
    pub(super) fn new(client_id: &'a str, rule_name: &'a str, seen: Seen, now: Duration) -> Self {
        Self {
            rule_name,
            client_id,
            timestamp: now.as_secs(),
            request_count: seen.requests,
            sampled_count: seen.sampled,
            borrow_count: seen.borrowed,
            seen,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetsQuestion<'a> {
    sampling_statistics_documents: &'a [Statistics<'a>],
}

/// What to do from now on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TargetsAnswer {
    #[serde(default, rename = "SamplingTargetDocuments")]
    pub(super) targets: Vec<Target>,
    /// In seconds since 1970.
    last_rule_modification: Option<f64>,
    #[serde(default, rename = "UnprocessedStatistics")]
    pub(super) unprocessed: Vec<Unprocessed>,
}

impl TargetsAnswer {
    /// When a rule of the account was changed last, since 1970.
    pub(super) fn rules_changed_at(&self) -> Option<Duration> {
        self.last_rule_modification.and_then(|at| Duration::try_from_secs_f64(at).ok())
    }
}

/// What to do by one rule, `SamplingTargetDocument`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Target {
    pub(super) rule_name: String,
    pub(super) fixed_rate: Option<f64>,
    #[serde(rename = "ReservoirQuota")]
    pub(super) quota: Option<u64>,
    /// In seconds since 1970.
    #[serde(rename = "ReservoirQuotaTTL")]
    quota_ttl: Option<f64>,
    /// In seconds.
    interval: Option<u64>,
}

impl Target {
    pub(super) fn quota_until(&self) -> Option<Duration> {
        self.quota_ttl.and_then(|at| Duration::try_from_secs_f64(at).ok())
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval.map_or(INTERVAL, Duration::from_secs)
    }
}

/// What X-Ray would not hear.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Unprocessed {
    pub(super) rule_name: Option<String>,
    pub(super) message: Option<String>,
}

impl Api {
    /// The API at `daemon`. Not to be made on a thread that drives a runtime: the client blocks.
    pub(super) fn new(daemon: &HostPort) -> Result<Self, AskError> {
        let http = ClientBuilder::from(transport(false))
            .timeout(TIMEOUT)
            // A daemon is a neighbour: no proxy is between.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { http, origin: format!("http://{daemon}") })
    }

    /// All rules of the account that can be read.
    pub(super) fn rules(&self) -> Result<Vec<Definition>, AskError> {
        let mut rules = Vec::new();
        let mut question = RulesQuestion::default();
        for _ in 0..MAX_PAGES {
            let answer: RulesAnswer = self.ask("GetSamplingRules", &question)?;
            for RuleRecord { sampling_rule } in answer.sampling_rule_records {
                match Definition::deserialize(&sampling_rule) {
                    Ok(rule) => rules.push(rule),
                    Err(error) => tracing::warn!(%error, "a sampling rule is left out"),
                }
            }
            match answer.next_token {
                Some(token) => question.next_token = Some(token),
                None => break,
            }
        }
        Ok(rules)
    }

    /// Tells what was decided, and asks what to do.
    pub(super) fn targets(&self, statistics: &[Statistics<'_>]) -> Result<TargetsAnswer, AskError> {
        // The name lacks its "Get"; that is how it is.
        self.ask("SamplingTargets", &TargetsQuestion { sampling_statistics_documents: statistics })
    }

    fn ask<A: DeserializeOwned>(
        &self,
        action: &str,
        question: &impl Serialize,
    ) -> Result<A, AskError> {
        let url = format!("{}/{action}", self.origin);
        let body = serde_json::to_vec(question)?;
        let response =
            self.http.post(url).header(CONTENT_TYPE, "application/json").body(body).send()?;
        let status = response.status();
        if !status.is_success() {
            return Err(AskError::Status(status.as_u16()));
        }
        let mut answer = Vec::new();
        response
            .take(MAX_BYTES)
            .read_to_end(&mut answer)
            .map_err(|error| AskError::Http(error.to_string()))?;
        Ok(serde_json::from_slice(&answer)?)
    }
}
