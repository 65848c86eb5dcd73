//! The text of an activity, a reply or a message: never blank, never too long.

/// Text of 1 to `MAX` Unicode code points.
#[derive(Debug)]
pub struct MessageText<const MAX: usize> {
    text: String,
    length: usize,
}

impl<const MAX: usize> MessageText<MAX> {
    /// Reads the `message` field of a body.
    ///
    /// # Errors
    /// The contract's code: `message_blank` where it is missing or empty,
    /// `message_exceed_max_chars` beyond `MAX`.
    pub fn parse(text: Option<String>) -> Result<Self, &'static str> {
        let text = text.filter(|text| !text.is_empty()).ok_or("message_blank")?;
        let length = text.chars().count();
        if length > MAX {
            return Err("message_exceed_max_chars");
        }
        Ok(Self { text, length })
    }

    /// How many code points it has, as an attribute takes it.
    pub fn length(&self) -> i64 {
        self.length as i64
    }
}

impl<const MAX: usize> From<MessageText<MAX>> for String {
    fn from(message: MessageText<MAX>) -> Self {
        message.text
    }
}
