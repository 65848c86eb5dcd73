//! The handle of a user: never empty.

/// What a user is known by.
#[derive(Debug)]
pub struct Handle(String);

impl Handle {
    /// Reads a field of a body; `None` where it is missing or empty.
    pub fn parse(text: Option<String>) -> Option<Self> {
        text.filter(|text| !text.is_empty()).map(Self)
    }
}

impl From<Handle> for String {
    fn from(handle: Handle) -> Self {
        handle.0
    }
}
