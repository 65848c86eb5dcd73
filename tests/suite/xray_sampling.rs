//! Sampling by X-Ray's rules: real questions to a daemon, at times that the test decides.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backend_actix::config::xray::{DaemonAddress, HostPort};
use backend_actix::telemetry::xray::sampling::{Clock, Poller, Sampler};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use serde_json::{Value, json};

use crate::support::service::Service;
use crate::support::xray_daemon::{XrayDaemon, rule};

const HOME: &str = "/api/activities/home";
/// Some time of 2026, in seconds.
const START: u64 = 1_790_000_000;

/// A clock that stands still until it is told.
#[derive(Debug)]
struct StoppedClock(Mutex<Duration>);

impl Clock for StoppedClock {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// A sampler, what polls for it, and the time.
struct Bench {
    clock: Arc<StoppedClock>,
    sampler: Sampler,
    poller: Poller,
}

impl Bench {
    fn new(daemon: &XrayDaemon, service: &'static str) -> Self {
        let clock = Arc::new(StoppedClock(Mutex::new(Duration::from_secs(START))));
        let resource = Resource::builder_empty().with_service_name(service).build();
        let sampler = Sampler::new(&resource, Arc::clone(&clock) as Arc<dyn Clock>);
        let here = HostPort { host: "127.0.0.1".to_owned(), port: daemon.address.port() };
        let poller = Poller::new(&sampler, &DaemonAddress { udp: here.clone(), tcp: here });
        Self { clock, sampler, poller }
    }

    /// Lets time go by.
    fn pass(&self, seconds: f64) {
        *self.clock.0.lock().unwrap() += Duration::from_secs_f64(seconds);
    }

    fn since_start(&self) -> u64 {
        self.clock.now().as_secs() - START
    }

