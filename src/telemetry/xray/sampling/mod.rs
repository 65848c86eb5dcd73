//! Sampling by X-Ray's rules, which live in the account and are asked for through the daemon.
//!
//! | file | what |
//! |---|---|
//! | `rule` | a rule: what it matches, and what it decides |
//! | `reservoir` | so many a second, whatever comes |
//! | `api` | the daemon's two questions: `GetSamplingRules`, `SamplingTargets` |
//! | `poller` | when which one is asked |
//!
//! A rule has a reservoir, so many traces a second, and a rate for what is beyond. All instances of a
//! service share the reservoir: each tells every ten seconds what it has seen, and is given its part for a
//! while. Without a part, it borrows one trace a second. Without rules at all, because the daemon is away,
//! one trace a second and 5 % of the others are recorded.
//!
//! There is no specification of this; it is AWS's API reference, and what its SDKs and OpenTelemetry's
//! samplers for X-Ray do. What differs from one to the other is decided as the API reference has it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use backend_actix::telemetry::xray::sampling::{Sampler, SystemClock};
//! use opentelemetry_sdk::Resource;
//!
//! let resource = Resource::builder_empty().with_service_name("shop").build();
//! let sampler = Sampler::new(&resource, Arc::new(SystemClock));
//! // Nobody has been asked for rules yet: the first trace of a second is recorded, whatever `keep` says.
//! assert!(sampler.decide(&[], |_rate| false));
//! ```

mod api;
mod poller;
mod reservoir;
mod rule;

use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_semantic_conventions::attribute as key;

use super::origin::service_type;
use crate::config::xray::DaemonAddress;
use api::Api;
pub(crate) use api::AskError;
pub use poller::{Poller, Polling};
use rule::{Definition, Request, Rule};

/// Rules that nobody has confirmed for so long are no rules any more.
const RULES_LAST: Duration = Duration::from_secs(60 * 60);

/// Asks the TCP side of `daemon` how many rules the account has. Blocks, for as long as one question may take.
///
/// # Errors
/// There is no answer, or none that can be read.
pub(crate) fn count_rules(daemon: &DaemonAddress) -> Result<usize, AskError> {
    Ok(Api::new(&daemon.tcp)?.rules()?.len())
}

/// What time it is. Tests have a clock of their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Since 1970.
    fn now(&self) -> Duration;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// Decides which traces that start here are recorded. Clones decide together.
#[derive(Clone, Debug)]
pub struct Sampler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Arc<dyn Clock>,
    service: Service,
    loaded: RwLock<Loaded>,
    /// What holds where no rule does.
    local: Rule,
}

#[derive(Debug, Default)]
struct Loaded {
    /// The rules for this service, the one that counts first in front.
    rules: Vec<Arc<Rule>>,
    /// When they were asked for; `None` before the first time.
    at: Option<Duration>,
}

/// What rules may want to know of the service itself.
#[derive(Debug)]
struct Service {
    name: String,
    /// As `AWS::ECS::Container`.
    kind: Option<&'static str>,
    arn: Option<String>,
}

impl Sampler {
    /// A sampler for the service that `resource` describes, without rules yet: a [`Poller`] brings them.
    pub fn new(resource: &Resource, clock: Arc<dyn Clock>) -> Self {
        let text = |key: &'static str| {
            resource.get_ref(&Key::from_static_str(key)).map(|value| value.as_str().into_owned())
        };
        let service = Service {
            name: text(key::SERVICE_NAME).unwrap_or_default(),
            kind: text(key::CLOUD_PLATFORM).as_deref().and_then(service_type),
            arn: text(key::AWS_ECS_CONTAINER_ARN).or_else(|| text(key::CLOUD_RESOURCE_ID)),
        };
        let (loaded, local) = (RwLock::default(), Rule::local());
        Self(Arc::new(Inner { clock, service, loaded, local }))
    }

    /// Is a trace recorded whose first span starts with these attributes? Where a rule's reservoir has
    /// nothing left, `keep` decides: it is given the part of all traces that are to be kept, from 0 to 1.
    pub fn decide(&self, attributes: &[KeyValue], keep: impl FnOnce(f64) -> bool) -> bool {
        let now = self.0.clock.now();
        self.rule_for(attributes, now).as_deref().unwrap_or(&self.0.local).decide(now, keep)
    }

    fn rule_for(&self, attributes: &[KeyValue], now: Duration) -> Option<Arc<Rule>> {
        let loaded = self.0.loaded.read().ok()?;
        loaded.at.filter(|at| now <= *at + RULES_LAST)?;
        let request = Request::of(attributes);
        loaded.rules.iter().find(|rule| rule.matches(&request)).cloned()
    }

    /// Puts new rules in place of the old ones. One that has not changed goes on as it is.
    fn load(&self, definitions: Vec<Definition>, now: Duration) {
        let Ok(mut loaded) = self.0.loaded.write() else { return };
        let mut definitions: Vec<_> =
            definitions.into_iter().filter(|rule| rule.is_for(&self.0.service)).collect();
        // The lower number counts first; names are unique.
        definitions.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        let rules = definitions.into_iter().map(|definition| {
            let old = loaded.rules.iter().find(|rule| rule.name() == definition.name);
            match old {
                Some(old) if *old.definition() == definition => Arc::clone(old),
                Some(old) => Arc::new(old.redefined(definition)),
                None => Arc::new(Rule::new(definition)),
            }
        });
        *loaded = Loaded { rules: rules.collect(), at: Some(now) };
    }

    fn rules(&self) -> Vec<Arc<Rule>> {
        self.0.loaded.read().map(|loaded| loaded.rules.clone()).unwrap_or_default()
    }

    /// When the rules were asked for last.
    fn loaded_at(&self) -> Option<Duration> {
        self.0.loaded.read().ok()?.at
    }
}
