//! The variables that say which traces are recorded.

use std::num::NonZeroU64;

use super::environment::{Environment, quote};

/// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamplerConfig {
    /// Does a caller's decision count? The `parentbased_` forms, and `xray`.
    pub parent_based: bool,
    /// What is decided for a trace that starts here.
    pub root: RootSampler,
}

/// The decision for a trace that starts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootSampler {
    /// `always_on`
    AlwaysOn,
    /// `always_off`, or a ratio of 0.
    AlwaysOff,
    /// `traceidratio`: one trace in so many. Only a whole number can be the sample rate of a span.
    OneIn(NonZeroU64),
    /// `xray`: the rules that the X-Ray daemon tells.
    #[cfg(feature = "aws")]
    Xray,
}

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const XRAY: &str = "xray";

impl SamplerConfig {
    /// Does it decide by a span's attributes? All others do by the trace id, and the caller's decision.
    pub(crate) fn reads_attributes(&self) -> bool {
        match self.root {
            RootSampler::AlwaysOn | RootSampler::AlwaysOff | RootSampler::OneIn(_) => false,
            #[cfg(feature = "aws")]
            RootSampler::Xray => true,
        }
    }

    /// Reads the variables.
    pub(super) fn read(env: &mut Environment) -> Self {
        const NAMES: &[&str] = &[
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
            "always_on",
            "always_off",
            "traceidratio",
            #[cfg(feature = "aws")]
            XRAY,
        ];
        #[cfg(not(feature = "aws"))]
        if env.get(SAMPLER).is_some_and(|name| name.eq_ignore_ascii_case(XRAY)) {
            env.ignore(SAMPLER, format!("{SAMPLER} is {XRAY:?}, but {}", super::WITHOUT_AWS));
            return Self { parent_based: true, root: RootSampler::AlwaysOn };
        }
        let name = env.name(SAMPLER, NAMES[0], NAMES);
        #[cfg(feature = "aws")]
        if name == XRAY {
            warn_of_an_argument(env, name);
            // X-Ray decides where a trace begins; AWS's SDKs follow their callers, too.
            return Self { parent_based: true, root: RootSampler::Xray };
        }
        let root = name.strip_prefix("parentbased_");
        let parent_based = root.is_some();
        let root = match root.unwrap_or(name) {
            "traceidratio" => read_ratio(env),
            other => {
                warn_of_an_argument(env, name);
                if other == "always_off" { RootSampler::AlwaysOff } else { RootSampler::AlwaysOn }
            }
        };
        Self { parent_based, root }
    }
}

/// A ratio without the sampler that takes it samples everything, which is no small mistake.
fn warn_of_an_argument(env: &mut Environment, sampler: &str) {
    if let Some(value) = env.get(ARGUMENT) {
        let sentence = format!(
            "{ARGUMENT} is {}, but {SAMPLER} is {sampler}, which takes no argument; ignored",
            quote(value)
        );
        env.ignore(ARGUMENT, sentence);
    }
}

fn read_ratio(env: &mut Environment) -> RootSampler {
    let Some(value) = env.get(ARGUMENT) else { return RootSampler::OneIn(NonZeroU64::MIN) };
    match value.parse() {
        Ok(0.0) => RootSampler::AlwaysOff,
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => {
            let (n, is_exact) = nearest(ratio);
            if !is_exact {
                let used = if n == NonZeroU64::MIN { n.to_string() } else { format!("1/{n}") };
                let sentence = format!(
                    "{ARGUMENT} is {}: expected 1/N, N being a whole number; using {used}",
                    quote(value)
                );
                env.warn(sentence);
            }
            RootSampler::OneIn(n)
        }
        _ => {
            let sentence =
                format!("{ARGUMENT} is {}: expected a number from 0 to 1; using 1", quote(value));
            env.ignore(ARGUMENT, sentence);
            RootSampler::OneIn(NonZeroU64::MIN)
        }
    }
}

/// The smallest probability of the specification is 2^-56.
const MOST: u64 = 1 << 56;