    /// Decides on so many requests at this moment: how many the reservoir gave, and by which rate, if any,
    /// the others are decided.
    fn decide(&self, requests: usize, path: &'static str) -> (usize, Option<f64>) {
        let attributes =
            [KeyValue::new("url.path", path), KeyValue::new("http.request.method", "GET")];
        let mut rate = None;
        let taken = (0..requests)
            .filter(|_| {
                self.sampler.decide(&attributes, |r| {
                    rate = Some(r);
                    false
                })
            })
            .count();
        (taken, rate)
    }
}

/// The bodies of the questions about `path`.
fn asked(daemon: &XrayDaemon, path: &str) -> Vec<Value> {
    let questions = daemon.questions();
    questions.into_iter().filter(|it| it.path == path).map(|it| it.body).collect()
}

/// The rule of the bootcamp, and the one that each account has.
fn reference_rules() -> Value {
    let cruddur = json!({
        "FixedRate": 0.1, "ReservoirSize": 5, "ServiceName": "backend-flask",
    });
    let default = json!({ "FixedRate": 0.05, "ReservoirSize": 1 });
    json!({
        "SamplingRuleRecords": [rule("Default", 10_000, default), rule("Cruddur", 9_000, cruddur)],
    })
}

fn no_targets() -> Value {
    json!({ "SamplingTargetDocuments": [], "LastRuleModification": 1.0e9 })
}

#[test]
fn the_bootcamps_rule_is_five_a_second_and_a_tenth_of_the_others() {
    let daemon = XrayDaemon::start();
    let mut bench = Bench::new(&daemon, "backend-flask");
    let quota = json!({
        "RuleName": "Cruddur", "FixedRate": 0.1, "ReservoirQuota": 5,
        "ReservoirQuotaTTL": START + 20, "Interval": 10,
    });
    daemon.answer(
        &reference_rules(),
        &json!({ "SamplingTargetDocuments": [quota], "LastRuleModification": 1.0e9 }),
    );
    let pause = bench.poller.poll();
    assert_eq!(pause, Duration::from_secs(10));
    assert_eq!(asked(&daemon, "/GetSamplingRules"), [json!({})]);

    // The reservoir is everybody's: before X-Ray gives a part of it, one a second is borrowed.
    assert_eq!(bench.decide(10, HOME), (1, Some(0.1)));
    bench.pass(1.0);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.1)));
    assert!(bench.sampler.decide(&[], |rate| rate > 0.09), "beyond it, the rate decides");

    bench.pass(9.0);
    bench.poller.poll();
    let told = asked(&daemon, "/SamplingTargets");
    let [document] = &told[0]["SamplingStatisticsDocuments"].as_array().unwrap()[..] else {
        panic!("{told:?}")
    };
    let client_id = document["ClientID"].as_str().unwrap();
    assert_eq!(client_id.len(), 24, "{client_id}");
    assert!(client_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{client_id}");
    assert_eq!(
        *document,
        json!({
            "RuleName": "Cruddur", "ClientID": client_id, "Timestamp": START + 10,
            "RequestCount": 21, "SampledCount": 3, "BorrowCount": 2,
        })
    );

    assert_eq!(bench.decide(10, HOME), (5, Some(0.1)));
    bench.pass(1.0);
    assert_eq!(bench.decide(3, HOME), (3, None));
    assert_eq!(bench.decide(7, HOME), (2, Some(0.1)));
    // The part was given until then; nothing new is heard.
    bench.pass(10.0);
    assert_eq!(bench.since_start(), 21);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.1)));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let daemon = XrayDaemon::start();
    let mut bench = Bench::new(&daemon, "shop");
    let of_rate = |rate: f64, more: Value| {
        let mut changes = json!({ "FixedRate": rate });
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        changes
    };
    let rules = [
        rule("Default", 10_000, of_rate(0.05, json!({}))),
        rule("b-second", 20, of_rate(0.3, json!({ "URLPath": "/api/*" }))),
        rule("a-first", 20, of_rate(0.2, json!({ "URLPath": "/api/activities*" }))),
        rule("first-of-all", 3, of_rate(0.1, json!({ "URLPath": HOME, "HTTPMethod": "get" }))),
        rule("of-another", 1, of_rate(0.9, json!({ "ServiceName": "other" }))),
        rule("of-a-machine", 1, of_rate(0.9, json!({ "ServiceType": "AWS::EC2::Instance" }))),
        rule("of-the-future", 1, of_rate(0.9, json!({ "Version": 2 }))),
        json!({ "SamplingRule": { "RuleName": "of-another-form" } }),
    ];
    daemon.answer(&json!({ "SamplingRuleRecords": rules }), &no_targets());
    bench.poller.poll();
    for (path, rate) in
        [(HOME, 0.1), ("/api/activities/search", 0.2), ("/api/messages", 0.3), ("/health", 0.05)]
    {
        assert_eq!(bench.decide(1, path), (0, Some(rate)), "{path}");
    }
}

#[test]
fn without_a_daemon_it_is_one_a_second_and_a_twentieth_of_the_others() {
    let daemon = XrayDaemon::start();
    daemon.answer(&reference_rules(), &no_targets());
    daemon.refuse(503);
    let mut bench = Bench::new(&daemon, "backend-flask");
    assert_eq!(bench.decide(10, HOME), (1, Some(0.05)));
    // It is asked again before five minutes are over.
    let pause = bench.poller.poll();
    assert_eq!(pause, Duration::from_secs(10));
    bench.pass(10.0);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.05)));
    daemon.answer(&reference_rules(), &no_targets());
    bench.poller.poll();
    assert_eq!(asked(&daemon, "/GetSamplingRules").len(), 2);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.1)));
    // Nobody has asked for what was decided without a rule.
    assert_eq!(asked(&daemon, "/SamplingTargets").len(), 0);
}

#[test]
fn rules_last_an_hour() {
    let daemon = XrayDaemon::start();
    daemon.answer(&reference_rules(), &no_targets());
    let mut bench = Bench::new(&daemon, "backend-flask");
    bench.poller.poll();
    daemon.refuse(500);
    bench.pass(1_800.0);
    bench.poller.poll();
    bench.pass(1_800.0);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.1)));
    bench.pass(1.0);
    assert_eq!(bench.decide(10, HOME), (1, Some(0.05)));
}

