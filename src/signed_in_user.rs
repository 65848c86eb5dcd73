//! The signed-in user: always the same, until the service learns to sign anybody in.

/// What the user is known by.
pub(crate) const HANDLE: &str = "andrewbrown";
/// What the user is called.
pub(crate) const DISPLAY_NAME: &str = "Andrew Brown";
