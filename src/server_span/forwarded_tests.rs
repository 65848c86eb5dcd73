//! What the forwarding headers tell, case by case.

use actix_web::http::header::HeaderValue;
use proptest::collection::vec;
use proptest::prelude::*;

use actix_web::http::header::FORWARDED;

use super::*;
use crate::server_span::forwarded_element::Element;
use crate::server_span::trusted_proxies::BadTrustedProxy;

const TRUSTED: &str = "10.0.0.0/8, fd00::/8";
const PEER: &str = "10.0.0.1";

fn trusted() -> TrustedProxies {
    TRUSTED.parse().unwrap()
}

fn headers<V: AsRef<[u8]>>(lines: impl IntoIterator<Item = (HeaderName, V)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
    }
    headers
}

/// `client host scheme`, with `-` for what is not known.
fn show(found: &Forwarded<'_>) -> String {
    let client = match found.client {
        None => "-".to_owned(),
        Some(ClientAddress { ip, port: None }) => ip.to_string(),
        Some(ClientAddress { ip, port: Some(port) }) => format!("{ip}#{port}"),
    };
    let scheme = found.scheme.map_or("-", Scheme::as_str);
    format!("{client} {} {scheme}", found.host.as_deref().unwrap_or("-"))
}

fn resolved(headers: &HeaderMap) -> String {
    show(&resolve(headers, PEER.parse().unwrap(), &trusted()))
}

/// Of `Forwarded` lines.
fn standard(lines: &[&str]) -> String {
    resolved(&headers(lines.iter().map(|line| (FORWARDED, line))))
}

/// Of one line each of `X-Forwarded-For`, `-Host` and `-Proto`, where it is not empty.
fn custom(lines: [&str; 3]) -> String {
    let names = [X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO];
    let lines = names.into_iter().zip(lines).filter(|(_, line)| !line.is_empty());
    resolved(&headers(lines))
}