/// The `N` of the 1/N that is nearest to `ratio`, which is above 0 and at most 1, and whether they are
/// the same: nobody can write 1/3 otherwise than to some digits, so a thousandth makes no difference.
fn nearest(ratio: f64) -> (NonZeroU64, bool) {
    let one_in = |n: u64| (n as f64).recip();
    // The cast cuts off what is behind the point.
    let below = (ratio.recip() as u64).clamp(1, MOST);
    let above = (below + 1).min(MOST);
    // Where both are as near, the one that keeps more.
    let is_below = one_in(below) - ratio <= ratio - one_in(above);
    let n = if is_below { below } else { above };
    (NonZeroU64::new(n).unwrap_or(NonZeroU64::MIN), (ratio / one_in(n) - 1.0).abs() < 0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> (SamplerConfig, Vec<String>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut env = Environment::new(vars.iter().map(owned).collect());
        (SamplerConfig::read(&mut env), env.into_warnings())
    }

    fn one_in(n: u64) -> RootSampler {
        RootSampler::OneIn(NonZeroU64::new(n).unwrap())
    }

    #[test]
    fn a_ratio_is_one_in_n_or_is_said_not_to_be() {
        let cases = [
            ("1", one_in(1), None),
            ("1.0", one_in(1), None),
            ("0.5", one_in(2), None),
            ("0.3333", one_in(3), None),
            ("0.1", one_in(10), None),
            ("1e-2", one_in(100), None),
            ("0.0001", one_in(10_000), None),
            ("0", RootSampler::AlwaysOff, None),
            ("0.33", one_in(3), Some("using 1/3")),
            ("0.3", one_in(3), Some("using 1/3")),
            ("0.29", one_in(4), Some("using 1/4")),
            ("0.15", one_in(7), Some("using 1/7")),
            ("0.7", one_in(2), Some("using 1/2")),
            ("0.75", one_in(1), Some("using 1")),
            ("0.9", one_in(1), Some("using 1")),
            ("1.5", one_in(1), Some("from 0 to 1; using 1")),
            ("-0.1", one_in(1), Some("from 0 to 1; using 1")),
            ("NaN", one_in(1), Some("from 0 to 1; using 1")),
            ("10%", one_in(1), Some("from 0 to 1; using 1")),
            ("1e-300", one_in(1 << 56), Some("using 1/72057594037927936")),
        ];
        for (value, root, says) in cases {
            for (sampler, parent_based) in
                [("traceidratio", false), ("ParentBased_TraceIdRatio", true)]
            {
                let (config, warnings) = read(&[(SAMPLER, sampler), (ARGUMENT, value)]);
                assert_eq!(config, SamplerConfig { parent_based, root }, "{value}");
                assert_eq!(warnings.len(), usize::from(says.is_some()), "{value}: {warnings:?}");
                for part in says.into_iter().chain([ARGUMENT, value]) {
                    assert!(warnings.iter().all(|it| it.contains(part)), "{part}: {warnings:?}");
                }
            }
        }
    }

    #[test]
    fn an_argument_that_nobody_takes_is_said() {
        for (sampler, name) in [
            ("", "parentbased_always_on"),
            ("always_on", "always_on"),
            ("parentbased_always_off", "parentbased_always_off"),
        ] {
            let (_, warnings) = read(&[(SAMPLER, sampler), (ARGUMENT, "0.1")]);
            let [warning] = &warnings[..] else { panic!("{sampler}: {warnings:?}") };
            for part in [ARGUMENT, "\"0.1\"", SAMPLER, name, "ignored"] {
                assert!(warning.contains(part), "{part}: {warning}");
            }
            assert_eq!(read(&[(SAMPLER, sampler), (ARGUMENT, "")]).1, Vec::<String>::new());
        }
        let argument = read(&[(SAMPLER, "traceidratio")]);
        assert_eq!((argument.0.root, argument.1.len()), (one_in(1), 0));
    }
}
