//! The grammar of `Forwarded` (RFC 7239, section 4): its elements, one after the other.

use std::borrow::Cow;

use actix_web::http::header::{FORWARDED, HeaderMap};

/// A `Forwarded` that breaks the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The parameters of one hop that are of interest, as they are written.
#[derive(Clone, Copy, Default)]
pub(super) struct Element<'a> {
    pub(super) node: Option<Value<'a>>,
    pub(super) host: Option<Value<'a>>,
    pub(super) proto: Option<Value<'a>>,
}

/// A token, or what stands between the quotes of a quoted string.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    raw: &'a [u8],
    has_escapes: bool,
}

impl<'a> Value<'a> {
    /// The value itself; `None` if it is not UTF-8.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if !self.has_escapes {
            return str::from_utf8(self.raw).ok().map(Cow::Borrowed);
        }
        let mut bytes = Vec::with_capacity(self.raw.len());
        let mut raw = self.raw.iter();
        while let Some(byte) = raw.next() {
            bytes.push(if *byte == b'\\' { *raw.next()? } else { *byte });
        }
        String::from_utf8(bytes).ok().map(Cow::Owned)
    }
}

/// All elements, those of the first line first (RFC 7239, section 4). A quoted string does not go
/// on in the next line: each line is a list of its own (RFC 9110, section 5.3).
pub(super) fn elements(
    headers: &HeaderMap,
) -> impl Iterator<Item = Result<Element<'_>, Malformed>> {
    headers.get_all(FORWARDED).flat_map(|line| Elements(line.as_bytes()))
}

/// The elements of one line; those without a parameter are left out.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            match take_element(self.0) {
                Some((element, rest)) => {
                    self.0 = rest;
                    if let Some(element) = element {
                        return Some(Ok(element));
                    }
                }
                None => {
                    self.0 = &[];
                    return Some(Err(Malformed));
                }
            }
        }
        None
    }
}

/// What was read, and what comes after it.
type Taken<'a, T> = Option<(T, &'a [u8])>;

/// `[ pair ] *( ";" [ pair ] )` up to a comma or the end (RFC 7239, section 4). The grammar has
/// no white space around the semicolon, but people put it there, and it changes nothing.
fn take_element(mut rest: &[u8]) -> Taken<'_, Option<Element<'_>>> {
    let mut element = None;
    loop {
        rest = rest.trim_ascii_start();
        if !matches!(rest.first(), None | Some(b',' | b';')) {
            let (name, behind) = take_token(rest)?;
            let (value, behind) = take_value(behind.strip_prefix(b"=")?)?;
            rest = behind.trim_ascii_start();
            let element = element.get_or_insert_with(Element::default);
            // Parameter names ignore case; others than these are allowed and mean nothing here.
            let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
            let place = if is(b"for") {
                &mut element.node
            } else if is(b"host") {
                &mut element.host
            } else if is(b"proto") {
                &mut element.proto
            } else {
                &mut None
            };
            // No parameter may occur twice in an element.
            if place.replace(value).is_some() {
                return None;
            }
        }
        match rest.split_first() {
            None => return Some((element, rest)),
            Some((b',', behind)) => return Some((element, behind)),
            Some((b';', behind)) => rest = behind,
            Some(_) => return None,
        }
    }
}

/// `token` (RFC 9110, section 5.6.2).
fn take_token(text: &[u8]) -> Taken<'_, &[u8]> {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = text.iter().position(|byte| !is_tchar(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `token / quoted-string` (RFC 9110, sections 5.6.2 and 5.6.4). Control characters, which a
/// quoted string may not hold, no [`HeaderMap`] holds either.
fn take_value(text: &[u8]) -> Taken<'_, Value<'_>> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let (raw, rest) = take_token(text)?;
        return Some((Value { raw, has_escapes: false }, rest));
    };
    let mut has_escapes = false;
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                return Some((Value { raw: &quoted[..at], has_escapes }, &quoted[at + 1..]));
            }
            b'\\' => {
                has_escapes = true;
                bytes.next()?;
            }
            _ => {}
        }
    }
    None
}