#[test]
fn networks_and_addresses_in_either_form() {
    for (list, address, is_trusted) in [
        ("", "127.0.0.1", false),
        (" , ", "127.0.0.1", false),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.0.0.1", true),
        ("10.0.0.0/8", "::10.0.0.1", false),
        ("10.1.2.3/8", "10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "10.0.0.1", true),
        ("::ffff:10.0.0.0/104", "11.0.0.1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1", true),
        ("0.0.0.0/0", "192.0.2.1", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "192.0.2.1", false),
        ("fd00::/8,, 10.0.0.0/8 ,", "fdff::1", true),
        ("fd00::/8,, 10.0.0.0/8 ,", "10.0.0.1", true),
        ("2001:db8::1/128", "2001:db8::1", true),
        ("2001:db8::1/128", "2001:db8::2", false),
    ] {
        let proxies = list.parse::<TrustedProxies>().unwrap();
        let address = address.parse().unwrap();
        assert_eq!(proxies.contains(address), is_trusted, "{list:?} {address}");
    }
    assert_eq!(TrustedProxies::default(), "".parse().unwrap());
}

#[test]
fn a_bad_entry_is_named() {
    for entry in [
        "localhost",
        "10.0.0",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/-8",
        "10.0.0.0/8/8",
        "10.0.0.0 / 8",
        "10.0.0.0/255.0.0.0",
        "010.0.0.0/8",
        "fd00::/129",
        "fd00::/300",
        "[fd00::1]",
        "fe80::1%eth0",
        "*",
    ] {
        let error = format!("127.0.0.1, {entry}, ::1").parse::<TrustedProxies>().unwrap_err();
        assert_eq!(error, BadTrustedProxy { entry: entry.to_owned() });
        assert!(error.to_string().contains(entry), "{error}");
    }
}

#[test]
fn only_a_trusted_peer_is_believed() {
    let headers = headers([
        (FORWARDED, "for=192.0.2.60;host=a.example;proto=https"),
        (X_FORWARDED_FOR, "192.0.2.61"),
    ]);
    for (peer, list, shown) in [
        ("10.0.0.1", TRUSTED, "192.0.2.60 a.example https"),
        ("::ffff:10.0.0.1", TRUSTED, "192.0.2.60 a.example https"),
        ("fd00::1", TRUSTED, "192.0.2.60 a.example https"),
        ("192.0.2.1", TRUSTED, "- - -"),
        ("127.0.0.1", TRUSTED, "- - -"),
        ("10.0.0.1", "", "- - -"),
    ] {
        let found = resolve(&headers, peer.parse().unwrap(), &list.parse().unwrap());
        assert_eq!(show(&found), shown, "{peer} {list:?}");
    }
}

#[test]
fn examples_of_rfc_7239() {
    for (line, shown) in [
        // Section 4
        (r#"for="_gazonk""#, "- - -"),
        (r#"For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17#4711 - -"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60 - http"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17 - -"),
        // Section 6
        (r#"for="192.0.2.43:47011""#, "192.0.2.43#47011 - -"),
        (r#"for="[2001:db8:cafe::17]:47011""#, "2001:db8:cafe::17#47011 - -"),
        // Section 6.3
        ("for=_hidden, for=_SEVKISEK", "- - -"),
        // Section 7.1
        (r#"for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown"#, "- - -"),
        // Section 7.4
        (r#"for=192.0.2.43, for="[2001:db8:cafe::17]""#, "2001:db8:cafe::17 - -"),
        // Section 7.5
        (
            "for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com",
            "198.51.100.17 example.com http",
        ),
    ] {
        assert_eq!(standard(&[line]), shown, "{line}");
    }
    // Section 7.5 again, by a server that trusts both proxies.
    let line = "for=192.0.2.43, for=198.51.100.17;by=203.0.113.60;proto=http;host=example.com";
    let list = "198.51.100.17, 203.0.113.60".parse().unwrap();
    let headers = headers([(FORWARDED, line)]);
    let found = resolve(&headers, "203.0.113.60".parse().unwrap(), &list);
    assert_eq!(show(&found), "192.0.2.43 example.com http");
}

#[test]
fn several_lines_are_one_list() {
    for lines in [
        // Section 7.1, with an address in place of `unknown`
        &[r#"for=192.0.2.43,for="[2001:db8:cafe::17]",for=10.0.0.2"#][..],
        &[r#"for=192.0.2.43, for="[2001:db8:cafe::17]", for=10.0.0.2"#],
        &["for=192.0.2.43", r#"for="[2001:db8:cafe::17]", for=10.0.0.2"#],
        &["for=192.0.2.43", r#"for="[2001:db8:cafe::17]","#, "", ", for=10.0.0.2"],
    ] {
        assert_eq!(standard(lines), "2001:db8:cafe::17 - -", "{lines:?}");
    }
}

#[test]
fn identifiers_of_a_node() {
    for (value, client) in [
        ("192.0.2.60", "192.0.2.60"),
        (r#""192.0.2.60""#, "192.0.2.60"),
        (r#""192.0.2.60:1""#, "192.0.2.60#1"),
        (r#""192.0.2.60:65535""#, "192.0.2.60#65535"),
        (r#""192.0.2.60:00080""#, "192.0.2.60#80"),
        (r#""192.0.2.60:_x""#, "192.0.2.60"),
        (r#""[2001:DB8::1]:_a.b-c_1""#, "2001:db8::1"),
        (r#""192.0.2.60:0""#, "192.0.2.60"),
        (r#""[2001:db8::1]""#, "2001:db8::1"),
        (r#""[::ffff:192.0.2.60]:80""#, "192.0.2.60#80"),
        (r#""\1\92.0.2\.60:\80""#, "192.0.2.60#80"),
        // Garbage says as little as `unknown`.
        ("unknown", "-"),
        ("Unknown", "-"),
        (r#""unknown:80""#, "-"),
        ("_hidden", "-"),
        (r#""_hidden:_x""#, "-"),
        (r#""""#, "-"),
        ("localhost", "-"),
        ("192.0.2.256", "-"),
        ("192.0.2.060", "-"),
        ("192.0.2", "-"),
        (r#"" 192.0.2.60""#, "-"),
        (r#""192.0.2.60:""#, "-"),
        (r#""192.0.2.60:65536""#, "-"),
        (r#""192.0.2.60:000080""#, "-"),
        (r#""192.0.2.60:+80""#, "-"),
        (r#""192.0.2.60:_""#, "-"),
        (r#""192.0.2.60:_a b""#, "-"),
        (r#""192.0.2.60:80:80""#, "-"),
        (r#""2001:db8::1""#, "-"), // section 6: brackets are a must
        (r#""[192.0.2.60]""#, "-"),
        (r#""[2001:db8::1""#, "-"),
        (r#""[fe80::1%eth0]""#, "-"),
    ] {
        assert_eq!(standard(&[&format!("for={value}")]), format!("{client} - -"), "{value}");
    }
}

#[test]
fn the_walk_goes_left_to_the_first_hop_that_is_no_trusted_proxy() {
    for (line, shown) in [
        ("for=192.0.2.66, for=192.0.2.1", "192.0.2.1 - -"),
        ("for=192.0.2.66, for=192.0.2.1, for=10.0.0.2", "192.0.2.1 - -"),
        (r#"for="192.0.2.1:5", for="10.0.0.2:6", for="[fd00::3]:7""#, "192.0.2.1#5 - -"),
        (r#"for=192.0.2.1, for="[::ffff:10.0.0.2]""#, "192.0.2.1 - -"),
        // A trusted address behind an untrusted one is hearsay.
        ("for=10.0.0.4, for=192.0.2.1, for=10.0.0.2", "192.0.2.1 - -"),
        // All trusted: the leftmost.
        ("for=10.0.0.2", "10.0.0.2 - -"),
        (r#"for="10.0.0.4:9", for=10.0.0.3, for=10.0.0.2"#, "10.0.0.4#9 - -"),
        // No address: the last one to its right.
        ("for=192.0.2.1, for=unknown", "- - -"),
        ("for=192.0.2.1, for=unknown, for=10.0.0.2", "10.0.0.2 - -"),
        ("for=192.0.2.1, for=_a, for=10.0.0.3, for=10.0.0.2", "10.0.0.3 - -"),
        ("for=192.0.2.1, for=localhost, for=10.0.0.2", "10.0.0.2 - -"),
        ("for=192.0.2.1, proto=https, for=10.0.0.2", "10.0.0.2 - https"),
        ("for=192.0.2.1, secret=x, for=10.0.0.2", "10.0.0.2 - -"),
        ("for=unknown, for=192.0.2.1, for=10.0.0.2", "192.0.2.1 - -"),
    ] {
        assert_eq!(standard(&[line]), shown, "{line}");
    }
}

#[test]
fn host_and_scheme_are_those_next_to_the_client() {
    for (line, shown) in [
        ("host=a.example;proto=https", "- a.example https"),
        (r#"host="a.example:8443""#, "- a.example:8443 -"),
        (r#"host="[2001:db8::1]:8443""#, "- [2001:db8::1]:8443 -"),
        (r#"host="\a.example""#, "- a.example -"),
        (r#"host="user@a.example""#, "- - -"),
        (r#"host="a.example/path""#, "- - -"),
        (r#"host="""#, "- - -"),
        ("proto=HTTPS", "- - https"),
        ("proto=Http", "- - http"),
        (r#"proto="https""#, "- - https"),
        ("proto=wss", "- - https"),
        ("proto=WS", "- - http"),
        ("proto=ftp", "- - -"),
        (r#"proto="https ""#, "- - -"),
        (
            "for=192.0.2.1;host=a.example;proto=https, for=10.0.0.2;host=b.example;proto=http",
            "192.0.2.1 a.example https",
        ),
        // Hearsay is never used, not even where nothing else is told.
        ("for=192.0.2.66;host=evil.example;proto=https, for=192.0.2.1", "192.0.2.1 - -"),
        ("for=10.0.0.2;host=evil.example;proto=https, for=unknown;proto=http", "- - http"),
        // What the element does not tell, or not usably, the next trusted proxy may.
        ("for=192.0.2.1, for=10.0.0.2;host=b.example;proto=http", "192.0.2.1 b.example http"),
        (
            "for=192.0.2.1;host=\"/\";proto=x, for=10.0.0.3;proto=wss, for=10.0.0.2;host=b;proto=x",
            "192.0.2.1 b https",
        ),
    ] {
        assert_eq!(standard(&[line]), shown, "{line}");
    }
}

#[test]
fn the_grammar_has_room() {
    for line in [
        "FOR=192.0.2.1;Host=a;pRoTo=http",
        "  for=192.0.2.1 ;\thost=a ; proto=http  ",
        ";;for=192.0.2.1;;host=a;proto=http;",
        ",, ,for=192.0.2.1;host=a;proto=http, ;, ,",
        r#"for="192.0.2.1";host="a";proto="http""#,
        r#"for=192.0.2.1;host=a;proto=http;secret="a,b;c=\"d\\";by=_x"#,
        r#"by="for=192.0.2.9, for=192.0.2.8";for=192.0.2.1;host=a;proto=http"#,
        "for=192.0.2.1;host=a;proto=http;x=1;x=2",
        "for=192.0.2.9,for=192.0.2.1;host=a;proto=http",
    ] {
        assert_eq!(standard(&[line]), "192.0.2.1 a http", "{line}");
    }
    let obs_text = b"for=192.0.2.1;host=\"\xff\";proto=http;x=\"\\\xfc\"";
    assert_eq!(resolved(&headers([(FORWARDED, obs_text)])), "192.0.2.1 - http");
}

#[test]
fn a_malformed_forwarded_says_nothing_and_lets_nothing_else_speak() {
    for line in [
        "for",
        "for=",
        "=192.0.2.1",
        "192.0.2.1",
        "for =192.0.2.1",
        "for= 192.0.2.1",
        "for==192.0.2.1",
        "for=192.0.2.1 host=a",
        "for=192.0.2.1:80",
        "for=[2001:db8::1]",
        r#"for="192.0.2.1"#,
        r#"for="192.0.2.1\""#,
        r#"for="192.0.2.1\"#,
        r#"for="192.0.2.1"x"#,
        r#"for=192"."0.2.1"#,
        "for='192.0.2.1:80'",
        "for=192.0.2.1;for=192.0.2.1",
        "for=192.0.2.1;FOR=unknown",
        "host=a;host=b",
        "proto=http;proto=https",
        "host=a/b",
        "(for)=192.0.2.1",
    ] {
        for lines in [&["for=192.0.2.9", line][..], &[line, "for=192.0.2.9"]] {
            let forwarded = lines.iter().map(|line| (FORWARDED, *line));
            let headers = headers(forwarded.chain([
                (X_FORWARDED_FOR, "192.0.2.8"),
                (X_FORWARDED_HOST, "b"),
                (X_FORWARDED_PROTO, "https"),
            ]));
            assert_eq!(resolved(&headers), "- - -", "{lines:?}");
        }
    }
    // A quoted string does not go on in the next line.
    assert_eq!(standard(&[r#"for=192.0.2.1;x="a"#, r#"b", for=192.0.2.2"#]), "- - -");
}

#[test]
fn x_forwarded_for_in_all_its_forms() {
    for (line, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1#4711"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1#4711"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.66, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1,10.0.0.3 ,\tfd00::2", "192.0.2.1"),
        ("192.0.2.1, , 10.0.0.2,", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.3, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("unknown", "-"),
        ("192.0.2.1, unknown", "-"),
        ("192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, <script>, 10.0.0.2", "10.0.0.2"),
        ("192.0.2.1, \"10.0.0.2\"", "-"),
        ("192.0.2.1, 10.0.0.2:99999", "-"),
        (",", "-"),
    ] {
        assert_eq!(custom([line, "", ""]), format!("{client} - -"), "{line}");
    }
    // Several lines are one list, and bytes that are no text are garbage like any other.
    for (lines, client) in [
        (&[&b"192.0.2.66"[..], b"192.0.2.1", b"10.0.0.2"][..], "192.0.2.1"),
        (&[b"192.0.2.1", b"\xff, 10.0.0.2"], "10.0.0.2"),
        (&[b"\xff", b"192.0.2.1"], "192.0.2.1"),
    ] {
        let headers = headers(lines.iter().map(|line| (X_FORWARDED_FOR, line)));
        assert_eq!(resolved(&headers), format!("{client} - -"), "{lines:?}");
    }
}

#[test]
fn x_forwarded_host_and_proto_go_with_their_hop() {
    for (lines, shown) in [
        (["192.0.2.1", "a.example", "https"], "192.0.2.1 a.example https"),
        (["", "a.example:8443", "HTTPS"], "- a.example:8443 https"),
        (["", "a, b", "https, http"], "- b http"),
        // One for each hop: that of the client's.
        (["192.0.2.66, 192.0.2.1, 10.0.0.2", "x, a, b", "wss, https, http"], "192.0.2.1 a https"),
        (["192.0.2.66, 192.0.2.1", "x, a", "https, http"], "192.0.2.1 a http"),
        (["10.0.0.3, 10.0.0.2", "a, b", "https, http"], "10.0.0.3 a https"),
        (["192.0.2.1, unknown, 10.0.0.2", "x, a, b", "http, https, http"], "10.0.0.2 a https"),
        // Not one for each hop: the nearest proxy's.
        (["192.0.2.1, 10.0.0.2", "b", "https"], "192.0.2.1 b https"),
        (["192.0.2.1", "x, b", "http, https"], "192.0.2.1 b https"),
        (["192.0.2.1, 10.0.0.3, 10.0.0.2", "x, b", "http, https"], "192.0.2.1 b https"),
        // Not usable: the next one to its right, or none.
        (["192.0.2.1, 10.0.0.2", "a/b, b", "ftp, http"], "192.0.2.1 b http"),
        (["192.0.2.1, 10.0.0.2", "a, b c", "https, ftp"], "192.0.2.1 a https"),
        (["192.0.2.66, 192.0.2.1", "x, a b", "https, ftp"], "192.0.2.1 - -"),
        (["192.0.2.1", "user@a", "on"], "192.0.2.1 - -"),
    ] {
        assert_eq!(custom(lines), shown, "{lines:?}");
    }
}

#[test]
fn forwarded_wins_as_a_whole_unless_it_is_empty() {
    for (line, shown) in [
        ("for=192.0.2.1", "192.0.2.1 - -"),
        ("proto=http", "- - http"),
        ("secret=x", "- - -"),
        ("for=unknown", "- - -"),
        ("", "192.0.2.8 b https"),
        (" , ;", "192.0.2.8 b https"),
    ] {
        let headers = headers([
            (FORWARDED, line),
            (X_FORWARDED_FOR, "192.0.2.8"),
            (X_FORWARDED_HOST, "b"),
            (X_FORWARDED_PROTO, "https"),
        ]);
        assert_eq!(resolved(&headers), shown, "{line}");
    }
}

/// Bytes that a header may have, often those that mean something.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        r#"[ ,;:="\\\[\]_%0-9a-f.]{0,8}"#.prop_map(String::into_bytes),
        prop::sample::select(vec![
            "for=",
            "host=",
            "proto=",
            "http",
            "10.0.0.2",
            "192.0.2.9",
            "[::1]:1",
            "unknown",
            ", ",
            ";",
            "\"",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..8),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn lines() -> impl Strategy<Value = Vec<(HeaderName, Vec<u8>)>> {
    let names = [FORWARDED, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO];
    vec((prop::sample::select(names.to_vec()), line()), 0..6)
}

/// A parameter as it is meant, and one of the ways to write it.
fn pair(name: &'static str) -> impl Strategy<Value = (String, String)> {
    let text = prop_oneof!["[a-z0-9._-]{1,12}", r#"[ -~]{0,12}"#, "[\t -~é]{0,6}"];
    let ways = vec(any::<bool>(), 16);
    (text, any::<bool>(), ways).prop_map(move |(text, quoted, ways)| {
        let ways = ways.into_iter().cycle();
        let name = name.chars().zip(ways.clone());
        let name: String =
            name.map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect();
        let is_token = !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if is_token && !quoted {
            return (text.clone(), format!("{name}={text}"));
        }
        let escaped = text.chars().zip(ways).map(|(c, escape)| match c {
            '"' | '\\' => format!("\\{c}"),
            _ if escape && c.is_ascii() => format!("\\{c}"),
            _ => c.to_string(),
        });
        let written = format!("{name}=\"{}\"", escaped.collect::<String>());
        (text, written)
    })
}

type Meant = [Option<String>; 3];

/// An element as it is meant, and one of the ways to write it.
fn element() -> impl Strategy<Value = (Meant, String)> {
    let pairs = (
        prop::option::of(pair("for")),
        prop::option::of(pair("host")),
        prop::option::of(pair("proto")),
        pair("by"),
    );
    (pairs, prop::sample::select(vec![";", "; ", " ;", ";;"]), 0..4_usize).prop_map(
        |((node, host, proto, by), separator, turn)| {
            let read = [node, host, proto];
            let mut written: Vec<_> =
                read.iter().flatten().chain([&by]).map(|(_, written)| written.clone()).collect();
            let turn = turn % written.len();
            written.rotate_left(turn);
            (read.map(|pair| pair.map(|(text, _)| text)), written.join(separator))
        },
    )
}

/// The rules once more, told from the right: which hop stops the walk, and who is the client.
fn from_the_right(hops: &[Option<ClientAddress>]) -> (usize, Option<ClientAddress>) {
    let mut known = None;
    for (index, hop) in hops.iter().enumerate().rev() {
        let Some(hop) = hop else { return (index, known) };
        known = Some(*hop);
        if !trusted().contains(hop.ip) {
            return (index, known);
        }
    }
    (0, known)
}

proptest! {
    #[test]
    fn nothing_panics(
        lines in lines(),
        text in any::<String>(),
        list in "[0-9a-f:./, ]{0,24}",
    ) {
        let found = resolved(&headers(lines));
        prop_assert!(!found.is_empty());
        for text in [text, list] {
            let _ = (parse_host(&text), parse_node(&text), text.parse::<TrustedProxies>());
        }
    }

    #[test]
    fn a_well_formed_header_is_read_as_it_was_meant(
        lines in vec(vec(element(), 1..4), 0..4),
        comma in prop::sample::select(vec![",", ", ", " ,", ",, ,"]),
    ) {
        let written = lines.iter().map(|line| {
            line.iter().map(|(_, written)| written.as_str()).collect::<Vec<_>>().join(comma)
        });
        let headers = headers(written.map(|line| (FORWARDED, line)));
        let read: Vec<Meant> = elements(&headers)
            .map(|element| {
                let Element { node, host, proto } = element.unwrap();
                [node, host, proto]
                    .map(|value| value.map(|value| value.text().unwrap().into_owned()))
            })
            .collect();
        let meant: Vec<_> = lines.into_iter().flatten().map(|(meant, _)| meant).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn nothing_that_a_client_sends_can_pass_for_what_its_proxy_says(
        sent in lines(),
        hops in prop::sample::select(vec!["", ", for=10.0.0.2"]),
    ) {
        let told = format!("for=192.0.2.1;host=a;proto=http{hops}");
        let headers = headers(sent.into_iter().chain([(FORWARDED, told.into_bytes())]));
        let found = resolved(&headers);
        prop_assert!(found == "192.0.2.1 a http" || found == "- - -", "{}", found);
    }

    #[test]
    fn nor_in_x_forwarded_for(sent in vec(line(), 0..4)) {
        let lines = sent.into_iter().chain([b"192.0.2.1:7, 10.0.0.2".to_vec()]);
        let headers = headers(lines.map(|line| (X_FORWARDED_FOR, line)));
        prop_assert_eq!(resolved(&headers), "192.0.2.1#7 - -");
    }

    #[test]
    fn both_headers_are_walked_from_the_right(
        hops in vec(
            prop::sample::select(vec![
                "10.0.0.2:1", "10.0.0.3", "[fd00::4]:5", "192.0.2.1:6", "[2001:db8::1]",
                "unknown", "_x",
            ]),
            1..8,
        ),
    ) {
        let (stop, client) =
            from_the_right(&hops.iter().map(|hop| parse_node(hop)).collect::<Vec<_>>());
        let expected =
            show(&Forwarded { client, host: Some(format!("h{stop}").into()), scheme: None });
        let with_host = |(index, hop)| format!("for=\"{hop}\";host=h{index}");
        let line: Vec<_> = hops.iter().enumerate().map(with_host).collect();
        prop_assert_eq!(standard(&[&line.join(",")]), expected.as_str());
        let hosts: Vec<_> = (0..hops.len()).map(|index| format!("h{index}")).collect();
        prop_assert_eq!(custom([&hops.join(","), &hosts.join(","), ""]), expected);
    }
}
