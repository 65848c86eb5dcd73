//! What caused an error: what a library says of its own error is often only that there is one.

use std::error::Error;
use std::iter::successors;

/// What is below an error, the nearest first.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(error.source(), |&cause| cause.source())
}

/// An error with what caused it, on one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// What an error comes from in the end: reqwest's own sentence says only "error sending request".
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}
