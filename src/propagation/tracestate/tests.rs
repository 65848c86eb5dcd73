use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A key and its value.
type Member<'a> = (&'a str, &'a str);

/// `count` members: `a1=v,a2=v,…`
fn many(count: usize) -> String {
    (1..=count).map(|index| format!("a{index}=v")).collect::<Vec<_>>().join(",")
}

#[test]
fn what_is_read_and_what_is_refused() {
    let long_key = |length| format!("{}=1", "k".repeat(length));
    let long_value = |length| format!("k={}", "v".repeat(length));
    let same = |text: String| (vec![text.clone()], Some(text));
    let from = |headers: &[&str], list: Option<&str>| {
        (headers.iter().map(|&text| text.to_owned()).collect(), list.map(str::to_owned))
    };
    let cases: Vec<(Vec<String>, Option<String>)> = vec![
        same("foo=1,bar=2".into()),
        same("0a_-*/@z=1".into()),
        // Level 2 has no vendor form any more: `@` is a character like any other, but the first.
        same("foo@=1,foo@@bar=2,foo@bar@baz=3".into()),
        same("k= !\"#+-<>~ x".into()),
        // Duplicates are passed on as they are, which section 3.5 leaves to us.
        same("foo=1,foo=2".into()),
        same(long_key(256)),
        same(long_value(256)),
        same(many(32)),
        from(&["foo=1", "bar=2"], Some("foo=1,bar=2")),
        from(&["foo=1 \t , \t bar=2", "\tbaz=3\t"], Some("foo=1,bar=2,baz=3")),
        from(&["", "foo=1,,  ,bar=2,", ","], Some("foo=1,bar=2")),
        from(&[&many(32), ", ,"], Some(&many(32))),
        from(&[], None),
        from(&["", " ", ",\t,"], None),
        from(&[&many(33)], None),
        from(&[&many(20), &many(13)], None),
        from(&[&long_key(257), "a=1"], None),
        from(&["a=1", &long_value(257)], None),
        from(&["a=1,foo"], None),
        from(&["a=1,foo="], None),
        from(&["a=1,foo= "], None),
        from(&["a=1,=1"], None),
        from(&["a=1,@foo=1"], None),
        from(&["a=1,_foo=1"], None),
        from(&["a=1,foo =1"], None),
        from(&["a=1,FOO=1"], None),
        from(&["a=1,foo.bar=1"], None),
        from(&["a=1,foo=bar=baz"], None),
        from(&["a=1,foo=b\tr"], None),
        from(&["a=1,foo=\u{7f}"], None),
        from(&["a=1,foo=é"], None),
        from(&["a=1", "\u{fffd}"], None),
    ];
    for (headers, list) in cases {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        assert_eq!(parse(&headers), list, "{headers:?}");
    }
}

#[test]
fn the_sdk_gets_the_members_that_it_accepts() {
    for (list, sdk) in
        [("ot=th:8,foo=1", "ot=th:8,foo=1"), ("a@@b=1,ot=th:8,c@d@e=2", "ot=th:8"), ("a@@b=1", "")]
    {
        assert_eq!(for_sdk(list).header(), sdk, "{list}");
    }
}

