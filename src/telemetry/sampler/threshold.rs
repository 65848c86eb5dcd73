//! The two numbers that a decision compares: OpenTelemetry's "TraceState: Probability Sampling".
//! <https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/>
//!
//! Every trace has one randomness value, and whoever decides on it compares the same value: what a
//! sampler of a lower rate keeps, one of a higher rate keeps as well, in whatever service.

use std::fmt;
use std::num::NonZeroU64;

use opentelemetry::trace::TraceId;

use crate::propagation::hex;

/// How many values of randomness there are.
const ALL: u64 = 1 << 56;
/// The digits of the largest of them.
const DIGITS: u32 = 14;
/// "Converting floating-point probability to threshold value": digits that a threshold has by default,
/// besides the `f`s that it begins with.
const PRECISION: u32 = 4;

/// How many of 2^56 traces are rejected; at least one is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threshold(u64);

impl Threshold {
    /// The threshold that keeps one trace in `n`: of as few digits as make `n` its sample rate again.
    pub(super) fn one_in(n: NonZeroU64) -> Self {
        let n = n.get().min(ALL);
        let exact = Self(ALL - rounded_quotient(ALL, n));
        let leading = (exact.0 << (64 - 4 * DIGITS)).leading_ones() / 4;
        (leading + PRECISION..DIGITS)
            .map(|digits| exact.rounded(digits))
            .find(|threshold| threshold.sample_rate() == n)
            .unwrap_or(exact)
    }

    /// The threshold that keeps this part of all traces, from 0 to 1; `None` where it keeps none.
    #[cfg(feature = "aws")]
    pub(super) fn keeping(part: f64) -> Option<Self> {
        // The cast takes what is below 0 or no number for 0, and 2^56 has room in both types.
        let kept = (part * ALL as f64).round() as u64;
        let exact = Self(ALL - kept.min(ALL));
        let leading = (exact.0 << (64 - 4 * DIGITS)).leading_ones() / 4;
        (kept > 0).then(|| exact.rounded((leading + PRECISION).min(DIGITS)))
    }

    /// To so many digits, the others zero. At least one of them is not an `f`, so that it cannot
    /// become 2^56.
    fn rounded(self, digits: u32) -> Self {
        let unit = 1 << (4 * (DIGITS - digits));
        Self((self.0 + unit / 2) / unit * unit)
    }

    /// Reads the value of `th`: 1 to 14 digits, the zeros at its end left out or not.
    pub(super) fn parse(th: &str) -> Option<Self> {
        let missing = DIGITS.checked_sub(u32::try_from(th.len()).ok()?)?;
        if th.is_empty() { None } else { Some(Self(number(th)? << (4 * missing))) }
    }

    /// Is a trace with this randomness kept?
    pub(super) fn keeps(self, randomness: Randomness) -> bool {
        randomness.0 >= self.0
    }

    /// How many traces one that is kept stands for, to the nearest whole number.
    pub(super) fn sample_rate(self) -> u64 {
        rounded_quotient(ALL, ALL - self.0)
    }
}

/// The value of `th`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            number => f.write_str(format!("{number:014x}").trim_end_matches('0')),
        }
    }
}

/// The 56 bits by which a trace is kept or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Randomness(u64);

impl Randomness {
    /// The last 56 bits of the id. They are presumed to be random even where the flag that says so is
    /// not set (trace SDK, "Presumption of TraceID randomness"): no level 1 propagator passes it on.
    pub(super) fn of(trace_id: TraceId) -> Self {
        let [.., a, b, c, d, e, f, g] = trace_id.to_bytes();
        Self(u64::from_be_bytes([0, a, b, c, d, e, f, g]))
    }

    /// Reads the value of `rv`: exactly 14 digits.
    pub(super) fn parse(rv: &str) -> Option<Self> {
        if rv.len() == DIGITS as usize { number(rv).map(Self) } else { None }
    }
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0, |number, digit| Some(number << 4 | u64::from(hex::value(digit)?)))
}

