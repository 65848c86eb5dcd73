//! Patterns as AWS has them in sampling rules and in dynamic naming: `*` is any text, `?` any one
//! character, and case does not count.

use std::str::Chars;

/// Does `pattern` describe all of `text`? Takes no memory, whatever a stranger sends.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // The last `*`: what comes after it, and the text that it has not taken yet.
    let mut star: Option<(Chars<'_>, Chars<'_>)> = None;
    loop {
        let mut rest = pattern.clone();
        match (rest.next(), text.clone().next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((rest.clone(), text.clone()));
                pattern = rest;
            }
            (Some(expected), Some(found)) if expected == '?' || is_same(expected, found) => {
                pattern = rest;
                text.next();
            }
            // It does not fit here: the last `*` takes one character more.
            _ => match &mut star {
                Some((after, left)) => {
                    if left.next().is_none() {
                        return false;
                    }
                    (pattern, text) = (after.clone(), left.clone());
                }
                None => return false,
            },
        }
    }
}

fn is_same(one: char, other: char) -> bool {
    one == other || one.to_lowercase().eq(other.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_patterns_describe() {
        let cases = [
            ("*", &["", "a", "a/b?"][..], &[][..]),
            ("", &[""], &["a"]),
            ("?", &["a", "é"], &["", "ab"]),
            ("a", &["a", "A"], &["", "b", "aa"]),
            ("A*", &["a", "abc"], &["", "ba"]),
            ("*.example", &["shop.example", ".EXAMPLE"], &["example", "shop.example.org"]),
            ("/api/*/home", &["/api/x/home", "/api//home", "/api/a/b/home"], &["/api/home"]),
            ("a*b*c", &["abc", "aXbXc", "abbcc"], &["ac", "abcd"]),
            ("**", &["", "abc"], &[]),
            ("*a?", &["ab", "aab", "xaay"], &["a", "xa", "abb"]),
            ("*4567-*.gitpod.io", &["4567-me.ws.gitpod.io"], &["3000-me.ws.gitpod.io"]),
            ("GRÜN", &["grün"], &["grun"]),
        ];
        for (pattern, described, others) in cases {
            for text in described {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
            for text in others {
                assert!(!matches(pattern, text), "{pattern} {text}");
            }
        }
    }

    /// The definition, with all the memory and time in the world.
    fn is_described(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| is_described(rest, &text[taken..]))
            }
            (['?', rest @ ..], [_, after @ ..]) => is_described(rest, after),
            ([c, rest @ ..], [t, after @ ..]) => {
                c.eq_ignore_ascii_case(t) && is_described(rest, after)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_is_the_definition(pattern in "[abA?*]{0,6}", text in "[abA?*]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = is_described(&chars(&pattern), &chars(&text));
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
