use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::propagation::test_headers::{Headers, extract};

/// A key, its value and its properties.
type Member<'a> = (&'a str, &'a str, &'a str);

/// Keys with their values and properties.
fn read(cx: &Context) -> BTreeMap<String, (String, String)> {
    let text = |part: &dyn std::fmt::Display| part.to_string();
    cx.baggage()
        .iter()
        .map(|(key, (value, metadata))| (text(key), (text(value), text(metadata))))
        .collect()
}

#[test]
fn what_is_read_and_what_is_left_out() {
    let cases: [(&[&str], &[Member<'_>]); 13] = [
        (&["k=v"], &[("k", "v", "")]),
        (&["a=1,b=2"], &[("a", "1", ""), ("b", "2", "")]),
        (&["a=1", "b=2,c=3"], &[("a", "1", ""), ("b", "2", ""), ("c", "3", "")]),
        (&[" k\t=\tv ; p=1 ; q , a=1"], &[("a", "1", ""), ("k", "v", "p=1 ; q")]),
        (&["k=a%20b%2C%25%C3%A9"], &[("k", "a b,%é", "")]),
        (&["k=%ff%41"], &[("k", "\u{fffd}A", "")]),
        (&["k=dGVzdA==;p=a=b"], &[("k", "dGVzdA==", "p=a=b")]),
        (&["k="], &[("k", "", "")]),
        (&["k=1,k=2"], &[("k", "2", "")]),
        (&["", ",,k=v,", "no,=v,a b=1,\u{fffd}"], &[("k", "v", "")]),
        (&["k=v;p=%2C%0d"], &[("k", "v", "p=%2C%0d")]),
        (&[""], &[]),
        (&[], &[]),
    ];
    for (headers, expected) in cases {
        let named: Vec<_> = headers.iter().map(|value| (HEADER, *value)).collect();
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|&(key, value, properties)| (key.into(), (value.into(), properties.into())))
            .collect();
        assert_eq!(read(&extract(&BaggageHeader, &named)), expected, "{headers:?}");
    }
}

#[test]
fn the_limits_hold_both_ways() {
    let members = |count| (0..count).map(|index| format!("k{index}=v")).collect::<Vec<_>>();
    for (count, kept) in [(64, 64), (65, 64), (1000, 64)] {
        let header = members(count).join(",");
        let cx = extract(&BaggageHeader, &[(HEADER, &header)]);
        assert_eq!(cx.baggage().len(), kept, "{count}");
        assert!(count > 64 || cx.baggage().get("k63").is_some());
    }
    for (length, kept) in [(8192, 2), (8193, 1), (100_000, 1)] {
        let header = format!("a=1,b={}", "v".repeat(length - 6));
        let cx = extract(&BaggageHeader, &[(HEADER, &header)]);
        assert_eq!(cx.baggage().len(), kept, "{length}");
        let halves = header.split_once(',').unwrap();
        let cx = extract(&BaggageHeader, &[(HEADER, halves.0), (HEADER, halves.1)]);
        assert_eq!(cx.baggage().len(), kept, "{length}");
        assert_eq!(
            Headers::injected(&BaggageHeader, &cx).0[0].1.len(),
            if kept == 2 { 8192 } else { 3 }
        );
    }
    // Three times as long once it is encoded.
    let mut long = Baggage::new();
    long.insert("a", " ".repeat(4000));
    long.insert("b", "1");
    let sent = Headers::injected(&BaggageHeader, &Context::new().with_baggage(long));
    assert_eq!(sent.0, Headers::new(&[(HEADER, "b=1")]).0);
}

#[test]
fn nothing_is_sent_that_a_header_cannot_hold() {
    for (value, properties, header) in [
        ("a,b;c\"d\\e\r\n%é", "", "k=a%2Cb%3Bc%22d%5Ce%0D%0A%25%C3%A9"),
        ("v", "p=1;q", "k=v;p=1;q"),
        ("v", "p,evil=1", "k=v"),
        ("v", "p\r\nx: y", "k=v"),
    ] {
        let mut baggage = Baggage::new();
        baggage.insert_with_metadata("k", value, properties);
        let sent = Headers::injected(&BaggageHeader, &Context::new().with_baggage(baggage));
        assert_eq!(sent.0, Headers::new(&[(HEADER, header)]).0, "{value:?} {properties:?}");
    }
    assert!(Headers::injected(&BaggageHeader, &Context::new()).0.is_empty());
}

proptest! {
    #[test]
    fn nothing_that_is_sent_makes_it_panic(
        headers in prop::collection::vec("\\PC*|([a-z%]{0,3}[=;]?[ -~]{0,9},?){0,80}", 0..4),
    ) {
        let headers = Headers(headers.into_iter().map(|value| (HEADER.to_owned(), value)).collect());
        let cx = BaggageHeader.extract_with_context(&Context::new(), &headers);
        let sent = Headers::injected(&BaggageHeader, &cx);
        for (_, value) in &sent.0 {
            prop_assert!(value.len() <= MOST_BYTES);
            prop_assert!(value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')));
        }
    }

    #[test]
    fn what_goes_out_comes_in(
        pairs in prop::collection::btree_map("[!#$%&'*+.^_`|~a-zA-Z0-9-]{1,9}", any::<String>(), 0..20),
    ) {
        let baggage: Baggage = pairs
            .iter()
            .map(|(key, value)| KeyValueMetadata::new(key.clone(), value.clone(), ""))
            .collect();
        let sent = Headers::injected(&BaggageHeader, &Context::new().with_baggage(baggage));
        let again = BaggageHeader.extract_with_context(&Context::new(), &sent);
        let read: BTreeMap<_, _> =
            read(&again).into_iter().map(|(key, (value, _))| (key, value)).collect();
        prop_assert_eq!(read, pairs);
    }
}
