//! The frames of a [backtrace](crate::backtrace), as Rollbar wants them: the most recent call last.

use std::path::Path;

use serde::Serialize;

use crate::backtrace::{Call, Place, calls};

/// How many calls are told: the most recent.
const MOST: usize = 100;

/// What starts a thread, and all that is below it, tells nothing.
const BOTTOM: &str = "__rust_begin_short_backtrace";

/// What makes a panic, by parts of its names.
const PANICKING: [&str; 3] =
    ["core::panicking::", "rust_begin_unwind", "std::panicking::begin_panic"];

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Frame {
    pub(super) filename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lineno: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
}

/// The calls that led to a panic at `place`, a file and a line. A backtrace begins with the calls that
/// make a panic, which are left out; where `place` is not among its calls, it stands for the last.
pub(super) fn frames(backtrace: &str, place: Option<(&str, u32)>, folder: &Path) -> Vec<Frame> {
    let mut frames = parse(backtrace, folder);
    if let Some(bottom) = frames.iter().position(|frame| frame.is_any(&[BOTTOM])) {
        frames.truncate(bottom);
    }
    if let Some((file, line)) = place {
        let is_place = |frame: &Frame| {
            // The compiler's place is relative to its folder, the debug information's is not.
            frame.lineno == Some(line) && Path::new(&frame.filename).ends_with(file)
        };
        match frames.iter().position(is_place) {
            Some(top) => drop(frames.drain(..top)),
            None => {
                // Without debug information nothing has a place: names have to do.
                let panicking = frames.iter().rposition(|frame| frame.is_any(&PANICKING));
                drop(frames.drain(..panicking.map_or(0, |last| last + 1)));
                let filename = folder_file(folder, file);
                frames.insert(0, Frame { filename, lineno: Some(line), method: None });
            }
        }
    }
    frames.truncate(MOST);
    frames.reverse();
    frames
}

impl Frame {
    fn is_any(&self, parts: &[&str]) -> bool {
        let method = self.method.as_deref().unwrap_or_default();
        parts.iter().any(|part| method.contains(part))
    }
}

fn parse(backtrace: &str, folder: &Path) -> Vec<Frame> {
    let frame = |call: Call<'_>| {
        let (filename, lineno) = match call.place {
            Some(Place { file, line }) => (folder_file(folder, file), Some(line)),
            // Of a C library's, or all of a program without debug information, only the name is known.
            None => ("<unknown>".to_owned(), None),
        };
        Frame { filename, lineno, method: Some(call.function.to_owned()) }
    };
    calls(backtrace).map(frame).collect()
}

/// The file in full: the library shortens what is below the current `folder` to `./…`.
fn folder_file(folder: &Path, file: &str) -> String {
    match file.strip_prefix("./") {
        Some(file) => folder.join(file).to_string_lossy().into_owned(),
        None => file.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKTRACE: &str = "
   0: shop::main::{{closure}}
             at ./src/main.rs:5:77
   1: std::panicking::panic_with_hook
             at /rustc/59807616/library/std/src/panicking.rs:833:13
   2: core::option::Option<T>::unwrap
             at /rustc/59807616/library/core/src/option.rs:1016:21
   3: shop::cart::total
             at ./src/cart.rs:12:55
      shop::cart::inlined::{{closure}}
             at ./src/cart.rs:30
   4: __rust_try
   5: std::sys::backtrace::__rust_begin_short_backtrace
             at /rustc/59807616/library/std/src/sys/backtrace.rs:166:18
   6: main
";

    fn told(place: Option<(&str, u32)>) -> Vec<(String, Option<u32>, Option<String>)> {
        let frames = frames(BACKTRACE, place, Path::new("/shop"));
        frames.into_iter().map(|it| (it.filename, it.lineno, it.method)).collect()
    }

    #[test]
    fn the_calls_up_to_the_place_of_the_panic_the_most_recent_last() {
        let frame =
            |file: &str, line, method: &str| (file.to_owned(), line, Some(method.to_owned()));
        let calls = [
            frame("<unknown>", None, "__rust_try"),
            frame("/shop/src/cart.rs", Some(30), "shop::cart::inlined::{{closure}}"),
            frame("/shop/src/cart.rs", Some(12), "shop::cart::total"),
        ];
        assert_eq!(told(Some(("src/cart.rs", 12))), calls);
        // What is nowhere among the calls is the last one.
        let elsewhere = told(Some(("src/art.rs", 12)));
        assert_eq!(elsewhere.len(), 7);
        assert_eq!(elsewhere[6], ("src/art.rs".to_owned(), Some(12), None));
        assert_eq!(told(None).len(), 6);
    }

    #[test]
    fn without_debug_information_what_makes_a_panic_is_known_by_its_names() {
        let backtrace = "
   0: backend_actix::server_span::panic::remember_panics
   1: std::panicking::panic_with_hook
   2: __rustc::rust_begin_unwind
   3: core::panicking::panic_fmt
   4: core::option::unwrap_failed
   5: shop::cart::total
   6: std::panicking::catch_unwind
";
        let frames = frames(backtrace, Some(("src/cart.rs", 12)), Path::new("/"));
        let methods: Vec<_> = frames.iter().map(|frame| frame.method.as_deref()).collect();
        let calls =
            ["std::panicking::catch_unwind", "shop::cart::total", "core::option::unwrap_failed"];
        assert_eq!(methods, [Some(calls[0]), Some(calls[1]), Some(calls[2]), None]);
        assert_eq!((frames[3].filename.as_str(), frames[3].lineno), ("src/cart.rs", Some(12)));
    }

    #[test]
    fn a_backtrace_without_names_still_has_the_place() {
        for backtrace in ["", "disabled backtrace", "   0: <unknown>\n"] {
            let frames = frames(backtrace, Some(("src/a.rs", 7)), Path::new("/"));
            let last = frames.last().unwrap();
            assert_eq!((last.filename.as_str(), last.lineno), ("src/a.rs", Some(7)));
        }
        assert!(frames("", None, Path::new("/")).is_empty());
    }

    #[test]
    fn a_deep_recursion_is_told_by_its_end() {
        let call = "  1: deep\n      at src/a.rs:1:1\n";
        let backtrace = format!("  0: top\n      at src/a.rs:9:1\n{}", call.repeat(5000));
        let frames = frames(&backtrace, Some(("src/a.rs", 9)), Path::new("/"));
        assert_eq!(frames.len(), MOST);
        assert_eq!(frames[MOST - 1].method.as_deref(), Some("top"));
    }

    #[test]
    fn what_this_library_prints_is_understood() {
        let backtrace = std::backtrace::Backtrace::force_capture().to_string();
        let frames = frames(&backtrace, None, Path::new("/"));
        let is_mine = |frame: &Frame| {
            frame
                .method
                .as_deref()
                .is_some_and(|method| method.contains("frames::tests::what_this"))
        };
        // Files and lines are there only with debug information.
        assert!(frames.iter().any(is_mine), "{backtrace}");
    }
}
