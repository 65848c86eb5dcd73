//! A span's stack trace as frames of a segment.
//!
//! ```text
//! the message, of any number of lines
//! src/home.rs:7:9
//!    0: backend_actix::activities::home::home
//!              at ./src/activities/home.rs:40:5
//! ```

use super::document::Frame;
use crate::backtrace::{Place, calls};

/// AWS's SDKs send as many at most.
const MAX_FRAMES: usize = 50;

/// The frames of a stack trace, and how many more there are.
pub(super) fn frames(stacktrace: &str) -> (Vec<Frame>, usize) {
    let mut calls = calls(stacktrace);
    let mut frames: Vec<_> = calls
        .by_ref()
        .take(MAX_FRAMES)
        .map(|call| Frame { label: Some(call.function.to_owned()), ..at(call.place) })
        .collect();
    if frames.is_empty() {
        // Without a backtrace, the place of the panic is all that is known: the last line.
        let place = stacktrace.lines().last().and_then(Place::parse);
        frames.extend(place.map(|place| at(Some(place))));
    }
    (frames, calls.count())
}

fn at(place: Option<Place<'_>>) -> Frame {
    let (path, line) = place.map(|place| (place.file.to_owned(), place.line)).unzip();
    Frame { label: None, path, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(label: Option<&str>, path: Option<&str>, line: Option<u32>) -> Frame {
        Frame { label: label.map(str::to_owned), path: path.map(str::to_owned), line }
    }

    #[test]
    fn a_backtrace_becomes_frames() {
        let stacktrace = "no 1: really\nsrc/a.rs:1:2\n   0: std::panicking::begin\n             at \
            /rustc/abc/library/std/src/panicking.rs:697:5\n  10: a::b::{{closure}}\n             at \
            ./src/a.rs:12:5\n  11: <unknown>\n  12: main\n";
        let expected = [
            frame(
                Some("std::panicking::begin"),
                Some("/rustc/abc/library/std/src/panicking.rs"),
                Some(697),
            ),
            frame(Some("a::b::{{closure}}"), Some("./src/a.rs"), Some(12)),
            frame(Some("<unknown>"), None, None),
            frame(Some("main"), None, None),
        ];
        assert_eq!(frames(stacktrace), (expected.to_vec(), 0));
    }

    #[test]
    fn without_a_backtrace_there_is_the_place() {
        let place = frame(None, Some("src/a.rs"), Some(7));
        assert_eq!(frames("message\nsrc/a.rs:7:9"), (vec![place], 0));
        for text in ["", "message", "message\nC:", "message\n:1:2", "a:b:c", "a:1:b"] {
            assert_eq!(frames(text), (Vec::new(), 0), "{text}");
        }
    }

    #[test]
    fn this_programs_own_backtrace_is_read() {
        let backtrace = std::backtrace::Backtrace::force_capture().to_string();
        let (frames, _) = frames(&format!("message\nsrc/a.rs:7:9\n{backtrace}"));
        assert!(frames.len() > 5, "{backtrace}");
        assert!(frames.iter().all(|frame| frame.label.is_some()), "{frames:?}");
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let backtrace: String = (0..60).map(|n| format!("  {n}: f{n}\n")).collect();
        let (frames, more) = frames(&backtrace);
        assert_eq!((frames.len(), more), (50, 10));
    }
}
