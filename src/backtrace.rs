//! A backtrace as the standard library prints it, the only form in which it gives one, in calls. The Rollbar
//! report (`report/frames.rs`) and X-Ray's exporter (`telemetry/xray/stack.rs`) make frames of them.
//!
//! ```text
//!    3: shop::cart::total
//!              at ./src/cart.rs:12:55
//!       shop::cart::inlined::{{closure}}
//!              at ./src/cart.rs:30:9
//!    4: main
//! ```

use std::iter;

/// One call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) function: &'a str,
    /// `None` without debug information, as of a C library.
    pub(crate) place: Option<Place<'a>>,
}

/// A place in the source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// Below the folder in which the program runs, it begins with `./`.
    pub(crate) file: &'a str,
    pub(crate) line: u32,
}

impl<'a> Place<'a> {
    /// `src/home.rs:7:9`, as a panic tells it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (place, column) = text.rsplit_once(':')?;
        column.parse::<u32>().ok()?;
        Self::without_column(place)
    }

    fn without_column(text: &'a str) -> Option<Self> {
        let (file, line) = text.rsplit_once(':')?;
        let line = line.parse().ok()?;
        (!file.is_empty()).then_some(Self { file, line })
    }
}

/// The calls of a backtrace, the most recent first. What stands before it, as the message of a panic, is
/// passed over.
pub(crate) fn calls(text: &str) -> impl Iterator<Item = Call<'_>> {
    let is_before = |line: &&str| !line.starts_with(' ') || numbered(line.trim_start()).is_none();
    let mut lines = text.lines().skip_while(is_before).map(str::trim_start).peekable();
    iter::from_fn(move || {
        let line = lines.find(|line| !line.is_empty() && !line.starts_with(AT))?;
        // A call that was inlined has a name of its own, below the number of the one that it is a part of.
        let function = numbered(line).unwrap_or(line);
        let place = lines.next_if(|line| line.starts_with(AT)).and_then(place);
        Some(Call { function, place })
    })
}

/// How the line of a place begins.
const AT: &str = "at ";

fn place(line: &str) -> Option<Place<'_>> {
    let text = line.strip_prefix(AT)?;
    // Some platforms know no columns.
    Place::parse(text).or_else(|| Place::without_column(text))
}

/// `0: the::function`
fn numbered(line: &str) -> Option<&str> {
    let (number, function) = line.split_once(": ")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(function)
}

#[cfg(test)]
mod tests {
    use std::backtrace::Backtrace;

    use super::*;

    #[test]
    fn calls_have_names_and_where_they_are_known_places() {
        let text = "no 1: really\n  no frame: either\nsrc/a.rs:1:2\n   0: a::b::{{closure}}\n             \
            at /rustc/5980/src/a.rs:697:5\n      a::inlined\n             at ./src/a.rs:12\n\
            9999: <unknown>\n10000: main\n             at ???\n";
        let call = |function, place: Option<(_, _)>| Call {
            function,
            place: place.map(|(file, line)| Place { file, line }),
        };
        let expected = [
            call("a::b::{{closure}}", Some(("/rustc/5980/src/a.rs", 697))),
            call("a::inlined", Some(("./src/a.rs", 12))),
            call("<unknown>", None),
            call("main", None),
        ];
        assert_eq!(calls(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_backtrace_has_no_calls() {
        for text in ["", "disabled backtrace", "unsupported backtrace", "message\nsrc/a.rs:7:9\n"] {
            assert_eq!(calls(text).count(), 0, "{text}");
        }
    }

    #[test]
    fn a_place_has_a_file_a_line_and_a_column() {
        let place = Place { file: "C:/src/a.rs", line: 7 };
        assert_eq!(Place::parse("C:/src/a.rs:7:9"), Some(place));
        for text in ["", "C:", ":1:2", "a:b:c", "a:1:b", "a:b:1", "127.0.0.1:4567"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_this_library_prints_is_understood() {
        let backtrace = Backtrace::force_capture().to_string();
        let calls: Vec<_> = calls(&backtrace).collect();
        assert!(calls.len() > 5, "{backtrace}");
        // Files and lines are there only with debug information.
        let is_mine = |call: &Call<'_>| call.function.contains("backtrace::tests::what_this");
        assert!(calls.iter().any(is_mine), "{backtrace}");
    }
}
