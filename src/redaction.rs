//! What must not be told in a URL: values in its query that give access to something.

use percent_encoding::percent_decode_str;

/// What is shown instead.
pub(crate) const REDACTED: &str = "REDACTED";

/// Query keys whose values give access to something; the conventions name them.
const REDACTED_QUERY_KEYS: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];

/// `query` with the values of secret keys replaced; the keys stay, so that one sees what was there.
pub(crate) fn redact_query(query: &str, more_keys: &[String]) -> String {
    redact_values(query, |key| {
        REDACTED_QUERY_KEYS.contains(&key) || more_keys.iter().any(|more| more == key)
    })
}

/// The same for keys that are secret by another rule, which is told them decoded: as whoever reads the
/// query will read them.
pub(crate) fn redact_values(query: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let mut redacted = String::with_capacity(query.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            redacted.push('&');
        }
        match pair.split_once('=') {
            Some((name, _)) if is_secret(&percent_decode_str(name).decode_utf8_lossy()) => {
                redacted.push_str(name);
                redacted.push('=');
                redacted.push_str(REDACTED);
            }
            _ => redacted.push_str(pair),
        }
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_the_query_are_redacted_and_nothing_else() {
        let cases = [
            ("term=cloud", "term=cloud"),
            ("a=1&sig=abc&b=2", "a=1&sig=REDACTED&b=2"),
            ("sig=", "sig=REDACTED"),
            ("sig", "sig"),
            ("SIG=abc", "SIG=abc"),
            ("signature=abc", "signature=abc"),
            ("Signature=a=b&&x", "Signature=REDACTED&&x"),
            (
                "X-Amz-Credential=a&X-Amz-Signature=b",
                "X-Amz-Credential=REDACTED&X-Amz-Signature=REDACTED",
            ),
            (
                "X-Goog-Signature=a&X-Amz-Security-Token=b",
                "X-Goog-Signature=REDACTED&X-Amz-Security-Token=REDACTED",
            ),
            ("AWSAccessKeyId=a", "AWSAccessKeyId=REDACTED"),
            ("%73ig=a&si%67=b", "%73ig=REDACTED&si%67=REDACTED"),
            ("", ""),
        ];
        for (query, redacted) in cases {
            assert_eq!(redact_query(query, &[]), redacted, "{query}");
        }
    }
}
