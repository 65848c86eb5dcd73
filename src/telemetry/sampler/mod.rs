//! Which traces are recorded, and how many each recorded one stands for.
//!
//! | file | what |
//! |---|---|
//! | `root` | what is decided for a trace that starts here |
//! | `threshold` | the numbers that a decision by probability compares |
//! | `own_member` | where they travel: `ot=th:…;rv:…` in the tracestate |
//!
//! The SDK has samplers of the same names. Its ratio looks at other bits of the trace id than the
//! specification has settled on since, and its parent-based one drops what the root says besides yes
//! and no: so nobody further on, Honeycomb among them, could tell how many traces were left out.

mod own_member;
mod root;
mod threshold;
mod unsampled;

use opentelemetry::trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::config::TelemetryConfig;
use crate::propagation::OWN_KEY;
use own_member::OwnMember;
use root::Root;
use threshold::{Randomness, Threshold};
pub(super) use unsampled::Unsampled;

/// The attribute by which Honeycomb multiplies a span: an integer, and 1 where neither it nor a
/// threshold is there. It is wanted on each span, since each is counted on its own.
pub(crate) const SAMPLE_RATE: &str = "SampleRate";

/// The sampler that is configured.
pub(super) fn sampler(config: &TelemetryConfig) -> Sampler {
    if config.disabled {
        return Sampler::new(false, Root::AlwaysOff);
    }
    Sampler::new(config.sampler.parent_based, Root::new(config.sampler.root))
}

/// Follows the parent, or lets the root decide.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    parent_based: bool,
    root: Root,
    unsampled: Unsampled,
}

impl Sampler {
    fn new(parent_based: bool, root: Root) -> Self {
        Self { parent_based, root, unsampled: Unsampled::default() }
    }

    /// The count of the spans that this sampler, or a clone of it, decides against.
    pub(super) fn unsampled(&self) -> &Unsampled {
        &self.unsampled
    }

    /// The same sampler, where X-Ray's rules decide on traces that start here.
    #[cfg(feature = "aws")]
    pub(super) fn by_rules(self, rules: super::xray::sampling::Sampler) -> Self {
        Self { root: Root::Rules(rules), ..self }
    }

    fn decide(&self, parent: &SpanContext, trace_id: TraceId, attributes: &[KeyValue]) -> Decision {
        if !parent.is_valid() {
            self.root.decide_for_new(trace_id, attributes)
        } else if !parent.is_remote() {
            // A trace is whole: what was decided where it came in or began holds below. The member was
            // looked through there, too.
            Decision {
                threshold: threshold_of(parent),
                state: parent.trace_state().clone(),
                is_sampled: parent.is_sampled(),
            }
        } else if self.parent_based {
            follow(parent)
        } else {
            self.root.decide_below(parent, attributes)
        }
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let parent = parent.map(TraceContextExt::span);
        let parent = parent.as_ref().map_or(&SpanContext::NONE, |span| span.span_context());
        let Decision { is_sampled, threshold, state } = self.decide(parent, trace_id, attributes);
        if !is_sampled {
            self.unsampled.add_one();
            let decision = SamplingDecision::Drop;
            return SamplingResult { decision, attributes: Vec::new(), trace_state: state };
        }
        SamplingResult {
            decision: SamplingDecision::RecordAndSample,
            attributes: threshold.map_or_else(Vec::new, sample_rate),
            trace_state: state,
        }
    }
}

/// What becomes of a span.
#[derive(Debug)]
struct Decision {
    is_sampled: bool,
    /// With which threshold it was sampled, if that is known.
    threshold: Option<Threshold>,
    state: TraceState,
}

/// The decision of a remote parent, whose threshold holds if it fits the flag.
fn follow(parent: &SpanContext) -> Decision {
    let is_sampled = parent.is_sampled();
    let Some(own) = parent.trace_state().get(OWN_KEY).map(OwnMember::parse) else {
        // "If a sampled incoming threshold is absent, ensure there is no outgoing threshold."
        return Decision { is_sampled, threshold: None, state: parent.trace_state().clone() };
    };
    let randomness = own.randomness.unwrap_or_else(|| Randomness::of(parent.trace_id()));
    // "If a sampled incoming threshold is apparently inconsistent, erase it." Where nothing is
    // sampled, there is nothing whose count it could tell.
    let threshold = own.threshold.filter(|threshold| is_sampled && threshold.keeps(randomness));
    let state = if own.has_exactly(threshold) {
        parent.trace_state().clone()
    } else {
        own_member::replaced(parent.trace_state(), own.with(threshold).as_deref())
    };
    Decision { is_sampled, threshold, state }
}

/// The threshold of a span that this sampler has sampled.
fn threshold_of(span: &SpanContext) -> Option<Threshold> {
    let own = span.trace_state().get(OWN_KEY)?;
    own.split(';').find_map(|member| member.strip_prefix("th:")).and_then(Threshold::parse)
}

/// The attribute, where it says anything: at 1 it is left out.
fn sample_rate(threshold: Threshold) -> Vec<KeyValue> {
    match threshold.sample_rate() {
        ..=1 => Vec::new(),
        // 2^56 at most.
        rate => vec![KeyValue::new(SAMPLE_RATE, rate.cast_signed())],
    }
}

#[cfg(test)]
mod tests;
