//! OpenTelemetry's own member of a tracestate, `ot=th:8;rv:6e6d1a75832a2f`: its sub-keys that are about
//! sampling are read and written here, the others are kept.
//! <https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/>

use opentelemetry::trace::TraceState;

use super::threshold::{Randomness, Threshold};
use crate::propagation::OWN_KEY;

/// The value has at most so many characters.
const LONGEST: usize = 256;
/// `th:` and 14 digits.
const LONGEST_THRESHOLD: usize = 17;

/// What the member says. A sub-key that is malformed, or there twice, says nothing.
#[derive(Debug)]
pub(super) struct OwnMember<'a> {
    pub(super) threshold: Option<Threshold>,
    pub(super) randomness: Option<Randomness>,
    /// All that are to be kept: not `th`.
    others: Vec<&'a str>,
    /// Has it a `th` or an `rv` that says nothing?
    has_unusable: bool,
}

impl<'a> OwnMember<'a> {
    pub(super) fn parse(value: &'a str) -> Self {
        let (mut th, mut rv) = (SubKey::Absent, SubKey::Absent);
        let mut others = Vec::new();
        for member in value.split(';') {
            match member.split_once(':') {
                Some(("th", value)) => th.find(Threshold::parse(value)),
                Some(("rv", value)) => {
                    rv.find(Randomness::parse(value));
                    others.push(member);
                }
                Some((key, value)) if is_key(key) && is_value(value) => others.push(member),
                _ => {}
            }
        }
        if matches!(rv, SubKey::Unusable) {
            others.retain(|member| !member.starts_with("rv:"));
        }
        let has_unusable = matches!(th, SubKey::Unusable) || matches!(rv, SubKey::Unusable);
        Self { threshold: th.value(), randomness: rv.value(), others, has_unusable }
    }

    /// Is there room for a threshold beside the other sub-keys?
    pub(super) fn has_room(&self) -> bool {
        let others: usize = self.others.iter().map(|member| 1 + member.len()).sum();
        LONGEST_THRESHOLD + others <= LONGEST
    }

    /// Can the member stay as it is, if its threshold is to be this one?
    pub(super) fn has_exactly(&self, threshold: Option<Threshold>) -> bool {
        self.threshold == threshold && !self.has_unusable
    }

    /// Its value with this threshold, or with none; `None` where nothing is left to say.
    pub(super) fn with(&self, threshold: Option<Threshold>) -> Option<String> {
        let threshold = threshold.map(|threshold| format!("th:{threshold}"));
        let members: Vec<_> =
            threshold.as_deref().into_iter().chain(self.others.iter().copied()).collect();
        (!members.is_empty()).then(|| members.join(";"))
    }
}

/// `state` with this value for the own member, which comes first, and the other members after it.
pub(super) fn replaced(state: &TraceState, value: Option<&str>) -> TraceState {
    let own = value.map(|value| (OWN_KEY, value));
    let others = state.into_iter().filter(|(key, _)| *key != OWN_KEY);
    // They were all accepted before; it takes the first 32.
    TraceState::from_key_value(own.into_iter().chain(others)).unwrap_or_default()
}

/// "The used keys MUST be unique": found twice, nobody knows which one counts.
enum SubKey<T> {
    Absent,
    Found(T),
    Unusable,
}

