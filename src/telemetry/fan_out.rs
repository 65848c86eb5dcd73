//! One span processor before all that take spans: exporters' pipelines (`pipeline.rs`), and the traces
//! that the page shows (`recent_traces`).
//!
//! Of several processors the SDK gives each a copy of every span, before it knows whether the span is
//! wanted, and the last one too. Here whoever wants a span copies it, or what it needs of it, and the
//! last is given the span itself.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

/// One that takes spans, and copies no more of them than it needs.
pub(crate) trait Consumer: SpanProcessor {
    /// [`SpanProcessor::on_end`], of a span that others want as well.
    fn on_end_of(&self, span: &SpanData);
}

/// Hands spans to all its consumers, in their order.
#[derive(Debug)]
pub(super) struct FanOut(Vec<Box<dyn Consumer>>);

impl FanOut {
    pub(super) fn new(consumers: Vec<Box<dyn Consumer>>) -> Self {
        Self(consumers)
    }

    /// Does something with all, also where it fails for one; the first error.
    fn each(&self, act: impl Fn(&dyn Consumer) -> OTelSdkResult) -> OTelSdkResult {
        self.0.iter().map(|consumer| act(&**consumer)).fold(Ok(()), OTelSdkResult::and)
    }
}

impl SpanProcessor for FanOut {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.0.iter().for_each(|consumer| consumer.on_start(span, cx));
    }

    fn on_end(&self, span: SpanData) {
        let Some((last, others)) = self.0.split_last() else { return };
        others.iter().for_each(|consumer| consumer.on_end_of(&span));
        last.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.each(|consumer| consumer.force_flush())
    }

    /// Gives each the whole `timeout` in turn, as the provider itself would.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.each(|consumer| consumer.shutdown_with_timeout(timeout))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::{Tracer, TracerProvider};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// Notes what it is called for, under its name.
    #[derive(Debug)]
    struct Noting {
        name: &'static str,
        calls: Arc<Mutex<Vec<String>>>,
        fails: bool,
    }

    impl Noting {
        fn note(&self, call: &str) -> OTelSdkResult {
            self.calls.lock().unwrap().push(format!("{} {call}", self.name));
            match self.fails {
                true => Err(OTelSdkError::InternalFailure(self.name.to_owned())),
                false => Ok(()),
            }
        }
    }

    impl SpanProcessor for Noting {
        fn on_start(&self, _: &mut Span, _: &Context) {
            let _ = self.note("start");
        }

        fn on_end(&self, span: SpanData) {
            let _ = self.note(&format!("is given {}", span.name));
        }

        fn force_flush(&self) -> OTelSdkResult {
            self.note("flush")
        }

        fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
            self.note(&format!("shutdown {timeout:?}"))
        }
    }

    impl Consumer for Noting {
        fn on_end_of(&self, span: &SpanData) {
            let _ = self.note(&format!("is shown {}", span.name));
        }
    }

    /// Consumers of these names, of which the first two fail, and what they are called for.
    fn fan_out(names: &[&'static str]) -> (FanOut, Arc<Mutex<Vec<String>>>) {
        let calls = Arc::<Mutex<Vec<_>>>::default();
        let mut consumers: Vec<Box<dyn Consumer>> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            consumers.push(Box::new(Noting { name, calls: Arc::clone(&calls), fails: index < 2 }));
        }
        (FanOut::new(consumers), calls)
    }

    #[test]
    fn each_has_each_span_once_in_order_and_the_last_is_given_it() {
        type Calls = &'static [&'static str];
        let cases: [(&[_], Calls); 3] = [
            (&[], &[]),
            (&["a"], &["a start", "a is given s"]),
            (
                &["a", "b", "c"],
                &["a start", "b start", "c start", "a is shown s", "b is shown s", "c is given s"],
            ),
        ];
        for (names, expected) in cases {
            let (fan_out, calls) = fan_out(names);
            let provider = SdkTracerProvider::builder().with_span_processor(fan_out).build();
            drop(provider.tracer("t").start("s"));
            assert_eq!(*calls.lock().unwrap(), expected);
        }
    }

    #[test]
    fn what_fails_for_one_is_done_with_the_others_and_the_failure_told() {
        let (fan_out, calls) = fan_out(&["a", "b", "c"]);
        let told = |result: OTelSdkResult| result.unwrap_err().to_string();
        assert!(told(fan_out.force_flush()).ends_with(": a"));
        assert!(told(fan_out.shutdown_with_timeout(Duration::from_secs(1))).ends_with(": a"));
        let expected =
            ["a flush", "b flush", "c flush", "a shutdown 1s", "b shutdown 1s", "c shutdown 1s"];
        assert_eq!(*calls.lock().unwrap(), expected);
    }
}
