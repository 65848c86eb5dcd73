//! What is decided for a trace that starts here, and, by the samplers that are not parent-based, for
//! every trace that comes in.

use std::num::NonZeroU64;
use std::sync::{Arc, Once};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::Decision;
use super::own_member::{self, OwnMember};
use super::threshold::{Randomness, Threshold};
use crate::config::RootSampler;
use crate::propagation::{OWN_KEY, RANDOM};
#[cfg(feature = "aws")]
use crate::telemetry::xray::sampling::Sampler as Rules;

/// A sampler that looks at no parent.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// `always_on`. It writes no threshold: the specification of `AlwaysOn` leaves the tracestate
    /// alone, and a member on each span would be a cost that the default has nothing to show for.
    AlwaysOn,
    /// `always_off`
    AlwaysOff,
    /// `traceidratio`
    Ratio(Ratio),
    /// `xray`
    #[cfg(feature = "aws")]
    Rules(Rules),
}

/// "ProbabilitySampler", which is to replace the specification's `TraceIdRatioBased`.
#[derive(Clone, Debug)]
pub(super) struct Ratio {
    threshold: Threshold,
    /// The tracestate of the traces that start here and are sampled.
    state: TraceState,
    warning: Arc<Once>,
}

impl Root {
    pub(super) fn new(config: RootSampler) -> Self {
        match config {
            RootSampler::AlwaysOn => Self::AlwaysOn,
            RootSampler::AlwaysOff => Self::AlwaysOff,
            RootSampler::OneIn(n) => Self::Ratio(Ratio::one_in(n)),
            // Until it is said which rules.
            #[cfg(feature = "aws")]
            RootSampler::Xray => Self::AlwaysOff,
        }
    }

    /// The decision for a trace without a parent, whose first span starts with these attributes.
    pub(super) fn decide_for_new(&self, trace_id: TraceId, attributes: &[KeyValue]) -> Decision {
        let (is_sampled, threshold) = self.decide(|| Randomness::of(trace_id), attributes);
        let state = match (self, threshold) {
            (Self::Ratio(ratio), Some(_)) => ratio.state.clone(),
            (_, Some(threshold)) => state_of(threshold),
            (_, None) => TraceState::NONE,
        };
        Decision { is_sampled, threshold, state }
    }

    /// The decision below a remote parent, whatever it has decided itself.
    pub(super) fn decide_below(&self, parent: &SpanContext, attributes: &[KeyValue]) -> Decision {
        let state = parent.trace_state();
        let own = OwnMember::parse(state.get(OWN_KEY).unwrap_or_default());
        let randomness = || {
            own.randomness.unwrap_or_else(|| {
                self.warn_unless_random(parent);
                Randomness::of(parent.trace_id())
            })
        };
        let (is_sampled, threshold) = self.decide(randomness, attributes);
        // "If setting a value ends up making the entire `ot` entry exceed the 256 characters limit,
        // SDKs are advised to abort the operation": the probability is unknown then.
        let threshold = threshold.filter(|_| own.has_room());
        let state = if own.has_exactly(threshold) {
            state.clone()
        } else {
            own_member::replaced(state, own.with(threshold).as_deref())
        };
        Decision { is_sampled, threshold, state }
    }

    /// Is it sampled, and if so, by which threshold?
    // X-Ray's rules alone look at attributes.
    #[cfg_attr(not(feature = "aws"), expect(unused_variables))]
    fn decide(
        &self,
        randomness: impl FnOnce() -> Randomness,
        attributes: &[KeyValue],
    ) -> (bool, Option<Threshold>) {
        match self {
            Self::AlwaysOn => (true, None),
            Self::AlwaysOff => (false, None),
            Self::Ratio(Ratio { threshold, .. }) => {
                let is_sampled = threshold.keeps(randomness());
                (is_sampled, is_sampled.then_some(*threshold))
            }
            #[cfg(feature = "aws")]
            Self::Rules(rules) => {
                // A trace that a reservoir let through was kept whatever its randomness, and stands for
                // itself alone. The others are a ratio of what the reservoirs left over, and stand for it.
                let mut threshold = None;
                let is_sampled = rules.decide(attributes, |rate| {
                    let randomness = randomness();
                    threshold = Threshold::keeping(rate).filter(|it| it.keeps(randomness));
                    threshold.is_some()
                });
                (is_sampled, threshold)
            }
        }
    }

    /// "Compatibility warnings for `ProbabilitySampler`": once, since it is callers that cause it.
    fn warn_unless_random(&self, parent: &SpanContext) {
        if let Self::Ratio(ratio) = self
            // At 1 every trace is kept, whatever its id.
            && ratio.threshold.sample_rate() > 1
            && parent.trace_flags() & RANDOM != RANDOM
        {
            ratio.warning.call_once(|| {
                tracing::warn!(
                    "OTEL_TRACES_SAMPLER is traceidratio, and a caller's traceparent does not say that its trace id is random (flag 02): it is presumed to be; a caller that supports W3C Trace Context level 2 says it"
                );
            });
        }
    }
}

impl Ratio {
    fn one_in(n: NonZeroU64) -> Self {
        let threshold = Threshold::one_in(n);
        Self { threshold, state: state_of(threshold), warning: Arc::new(Once::new()) }
    }
}

/// The tracestate of a trace that starts here.
fn state_of(threshold: Threshold) -> TraceState {
    own_member::replaced(&TraceState::NONE, Some(&format!("th:{threshold}")))
}
