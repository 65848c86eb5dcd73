//! A receiver that resets connections: what it has acknowledged is never sent again, the rest is.

use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, count, exporter, requests, start};
use crate::support::resetting::Moment::{
    self, InBodyOfAnswer, InItsBody, InTheAnswer, InTheRequest, Never,
};
use crate::support::resetting::Resetting;

/// Waits until the exporter has nothing left, and gives what `GET /health` says then.
fn drained(process: &crate::support::process::Process) -> Value {
    let patience = Instant::now() + PATIENCE;
    loop {
        let health = exporter(process);
        if health["queued"] == 0 {
            return health;
        }
        assert!(Instant::now() < patience, "{health}");
    }
}

/// Is it the sum that it has to be?
fn assert_is_exact(account: &Value, created: u64) {
    let number = |name: &str| account[name].as_u64().unwrap();
    let parts = ["exported", "failed", "dropped", "unsampled", "queued"];
    assert_eq!(parts.iter().map(|name| number(name)).sum::<u64>(), created, "{account}");
    assert_eq!(number("created"), created, "{account}");
}

#[test]
fn export_resumes_after_a_reset_and_nothing_acknowledged_is_sent_again() {
    // when the connection is reset, and whether that is all the same to the exporter
    let cases: [(Moment, bool); 8] = [
        (InTheRequest(1), false),
        (InTheRequest(100), false),
        (InItsBody(0), false),
        (InItsBody(100), false),
        (InTheAnswer, false),
        (InBodyOfAnswer(503), false),
        // The status has said that they have arrived.
        (InBodyOfAnswer(200), true),
        (Never, true),
    ];
    for (moment, arrives) in cases {
        let receiver = Resetting::start(move |number| if number < 2 { moment } else { Never });
        let process = start(receiver.address, &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")]);
        requests(&process, 50);
        assert_is_exact(&drained(&process), 100);
        requests(&process, 50);
        let finished = process.terminate();
        assert_eq!(finished.report("otlp"), [200, 0, 0], "{moment:?}: {}", finished.stderr);
        assert_eq!(receiver.acknowledged(), 200, "{moment:?}");
        assert_eq!(receiver.resets(), if moment == Never { 0 } else { 2 }, "{moment:?}");
        let held = usize::from(!arrives);
        for line in ["spans could not be sent", "spans are accepted again"] {
            assert_eq!(count(&finished, line), held, "{moment:?}: {}", finished.stderr);
        }
    }
}

#[test]
fn the_account_is_exact_while_every_other_connection_is_reset() {
    let receiver = Resetting::start(|number| match number % 6 {
        0 => InItsBody(50),
        2 => InBodyOfAnswer(200),
        4 => InBodyOfAnswer(500),
        _ => Never,
    });
    let vars = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.9"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
    ];
    let process = start(receiver.address, &vars);
    let mut created = 0;
    for _ in 0..5 {
        requests(&process, 40);
        created += 80;
        assert_is_exact(&drained(&process), created);
    }
    let account = drained(&process);
    let finished = process.terminate();
    let [exported, failed, dropped] = finished.report("otlp");
    // What the receiver answers with 500 must not be sent again.
    assert!(failed > 0 && dropped == 0, "{}", finished.stderr);
    assert_eq!(exported, receiver.acknowledged() as u64, "{}", finished.stderr);
    let unsampled = account["unsampled"].as_u64().unwrap();
    assert_eq!(exported + failed + unsampled, created, "{}", finished.stderr);
    assert!(receiver.resets() > 3, "{}", receiver.resets());
}