#[test]
fn rules_are_asked_for_every_five_minutes_and_at_once_when_they_were_changed() {
    let daemon = XrayDaemon::start();
    daemon.answer(&reference_rules(), &no_targets());
    let mut bench = Bench::new(&daemon, "backend-flask");
    let rules_asked = || asked(&daemon, "/GetSamplingRules").len();
    for _ in 0..30 {
        bench.poller.poll();
        bench.decide(1, HOME);
        bench.pass(10.0);
    }
    assert_eq!((bench.since_start(), rules_asked()), (300, 1));
    // By five seconds more, so that instances do not ask all at once.
    bench.pass(5.0);
    bench.poller.poll();
    assert_eq!(rules_asked(), 2);

    let is_changed = json!({
        "SamplingTargetDocuments": [], "LastRuleModification": START + 306,
    });
    let changed = json!({ "FixedRate": 0.5, "ReservoirSize": 0 });
    daemon.answer(&json!({ "SamplingRuleRecords": [rule("Cruddur", 1, changed)] }), &is_changed);
    for _ in 0..3 {
        bench.pass(11.0);
        bench.decide(1, HOME);
        bench.poller.poll();
        // Once, although the answers go on to tell of the change.
        assert_eq!(rules_asked(), 3);
        assert_eq!(bench.decide(2, HOME), (0, Some(0.5)));
    }
}

#[test]
fn a_rule_that_has_not_changed_goes_on_as_it_is() {
    let daemon = XrayDaemon::start();
    let quota = json!({
        "RuleName": "Cruddur", "FixedRate": 0.25, "ReservoirQuota": 3,
        "ReservoirQuotaTTL": START + 10_000, "Interval": 3_600,
    });
    let targets = json!({ "SamplingTargetDocuments": [quota] });
    daemon.answer(&reference_rules(), &targets);
    let mut bench = Bench::new(&daemon, "backend-flask");
    bench.poller.poll();
    bench.decide(1, HOME);
    bench.pass(10.0);
    bench.poller.poll();
    assert_eq!(bench.decide(10, HOME), (3, Some(0.25)));
    bench.pass(300.0);
    bench.poller.poll();
    assert_eq!(asked(&daemon, "/GetSamplingRules").len(), 2);
    assert_eq!(bench.decide(10, HOME), (3, Some(0.25)));
    // X-Ray wants to hear of it once an hour.
    assert_eq!(asked(&daemon, "/SamplingTargets").len(), 1);

    // Its part of the reservoir and what it has seen outlive a change of the rule.
    let changed = json!({ "FixedRate": 0.5, "ReservoirSize": 9 });
    daemon.answer(&json!({ "SamplingRuleRecords": [rule("Cruddur", 1, changed)] }), &targets);
    bench.pass(306.0);
    bench.poller.poll();
    assert_eq!(bench.decide(10, HOME), (3, Some(0.5)));
    bench.pass(3_000.0);
    bench.poller.poll();
    let told = asked(&daemon, "/SamplingTargets");
    assert_eq!(told[1]["SamplingStatisticsDocuments"][0]["RequestCount"], json!(30));
}

#[test]
fn what_could_not_be_told_is_told_the_next_time() {
    let daemon = XrayDaemon::start();
    daemon.answer(&reference_rules(), &no_targets());
    let mut bench = Bench::new(&daemon, "backend-flask");
    bench.poller.poll();
    bench.decide(4, HOME);
    bench.pass(10.0);
    daemon.refuse(500);
    bench.poller.poll();
    bench.decide(3, HOME);
    bench.pass(11.0);
    daemon.answer(&reference_rules(), &no_targets());
    bench.poller.poll();
    let told = asked(&daemon, "/SamplingTargets");
    let counts: Vec<_> = told
        .iter()
        .map(|body| {
            let document = &body["SamplingStatisticsDocuments"][0];
            json!([document["RequestCount"], document["BorrowCount"]])
        })
        .collect();
    assert_eq!(counts, [json!([4, 1]), json!([7, 2])]);
}

