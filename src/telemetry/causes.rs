//! Errors of the HTTP client below exporters, as they are told.

use std::error::Error;

/// An error with what caused it: reqwest's own sentence says only "error sending request".
pub(super) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