#[test]
fn our_own_member_goes_out_first_and_once() {
    let thirty_two = many(32);
    let ot_and_31 = format!("ot=th:8,{}", many(31));
    let cases: [(&[Member<'_>], Option<&str>, &str); 13] = [
        (&[], None, ""),
        (&[], Some("foo=1,bar=2"), "foo=1,bar=2"),
        (&[("ot", "th:8")], Some("foo=1,bar=2"), "ot=th:8,foo=1,bar=2"),
        (&[("foo", "1"), ("ot", "th:8")], Some("foo=1,ot=th:0"), "ot=th:8,foo=1"),
        (&[("ot", "th:8")], Some("ot=th:0,foo=1,ot=th:1"), "ot=th:8,foo=1"),
        // A sampler that has taken it away meant it.
        (&[], Some("ot=th:0,foo=1"), "foo=1"),
        (&[("ot", "th:8")], Some("a@@b=1"), "ot=th:8,a@@b=1"),
        // There is room for 32; the last one has to go.
        (&[("ot", "th:8")], Some(&thirty_two), &ot_and_31),
        (&[], Some(&thirty_two), &thirty_two),
        // A trace without an incoming list: what a sampler has made up.
        (&[("foo", "1"), ("ot", "th:8"), ("bar", "2")], None, "ot=th:8,foo=1,bar=2"),
        // The SDK accepts these, a header does not.
        (&[("ot", "a\r\nb"), ("foo", ""), ("bar", "2")], None, "bar=2"),
        (&[("ot", "a\r\nb")], Some("foo=1"), "foo=1"),
        (&[("foo", "1 "), ("bar", "2")], None, "bar=2"),
    ];
    for (span, incoming, list) in cases {
        let span = TraceState::from_key_value(span.iter().copied()).unwrap();
        assert_eq!(outgoing(&span, incoming), list, "{span:?} {incoming:?}");
    }
}

/// The grammar once more, from sets of characters.
fn is_valid(header: &str) -> bool {
    let key_start: BTreeSet<char> = ('a'..='z').chain('0'..='9').collect();
    let key_rest: BTreeSet<char> = key_start.iter().copied().chain("_-*/@".chars()).collect();
    let chr: BTreeSet<char> =
        ('\x20'..='\x2b').chain('\x2d'..='\x3c').chain('\x3e'..='\x7e').collect();
    let is_member = |member: &str| {
        let parts: Vec<Vec<char>> = member.split('=').map(|part| part.chars().collect()).collect();
        let [key, value] = parts.as_slice() else { return false };
        (1..=256).contains(&key.len())
            && key_start.contains(&key[0])
            && key.iter().all(|c| key_rest.contains(c))
            && (1..=256).contains(&value.len())
            && value.iter().all(|c| chr.contains(c))
            && value.last() != Some(&' ')
    };
    let is_ows = |c: char| c == ' ' || c == '\t';
    let members: Vec<_> =
        header.split(',').map(|text| text.trim_matches(is_ows)).filter(|m| !m.is_empty()).collect();
    (1..=32).contains(&members.len()) && members.iter().all(|member| is_member(member))
}

/// Lists of members most of which are right.
fn nearly_valid() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        20 => "[a-z0-9][a-z0-9_*/@-]{0,5}",
        1 => "[a-z0-9_@A-Z. ]{0,3}",
        1 => "[a-z]{254,258}",
    ];
    let value = prop_oneof![
        20 => "[ -+\\--<>-~]{0,5}[!-+\\--<>-~]",
        1 => "[ -~]{0,3}",
        1 => "[a-z]{254,258}",
    ];
    let valid = (key, value).prop_map(|(key, value)| format!("{key}={value}"));
    let member = prop_oneof![
        30 => valid,
        3 => "[ \t]{0,2}",
        1 => "\\PC{0,3}",
    ];
    let members = prop_oneof![
        3 => prop::collection::vec((member, "[ \t]{0,2}"), 0..4),
        // Around the limit, and right but for that.
        1 => prop::collection::vec((prop_oneof![20 => "[a-z]=[a-z]", 1 => ""], "[ \t]?"), 31..36),
    ];
    members.prop_map(|members| {
        members.iter().map(|(text, ows)| format!("{ows}{text}{ows}")).collect::<Vec<_>>().join(",")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_accepted_is_the_grammar(header in prop_oneof![4 => nearly_valid(), 1 => "\\PC*"]) {
        prop_assert_eq!(parse(&[&header]).is_some(), is_valid(&header));
    }

    #[test]
    fn several_headers_are_one_list(headers in prop::collection::vec(nearly_valid(), 0..4)) {
        let apart: Vec<_> = headers.iter().map(String::as_str).collect();
        prop_assert_eq!(parse(&apart), parse(&[&apart.join(",")]));
    }

    #[test]
    fn what_is_read_goes_out_unchanged(header in nearly_valid()) {
        if let Some(list) = parse(&[&header]) {
            prop_assert_eq!(parse(&[&list]), Some(list.clone()));
            if members(&list).all(|(key, _)| key != OWN_KEY) {
                prop_assert_eq!(outgoing(&for_sdk(&list), Some(&list)), list);
            }
        }
    }
}
