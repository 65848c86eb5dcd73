//! What is decided for a trace that starts here, and, by the samplers that are not parent-based, for
//! every trace that comes in.

use std::num::NonZeroU64;
use std::sync::{Arc, Once};

use opentelemetry::trace::{SpanContext, TraceId, TraceState};

use super::Decision;
use super::own_member::{self, OwnMember};
use super::threshold::{Randomness, Threshold};
use crate::config::RootSampler;
use crate::propagation::{OWN_KEY, RANDOM};

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
        }
    }

    /// The decision for a trace without a parent.
    pub(super) fn decide_for_new(&self, trace_id: TraceId) -> Decision {
        let (is_sampled, threshold) = self.decide(|| Randomness::of(trace_id));
        let state = match self {
            Self::Ratio(ratio) if is_sampled => ratio.state.clone(),
            _ => TraceState::NONE,
        };
        Decision { is_sampled, threshold, state }
    }

    /// The decision below a remote parent, whatever it has decided itself.
    pub(super) fn decide_below(&self, parent: &SpanContext) -> Decision {
        let state = parent.trace_state();
        let own = OwnMember::parse(state.get(OWN_KEY).unwrap_or_default());
        let (is_sampled, threshold) = self.decide(|| {
            own.randomness.unwrap_or_else(|| {
                self.warn_unless_random(parent);
                Randomness::of(parent.trace_id())
            })
        });
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
    fn decide(&self, randomness: impl FnOnce() -> Randomness) -> (bool, Option<Threshold>) {
        match self {
            Self::AlwaysOn => (true, None),
            Self::AlwaysOff => (false, None),
            Self::Ratio(Ratio { threshold, .. }) => {
                let is_sampled = threshold.keeps(randomness());
                (is_sampled, is_sampled.then_some(*threshold))
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
        let member = format!("th:{threshold}");
        let state = own_member::replaced(&TraceState::NONE, Some(&member));
        Self { threshold, state, warning: Arc::new(Once::new()) }
    }
}
