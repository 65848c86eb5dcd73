//! How much a span, or a log record, may hold. The SDK reads three of these variables on its own and
//! honours what it is given; lengths of values it does not limit, `telemetry::limits` does.

use opentelemetry_sdk::trace::SpanLimits;

use super::environment::Environment;

const COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const VALUE_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";
/// The specification's, of every count.
const DEFAULT_COUNT: u64 = 128;
/// The specification has no limit by default; we have, and say so in docs/environment.md.
const DEFAULT_VALUE_LENGTH: u64 = 4096;
/// The integers that the specification wants to be supported.
const RANGE: std::ops::RangeInclusive<u64> = 0..=2_147_483_647;

/// The counts of a span; its attributes' and those of its events and links follow the general limit
/// where they have none of their own (Common, "Attribute Limits").
pub(super) fn read_span_limits(env: &mut Environment) -> SpanLimits {
    let attributes = |env: &mut Environment, variable| count(limit(env, variable, COUNT));
    let things =
        |env: &mut Environment, variable| count(env.number(variable, DEFAULT_COUNT, RANGE));
    SpanLimits {
        max_attributes_per_span: attributes(env, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
        max_attributes_per_event: attributes(env, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
        max_attributes_per_link: attributes(env, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
        max_events_per_span: things(env, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
        max_links_per_span: things(env, "OTEL_SPAN_LINK_COUNT_LIMIT"),
    }
}

/// How many characters of a span's values are kept.
pub(super) fn read_span_value_length(env: &mut Environment) -> usize {
    length(limit(env, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", VALUE_LENGTH))
}

/// How much a log record may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`, else `OTEL_ATTRIBUTE_COUNT_LIMIT`.
    pub attributes: usize,
    /// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`: how
    /// many characters of a value are kept.
    pub value_length: usize,
}

impl RecordLimits {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self {
            attributes: length(limit(env, "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", COUNT)),
            value_length: length(limit(
                env,
                "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                VALUE_LENGTH,
            )),
        }
    }
}

/// A limit of one kind of record, else the general one, else the default.
fn limit(env: &mut Environment, variable: &'static str, general: &'static str) -> u64 {
    let default = if general == COUNT { DEFAULT_COUNT } else { DEFAULT_VALUE_LENGTH };
    let fallback = env.number(general, default, RANGE);
    let limit = env.number(variable, fallback, RANGE);
    env.inherit(variable, general);
    limit
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn length(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
