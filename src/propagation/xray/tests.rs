use proptest::prelude::*;

use super::*;
use crate::propagation::test_headers::{Headers, extract};
use crate::propagation::{TraceContext, trace_flags};

const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
const PARENT: &str = "Parent=53995c3f42cd8ad8";

#[test]
fn what_is_read_and_what_is_refused() {
    let (root, parent) = (ROOT, PARENT);
    let upper = "ROOT=1-5759E988-BD862E3FE1BE46A994272793;PARENT=53995C3F42CD8AD8;SAMPLED=1";
    let cases = [
        (format!("{root};{parent};Sampled=1"), Some(true)),
        (format!("{root};{parent};Sampled=0"), Some(false)),
        (format!("{root};{parent};Sampled=?"), Some(false)),
        (format!("{root};{parent}"), Some(false)),
        (format!("Sampled=1;{parent};{root}"), Some(true)),
        (format!("  {root} ;\t{parent}; Sampled = 1 ;"), Some(true)),
        (format!("Self=1-67891233-1;{root};;x;{parent};Sampled=1;Lineage=a:1|b:0"), Some(true)),
        (upper.to_owned(), Some(true)),
        (upper.to_lowercase(), Some(true)),
        // No span to be the child of.
        (format!("{root};Sampled=1"), None),
        (format!("{parent};Sampled=1"), None),
        (String::new(), None),
        (format!("{root};{parent};Sampled=2"), None),
        (format!("{root};{parent};Sampled="), None),
        (format!("{root};{root};{parent};Sampled=1"), None),
        (format!("{root};{parent};Sampled=1;sampled=0"), None),
        (format!("{root};Parent=53995c3f42cd8ad;Sampled=1"), None),
        (format!("{root};Parent=53995c3f42cd8adg;Sampled=1"), None),
        (format!("{root};Parent=0000000000000000;Sampled=1"), None),
        (format!("Root=2-5759e988-bd862e3fe1be46a994272793;{parent}"), None),
        (format!("Root=5759e988-bd862e3fe1be46a994272793;{parent}"), None),
        (format!("Root=1-5759e988bd862e3fe1be46a994272793;{parent}"), None),
        (format!("Root=1-5759e988-bd862e3fe1be46a9942727930;{parent}"), None),
        (format!("Root=1-00000000-000000000000000000000000;{parent}"), None),
        (format!("Root=1-5759e988-bd862e3fe1be46a99427279é;{parent}"), None),
    ];
    for (header, sampled) in cases {
        let cx = extract(&XrayHeader, &[(HEADER, &header)]);
        let expected = sampled.map(|sampled| {
            let sampled = TraceFlags::NOT_SAMPLED.with_sampled(sampled);
            let trace_id = TraceId::from_hex("5759e988bd862e3fe1be46a994272793").unwrap();
            let span_id = SpanId::from_hex("53995c3f42cd8ad8").unwrap();
            SpanContext::new(trace_id, span_id, sampled, true, TraceState::NONE)
        });
        let found = cx.has_active_span().then(|| cx.span().span_context().clone());
        assert_eq!(found, expected, "{header}");
    }
}

#[test]
fn of_several_headers_none_counts() {
    let header = format!("{ROOT};{PARENT};Sampled=1");
    assert!(!extract(&XrayHeader, &[(HEADER, &header), (HEADER, &header)]).has_active_span());
}

#[test]
fn its_ids_are_not_called_random() {
    let header = format!("{ROOT};{PARENT};Sampled=1");
    let cx = extract(&XrayHeader, &[(HEADER, &header)]);
    assert_eq!(trace_flags(&cx), 0x01);
    let sent = Headers::injected(&TraceContext, &cx);
    let traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    assert_eq!(sent.0, Headers::new(&[("traceparent", traceparent)]).0);
}

/// The grammar once more.
fn is_valid(header: &str) -> bool {
    let is_hex = |text: &str, length| {
        text.chars().count() == length && text.chars().all(|c| c.is_ascii_hexdigit())
    };
    let is_zero = |text: &str| text.chars().all(|c| "-0".contains(c));
    let named = |wanted: &str| -> Vec<&str> {
        let fields = header.split(';').filter_map(|field| field.split_once('='));
        let wanted = fields.filter(|(name, _)| name.trim().to_lowercase() == wanted);
        wanted.map(|(_, value)| value.trim()).collect()
    };
    let (roots, parents) = (named("root"), named("parent"));
    let ([root], [parent]) = (roots.as_slice(), parents.as_slice()) else {
        return false;
    };
    let is_root = matches!(
        root.split('-').collect::<Vec<_>>().as_slice(),
        ["1", time, unique] if is_hex(time, 8) && is_hex(unique, 24)
    );
    let is_sampled = matches!(named("sampled").as_slice(), [] | ["0" | "1" | "?"]);
    is_root && !is_zero(&root[2..]) && is_hex(parent, 16) && !is_zero(parent) && is_sampled
}

/// Headers of fields most of which are right.
fn nearly_valid() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        8 => " ?[Rr]oot=1-[0-9a-fA-F]{8}-[0-9a-f]{24}",
        8 => " ?[Pp]arent=[0-9a-fA-F]{16} ?",
        4 => "Sampled=[01?]",
        1 => "Sampled=[01?x]{0,2}",
        1 => "(Root|Parent)=[0-9a-f-]{15,37}",
        1 => "(Root=1-0{8}-0{24}|Parent=0{16})",
        2 => "\\PC{0,5}",
    ];
    prop::collection::vec(field, 0..5).prop_map(|fields| fields.join(";"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_is_the_grammar(header in prop_oneof![4 => nearly_valid(), 1 => "\\PC*"]) {
        prop_assert_eq!(parse(&header).is_some(), is_valid(&header));
    }

    #[test]
    fn what_goes_out_comes_in(trace_id in 1..=u128::MAX, span_id in 1..=u64::MAX, sampled: bool) {
        let flags = TraceFlags::NOT_SAMPLED.with_sampled(sampled);
        let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(span_id));
        let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
        let cx = Context::new().with_remote_span_context(span.clone());
        let sent = Headers::injected(&XrayHeader, &cx);
        let again = XrayHeader.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(again.span().span_context().clone(), span);
    }
}
