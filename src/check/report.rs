//! What is printed: headings, below them a line for each step.

use std::error::Error;
use std::io::Write;

/// Not all that was tried works.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failures} failed; each line with FAILED says what to change")]
pub struct CheckError {
    /// How many steps failed.
    pub failures: usize,
}

/// Writes lines as the steps are done, and counts those that failed.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    failures: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, failures: 0 }
    }

    /// What the following lines are about.
    pub(super) fn heading(&mut self, text: &str) {
        self.line(text);
    }

    /// Something that was not tried.
    pub(super) fn say(&mut self, text: &str) {
        self.line(&format!("  {text}"));
    }

    /// Something that may not be meant so.
    pub(super) fn warning(&mut self, text: &str) {
        self.line(&format!("  warning  {text}"));
    }

    /// A step that went well.
    pub(super) fn ok(&mut self, step: &str, what: &str) {
        self.line(&format!("  ok       {step}: {what}"));
    }

    /// A step that went wrong: what is known of it, and what to change.
    pub(super) fn failed(&mut self, step: &str, what: &str, change: &str) {
        self.failures += 1;
        self.line(&format!("  FAILED   {step}: {what}; {change}"));
    }

    /// A step that went wrong, for a reason that says itself what to change.
    pub(super) fn explained(&mut self, step: &str, reason: &str) {
        self.failures += 1;
        self.line(&format!("  FAILED   {step}: {reason}"));
    }

    /// A step that went wrong because something cannot even be made, which says why.
    pub(super) fn cannot_start(&mut self, step: &str, error: &dyn Error) {
        self.failed(step, &error.to_string(), "the service does not start with it either");
    }

    /// The last line, if all went well.
    pub(super) fn end(mut self) -> Result<(), CheckError> {
        match self.failures {
            0 => {
                self.line("All that was tried works.");
                Ok(())
            }
            failures => Err(CheckError { failures }),
        }
    }

    /// What a receiver says stays on its line. A reader that is gone (`| head`) stops nothing: the exit
    /// code still tells.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}", text.replace(char::is_control, " "));
    }
}
