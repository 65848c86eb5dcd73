//! The host and the port of a `Host` header, an `:authority`, or a host that a proxy reports.

use std::net::Ipv6Addr;

/// Splits `host[:port]` (RFC 9110, section 7.2) into the host, without the brackets of an IPv6
/// address, and the port, if one is named.
///
/// `None` for everything else: an empty host, which no `http` URL may have (RFC 9110, section
/// 4.2.1); userinfo, which is no part of `Host`; a port above 65535; characters that are none of
/// a host. An IPvFuture is refused, since no version of it exists, and so is an IPv6 zone, which
/// means nothing outside of the machine that wrote it (RFC 9844).
pub(crate) fn parse_host(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = split_port(authority)?;
    // Only what stood in brackets has a colon by now, and that is an IPv6 address.
    if !host.contains(':') && !is_reg_name(host) {
        return None;
    }
    let port = match port {
        // The colon may be there without a port (RFC 3986, section 3.2.3).
        None | Some("") => None,
        Some(digits) => Some(parse_digits(digits)?),
    };
    Some((host, port))
}

/// Takes `[IPv6]` or what has no colon, then the text behind the next colon. `None` if the brackets
/// are not in order or hold no IPv6 address; what has no brackets is not looked at.
pub(super) fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            bracketed.split_once(']').filter(|(address, _)| address.parse::<Ipv6Addr>().is_ok())?
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// A number in digits alone; `str::parse` would take a sign as well.
pub(super) fn parse_digits(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// RFC 3986, section 3.2.2, but never empty; each IPv4 address is one too.
fn is_reg_name(host: &str) -> bool {
    let bytes = host.as_bytes();
    let is_escape = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    !host.is_empty()
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'%' => is_escape(at),
            // unreserved
            b'-' | b'.' | b'_' | b'~' => true,
            // sub-delims
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => byte.is_ascii_alphanumeric(),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hosts_with_and_without_a_port() {
        for (authority, host, port) in [
            ("localhost", "localhost", None),
            ("localhost:4567", "localhost", Some(4567)),
            ("Cruddur.Example", "Cruddur.Example", None),
            ("cruddur.example.:80", "cruddur.example.", Some(80)),
            ("a_b-c~d.example", "a_b-c~d.example", None),
            ("b%C3%BCcher.example:1", "b%C3%BCcher.example", Some(1)),
            ("a!$&'()*+,;=b", "a!$&'()*+,;=b", None),
            ("192.0.2.60", "192.0.2.60", None),
            ("192.0.2.60:8080", "192.0.2.60", Some(8080)),
            ("256.0.2.60", "256.0.2.60", None), // a reg-name by RFC 3986's rule
            ("[::1]", "::1", None),
            ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
            ("[::ffff:192.0.2.60]:443", "::ffff:192.0.2.60", Some(443)),
            // RFC 3986, section 3.2.3: port = *DIGIT
            ("localhost:", "localhost", None),
            ("[::1]:", "::1", None),
            ("localhost:0", "localhost", Some(0)),
            ("localhost:00080", "localhost", Some(80)),
            ("localhost:65535", "localhost", Some(65535)),
        ] {
            assert_eq!(parse_host(authority), Some((host, port)), "{authority:?}");
        }
    }

    #[test]
    fn what_is_no_host() {
        for authority in [
            "",
            ":80",
            " ",
            "a b",
            " a",
            "a ",
            "a\tb",
            "a\0b",
            "a\nb",
            "a\x7f",
            "bücher.example",
            "user@a",
            "user:password@a",
            "user@[::1]",
            "a/b",
            "http://a",
            "a?b",
            "a#b",
            "a\\b",
            "a\"b",
            "<a>",
            "a%",
            "a%2",
            "a%zz",
            "%%41",
            "a:65536",
            "a:99999999999999999999",
            "a:+80",
            "a:-1",
            "a:8 0",
            "a:80:80",
            "a:b",
            "::1",
            "2001:db8::1",
            "[",
            "]",
            "[]",
            "[::1",
            "::1]",
            "[[::1]]",
            "[::1]]",
            "[::1]80",
            "[::1]a:80",
            "a[::1]",
            "[::1]:65536",
            "[192.0.2.60]",
            "[localhost]",
            "[fe80::1%eth0]",
            "[fe80::1%25eth0]",
            "[v1.a:b]",
        ] {
            assert_eq!(parse_host(authority), None, "{authority:?}");
        }
    }

    /// RFC 3986 once more, by taking the text apart from its end.
    fn is_host(text: &str) -> bool {
        let until_digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let host = match until_digits.strip_suffix(':') {
            Some(host) if !host.is_empty() => {
                let port = text[until_digits.len()..].trim_start_matches('0');
                if port.len() > 5 || format!("{port:0>5}").as_str() > "65535" {
                    return false;
                }
                host
            }
            _ => text,
        };
        if host.starts_with('[') && host.ends_with(']') {
            return host[1..host.len() - 1].parse::<Ipv6Addr>().is_ok();
        }
        let mut parts = host.split('%');
        let plain = |part: &str| {
            part.chars().all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c))
        };
        !host.is_empty()
            && parts.next().is_some_and(plain)
            && parts.all(|part| {
                part.chars().take(2).filter(char::is_ascii_hexdigit).count() == 2 && plain(part)
            })
    }

    proptest! {
        #[test]
        fn accepts_exactly_the_hosts(
            text in prop_oneof![
                any::<String>(),
                r"[a-zA-Z0-9.%:@\[\]/ _,;-]{0,12}",
                r"([a-z.%]|%[0-9a-fA-F]{2}){0,6}(:[0-9]{0,6})?",
                r"\[?[0-9a-f:.]{0,12}\]?(:[0-9]{0,6})?",
                r"\[(::|::1|1:2:3:4:5:6:7:8|2001:db8::|::ffff:1\.2\.3\.4)\](:[0-9]{0,6})?",
            ]
        ) {
            prop_assert_eq!(parse_host(&text).is_some(), is_host(&text));
        }

        #[test]
        fn takes_apart_what_was_put_together(
            host in prop_oneof![
                "[a-z0-9.-]{1,20}",
                any::<Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
            ],
            port in any::<Option<u16>>(),
        ) {
            let text = port.map_or(host.clone(), |port| format!("{host}:{port}"));
            let bare = host.trim_matches(|c| c == '[' || c == ']');
            prop_assert_eq!(parse_host(&text), Some((bare, port)));
        }
    }
}