#[test]
fn many_rules_are_told_of_in_several_questions() {
    let daemon = XrayDaemon::start();
    let paths: Vec<&'static str> =
        (0..30).map(|n| &*Box::leak(format!("/{n}").into_boxed_str())).collect();
    let rules: Vec<_> =
        paths.iter().map(|path| rule(&format!("r{path}"), 1, json!({ "URLPath": path }))).collect();
    daemon.answer(&json!({ "SamplingRuleRecords": rules }), &no_targets());
    let mut bench = Bench::new(&daemon, "shop");
    bench.poller.poll();
    for path in &paths {
        bench.decide(1, path);
    }
    bench.pass(10.0);
    bench.poller.poll();
    let told = asked(&daemon, "/SamplingTargets");
    let counts: Vec<_> = told
        .iter()
        .map(|body| body["SamplingStatisticsDocuments"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [25, 5]);
}

#[test]
fn all_pages_of_rules_are_read() {
    let daemon = XrayDaemon::start();
    let mut page = reference_rules();
    page["NextToken"] = json!("more");
    daemon.answer(&page, &no_targets());
    let mut bench = Bench::new(&daemon, "backend-flask");
    bench.poller.poll();
    let asked = asked(&daemon, "/GetSamplingRules");
    assert_eq!(asked[..2], [json!({}), json!({ "NextToken": "more" })]);
    // A daemon that never comes to an end is left at some point.
    assert_eq!(asked.len(), 10);
}

#[test]
fn a_trace_kept_by_the_rate_says_what_it_stands_for_and_one_of_the_reservoir_does_not() {
    let daemon = XrayDaemon::start();
    let half = json!({ "FixedRate": 0.5, "ReservoirSize": 1, "URLPath": HOME });
    let rules = [rule("half", 1, half), rule("all", 2, json!({ "FixedRate": 1.0 }))];
    daemon.answer(&json!({ "SamplingRuleRecords": rules }), &no_targets());
    let service = service(&daemon);
    await_rules(&service, "/nowhere");
    for _ in 0..40 {
        is_sampled(&service, &[], HOME);
    }
    let spans = service.stop();
    let roots: Vec<_> = spans.iter().filter(|span| span.name() == format!("GET {HOME}")).collect();
    let (by_rate, by_reservoir): (Vec<_>, Vec<_>) =
        roots.into_iter().partition(|span| span.span.trace_state == "ot=th:8");
    // One a second is borrowed, half of the others is kept.
    assert!(!by_rate.is_empty() && !by_reservoir.is_empty());
    for span in &by_rate {
        assert_eq!(span.attributes()["SampleRate"], json!(2));
        assert!(u8::from_str_radix(&span.trace_id()[18..20], 16).unwrap() >= 0x80);
    }
    for span in &by_reservoir {
        assert_eq!(span.span.trace_state, "");
        assert_eq!(span.attributes().get("SampleRate"), None);
    }
}

/// A service whose traces are decided on by the daemon's rules.
fn service(daemon: &XrayDaemon) -> Service {
    Service::start_with(&[
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon.variable()),
    ])
}

/// Waits until the service has heard of its rules, one of which records all requests for `path`: without
/// it, few of many are.
fn await_rules(service: &Service, path: &str) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !(0..10).all(|_| is_sampled(service, &[], path)) {
        assert!(Instant::now() < patience, "the rules are never heard of");
    }
}

fn is_sampled(service: &Service, headers: &[(&str, &str)], path: &str) -> bool {
    let answer = service.request("GET", path, headers, b"");
    answer.header("traceresponse").unwrap().ends_with(['1', '3'])
}

#[test]
fn a_service_records_what_the_rules_say_and_what_its_callers_say() {
    let daemon = XrayDaemon::start();
    let all = json!({ "FixedRate": 1.0, "URLPath": "/api/activities/*" });
    let rules = [rule("all", 1, all), rule("Default", 10_000, json!({}))];
    daemon.answer(&json!({ "SamplingRuleRecords": rules }), &no_targets());
    let service = service(&daemon);
    await_rules(&service, HOME);
    assert!((0..10).all(|_| !is_sampled(&service, &[], "/nowhere")));
    // A caller's decision stands.
    let parent =
        |flags: &str| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
    assert!(is_sampled(&service, &[("traceparent", &parent("01"))], "/nowhere"));
    assert!(!is_sampled(&service, &[("traceparent", &parent("00"))], HOME));

    let spans = service.stop();
    assert!(spans.iter().all(|span| !span.name().contains("POST")), "its own questions are none");
    for question in daemon.questions() {
        let names: Vec<_> = question.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert!(!names.contains(&"traceparent"), "{names:?}");
        assert!(!names.contains(&"x-amzn-trace-id"), "{names:?}");
    }
}
