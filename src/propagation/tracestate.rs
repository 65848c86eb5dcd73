//! The `tracestate` header: W3C Trace Context level 2, section 3.3 ("Tracestate Header").
//!
//! Here it is text that was checked once: members joined by commas, nothing between them. The SDK's
//! `TraceState` is a second home for those members that it accepts; it has the narrower key grammar
//! of level 1, so it cannot be the only one.

use opentelemetry::trace::TraceState;

/// OpenTelemetry's own key, which our samplers read and write.
pub(crate) const OWN_KEY: &str = "ot";
/// Section 3.3.2: a list has at most this many members.
const MOST_MEMBERS: usize = 32;
/// Sections 3.3.2.2.1 and 3.3.2.2.2: so long a key or a value may be.
const LONGEST: usize = 256;

/// The members of all `headers` in order, if there are any and not one of them is malformed.
pub(super) fn parse(headers: &[&str]) -> Option<String> {
    let mut list = String::with_capacity(headers.iter().map(|header| header.len() + 1).sum());
    let mut count = 0;
    for member in headers.iter().flat_map(|header| header.split(',')) {
        let member = member.trim_matches([' ', '\t']);
        // Section 3.3.2: empty members are allowed, and say nothing.
        if member.is_empty() {
            continue;
        }
        count += 1;
        let (key, value) = member.split_once('=')?;
        if count > MOST_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        push(&mut list, key, value);
    }
    (count > 0).then_some(list)
}

/// The members of a `list` that the SDK accepts, so that samplers and exporters see them.
pub(super) fn for_sdk(list: &str) -> TraceState {
    TraceState::from_key_value(members(list)).unwrap_or_else(|_| {
        let accepted = |member: &_| TraceState::from_key_value([*member]).is_ok();
        TraceState::from_key_value(members(list).filter(accepted)).unwrap_or_default()
    })
}

/// What goes out. Our own member may have changed, so it comes first (section 3.5); it is taken from
/// the span, the others from the `incoming` list, or from the span too when the trace has none.
pub(super) fn outgoing(span: &TraceState, incoming: Option<&str>) -> String {
    let own = span.get(OWN_KEY).map(|value| (OWN_KEY, value));
    match incoming {
        Some(list) => join(own, members(list)),
        None => join(own, span),
    }
}

fn join<'a>(
    own: Option<(&'a str, &'a str)>,
    others: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let others = others.into_iter().filter(|(key, _)| *key != OWN_KEY);
    let mut list = String::new();
    own.into_iter()
        .chain(others)
        // The SDK lets programs put into a `TraceState` what must not be in a header.
        .filter(|(key, value)| is_key(key) && is_value(value))
        .take(MOST_MEMBERS)
        .for_each(|(key, value)| push(&mut list, key, value));
    list
}

fn members(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.split(',').filter_map(|member| member.split_once('='))
}

fn push(list: &mut String, key: &str, value: &str) {
    if !list.is_empty() {
        list.push(',');
    }
    list.push_str(key);
    list.push('=');
    list.push_str(value);
}

fn is_key(key: &str) -> bool {
    let begins = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let goes_on = |byte: &u8| begins(byte) || b"_-*/@".contains(byte);
    key.len() <= LONGEST
        && key
            .as_bytes()
            .split_first()
            .is_some_and(|(first, rest)| begins(first) && rest.iter().all(goes_on))
}

fn is_value(value: &str) -> bool {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=LONGEST).contains(&value.len())
        && value.as_bytes().iter().all(allowed)
        && !value.ends_with(' ')
}

#[cfg(test)]
mod tests;
