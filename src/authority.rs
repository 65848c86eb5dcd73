//! The authority of a URL: the host, and the port where it is not the scheme's own (RFC 3986, section 3.2).

/// `host[:port]`, an IPv6 address in brackets.
pub(crate) fn authority(scheme: &str, host: &str, port: Option<i64>) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => host,
        (_, Some(port)) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_the_port_that_a_client_would_send() {
        for (host, port, scheme, expected) in [
            ("shop.example", Some(443), "https", "shop.example"),
            ("shop.example", Some(80), "https", "shop.example:80"),
            ("localhost", Some(4567), "http", "localhost:4567"),
            ("::1", Some(4567), "http", "[::1]:4567"),
            ("::1", None, "http", "[::1]"),
        ] {
            assert_eq!(authority(scheme, host, port), expected);
        }
    }
}
