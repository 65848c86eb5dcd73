//! How much is told of a text: so many characters, whatever they take in bytes.

/// The first `limit` characters of `text`.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    // No text has more characters than bytes: most need not be counted.
    if text.len() <= limit {
        return text;
    }
    text.char_indices().nth(limit).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, limit, kept) in [
            ("", 0, ""),
            ("a", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("é", 1, "é"),
            ("🚀🚀", 1, "🚀"),
            ("🚀🚀", 3, "🚀🚀"),
        ] {
            assert_eq!(cut(text, limit), kept, "{text} {limit}");
        }
    }
}