fn rounded_quotient(dividend: u64, divisor: u64) -> u64 {
    (dividend + divisor / 2) / divisor
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_in(n: u64) -> Threshold {
        Threshold::one_in(NonZeroU64::new(n).unwrap())
    }

    #[test]
    fn one_in_n_is_written_as_the_specification_has_it() {
        let cases = [
            (1, "0"),
            (2, "8"),
            (3, "aaab"),
            (4, "c"),
            (5, "cccd"),
            (8, "e"),
            (10, "e666"),
            (16, "f"),
            (100, "fd70a"),
            (1_000, "ffbe77"),
            (10_000, "fff9724"),
            // Four digits would make them one in 99 999 and one in 999 992.
            (100_000, "ffff583a5"),
            (1_000_000, "ffffef3908"),
            (ALL, "ffffffffffffff"),
            (u64::MAX, "ffffffffffffff"),
        ];
        for (n, th) in cases {
            assert_eq!(one_in(n).to_string(), th, "{n}");
            assert_eq!(one_in(n).sample_rate(), n.min(ALL), "{n}");
        }
    }

    #[cfg(feature = "aws")]
    #[test]
    fn a_part_is_written_as_the_specification_has_it() {
        let cases = [
            (1.0, Some(("0", 1))),
            (2.0, Some(("0", 1))),
            (0.5, Some(("8", 2))),
            (0.1, Some(("e666", 10))),
            (0.05, Some(("f3333", 20))),
            (0.3, Some(("b333", 3))),
            (0.003, Some(("ff3b64", 333))),
            (1e-16, Some(("fffffffffffff9", 10_293_942_005_418_277))),
            (0.0, None),
            (1e-18, None),
            (-0.5, None),
            (f64::NAN, None),
        ];
        for (part, expected) in cases {
            let threshold = Threshold::keeping(part);
            let found = threshold.map(|it| (it.to_string(), it.sample_rate()));
            let expected = expected.map(|(th, rate): (&str, u64)| (th.to_owned(), rate));
            assert_eq!(found, expected, "{part}");
        }
    }

    #[test]
    fn what_is_read_and_what_is_refused() {
        let cases = [
            ("0", Some((0, 1))),
            ("8", Some((1 << 55, 2))),
            ("80", Some((1 << 55, 2))),
            ("80000000000000", Some((1 << 55, 2))),
            // 75 %: one and a third.
            ("4", Some((1 << 54, 1))),
            // 40 %: two and a half.
            ("9999999999999a", Some((0x99_9999_9999_999a, 3))),
            ("08", Some((1 << 51, 1))),
            ("ffffffffffffff", Some((ALL - 1, ALL))),
            ("", None),
            ("800000000000000", None),
            ("C", None),
            ("0x8", None),
            ("+8", None),
            (" 8", None),
            ("g", None),
            ("é", None),
        ];
        for (th, expected) in cases {
            let read = Threshold::parse(th).map(|it| (it.0, it.sample_rate()));
            assert_eq!(read, expected, "{th}");
        }
        for (rv, expected) in [
            ("6e6d1a75832a2f", Some(0x6e_6d1a_7583_2a2f)),
            ("00000000000000", Some(0)),
            ("6e6d1a75832a2", None),
            ("6e6d1a75832a2f0", None),
            ("6E6D1A75832A2F", None),
            ("", None),
        ] {
            assert_eq!(Randomness::parse(rv).map(|it| it.0), expected, "{rv}");
        }
    }

    #[test]
    fn the_randomness_of_a_trace_is_at_the_end_of_its_id() {
        let id = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(Randomness::of(id), Randomness::parse("ce929d0e0e4736").unwrap());
    }

    /// SplitMix64: the same numbers in each run.
    fn numbers() -> impl Iterator<Item = u64> {
        let mut state = 0x5eed_u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ z >> 31
        })
    }

    #[test]
    fn one_trace_in_n_is_kept_and_the_rates_add_up_to_all_of_them() {
        const TRACES: u32 = 200_000;
        let traces = f64::from(TRACES);
        for n in [1, 2, 3, 7, 10, 100, 1_000] {
            let kept = numbers()
                .take(TRACES as usize)
                .filter(|number| one_in(n).keeps(Randomness(number % ALL)))
                .count();
            let rate = f64::from(u32::try_from(n).unwrap());
            let sum = f64::from(u32::try_from(kept).unwrap()) * rate;
            // Four standard deviations of the binomial distribution.
            let bound = 4.0 * (traces * (rate - 1.0)).sqrt();
            assert!((sum - traces).abs() <= bound, "1 in {n}: {sum} of {traces} ± {bound}");
        }
    }

    proptest! {
        #[test]
        fn every_threshold_comes_back(number in 0..ALL) {
            let written = Threshold(number).to_string();
            prop_assert!(number == 0 || !written.ends_with('0'));
            prop_assert_eq!(Threshold::parse(&written), Some(Threshold(number)));
            let padded = format!("{written:0<14}");
            prop_assert_eq!(Threshold::parse(&padded), Some(Threshold(number)));
        }

        #[test]
        fn one_in_n_has_the_sample_rate_n(n in prop_oneof![1..2_000_u64, 1..1_u64 << 28]) {
            prop_assert_eq!(one_in(n).sample_rate(), n);
            let n_again = Threshold::parse(&one_in(n).to_string()).unwrap().sample_rate();
            prop_assert_eq!(n_again, n);
        }

        #[test]
        fn what_a_lower_rate_keeps_a_higher_one_keeps_too(
            rates in (1..1_u64 << 20, 1..1_u64 << 20),
            // Also where the thresholds are.
            randomness in prop_oneof![0..ALL, ALL - (1 << 40)..ALL],
        ) {
            let (often, seldom) = (one_in(rates.0.min(rates.1)), one_in(rates.0.max(rates.1)));
            let randomness = Randomness(randomness);
            prop_assert!(!seldom.keeps(randomness) || often.keeps(randomness));
        }

        #[test]
        fn digits_compare_as_numbers_do(threshold in 0..ALL, randomness in 0..ALL) {
            // "Lowercase hexadecimal digits are specified to enable direct lexicographical comparison".
            let rv = format!("{randomness:014x}");
            let keeps = Threshold(threshold).keeps(Randomness::parse(&rv).unwrap());
            prop_assert_eq!(keeps, rv >= format!("{threshold:014x}"));
        }
    }
}
