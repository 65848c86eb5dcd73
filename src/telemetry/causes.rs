//! Errors in full: what a library says of its own error is often only that there is one.

use std::error::Error;

/// An error with what caused it, on one line.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
