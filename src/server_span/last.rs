//! A cache of one: what was made last, to be had again for the same input.
//!
//! Nearly all requests that a worker gets name the same host, and come from the same few peers: a
//! connection brings many of them, and in front of many services stands one proxy.

use std::cell::RefCell;

/// What was made last, and of what.
pub(super) struct Last<I: ToOwned + ?Sized, T>(RefCell<Option<(I::Owned, T)>>);

impl<I: ToOwned + ?Sized, T> Default for Last<I, T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<I: ToOwned + PartialEq + ?Sized, T: Clone> Last<I, T> {
    /// What `make` makes of `input`: the same of the same, whenever it is asked.
    pub(super) fn get(&self, input: &I, make: impl FnOnce(&I) -> T) -> T {
        let mut last = self.0.borrow_mut();
        match &*last {
            Some((of, made)) if std::borrow::Borrow::<I>::borrow(of) == input => made.clone(),
            _ => last.insert((input.to_owned(), make(input))).1.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_another_input_is_made_anew() {
        let (last, made) = (Last::<str, usize>::default(), Cell::new(0));
        let length = |text: &str| {
            last.get(text, |text| {
                made.set(made.get() + 1);
                text.len()
            })
        };
        assert_eq!(["a", "a", "bb", "bb", "a"].map(length), [1, 1, 2, 2, 1]);
        assert_eq!(made.get(), 3);
    }
}