impl<T> SubKey<T> {
    fn find(&mut self, value: Option<T>) {
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Found(value),
            _ => Self::Unusable,
        };
    }

    fn value(self) -> Option<T> {
        match self {
            Self::Found(value) => Some(value),
            Self::Absent | Self::Unusable => None,
        }
    }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_value(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_said_and_what_is_kept() {
        // the value; its th, its rv, can it stay as it is?; with th:c, with none
        let cases = [
            ("th:8", "8", "", true, "th:c", ""),
            ("th:80", "8", "", true, "th:c", ""),
            ("rv:6e6d1a75832a2f", "", "yes", true, "th:c;rv:6e6d1a75832a2f", "rv:6e6d1a75832a2f"),
            (
                "p:8;th:8;rv:6e6d1a75832a2f;r:62",
                "8",
                "yes",
                true,
                "th:c;p:8;rv:6e6d1a75832a2f;r:62",
                "p:8;rv:6e6d1a75832a2f;r:62",
            ),
            ("k1:A._-9;empty:", "", "", true, "th:c;k1:A._-9;empty:", "k1:A._-9;empty:"),
            // What is malformed is erased.
            ("th:", "", "", false, "th:c", ""),
            ("th:8g;p:8", "", "", false, "th:c;p:8", "p:8"),
            ("th:800000000000000", "", "", false, "th:c", ""),
            ("th:C", "", "", false, "th:c", ""),
            ("th:8;rv:6e6d1a75832a2", "8", "", false, "th:c", ""),
            ("th:8;rv:6E6D1A75832A2F;a:b", "8", "", false, "th:c;a:b", "a:b"),
            // Twice, nobody knows which one counts.
            ("th:8;th:8", "", "", false, "th:c", ""),
            ("rv:6e6d1a75832a2f;rv:6e6d1a75832a2f", "", "", false, "th:c", ""),
            // No sub-keys, which others wrote: not ours to erase, but not to be written either.
            ("", "", "", true, "th:c", ""),
            ("th;;Key:1;a:b c;a1:x;1a:x", "", "", true, "th:c;a1:x", "a1:x"),
        ];
        for (value, th, rv, can_stay, with, without) in cases {
            let own = OwnMember::parse(value);
            let threshold = own.threshold.map(|it| it.to_string()).unwrap_or_default();
            assert_eq!(threshold, th, "{value}");
            assert_eq!(own.randomness.is_some(), !rv.is_empty(), "{value}");
            assert_eq!(own.has_exactly(own.threshold), can_stay, "{value}");
            let c = Threshold::parse("c");
            assert!(!own.has_exactly(c), "{value}");
            assert_eq!(own.with(c).as_deref(), Some(with), "{value}");
            assert_eq!(own.with(None).unwrap_or_default(), without, "{value}");
        }
    }

    #[test]
    fn the_own_member_comes_first_and_once() {
        let many: Vec<_> = (0..32).map(|index| (format!("k{index}"), "v".to_owned())).collect();
        let state =
            |members: &[(&str, &str)]| TraceState::from_key_value(members.iter().copied()).unwrap();
        let twice = state(&[("a", "1"), ("ot", "th:8"), ("b", "2"), ("ot", "th:4")]);
        assert_eq!(replaced(&twice, Some("th:c")).header(), "ot=th:c,a=1,b=2");
        assert_eq!(replaced(&twice, None).header(), "a=1,b=2");
        assert_eq!(replaced(&TraceState::NONE, Some("th:0")).header(), "ot=th:0");
        assert_eq!(replaced(&state(&[("ot", "th:8")]), None), TraceState::NONE);
        let full = TraceState::from_key_value(many).unwrap();
        let header = replaced(&full, Some("th:0")).header();
        assert!(header.starts_with("ot=th:0,k0=v,") && header.ends_with(",k30=v"), "{header}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_fits(
            value in prop_oneof![
                "(th:[0-9a-f]{0,15}|rv:[0-9a-f]{13,15}|[a-z][a-z0-9]{0,3}:[A-Za-z0-9._-]{0,60}|[!-~]{0,9}){1}(;(th:8|rv:[0-9a-f]{14}|[a-z][a-z0-9]{0,3}:[A-Za-z0-9._-]{0,60})){0,5}",
                "[ -~]{0,256}",
            ],
            th in "[0-9a-f]{1,14}",
        ) {
            prop_assume!(value.len() <= LONGEST);
            let own = OwnMember::parse(&value);
            let threshold = Threshold::parse(&th);
            let written = own.with(threshold).unwrap();
            prop_assert!(written.len() <= LONGEST || !own.has_room());
            let again = OwnMember::parse(&written);
            prop_assert!(again.has_exactly(threshold));
            prop_assert_eq!(again.randomness, own.randomness);
            prop_assert_eq!(again.others, own.others);
        }
    }
}
