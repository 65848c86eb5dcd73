//! Hexadecimal ids, without a detour over numbers and their leading zeros.

/// The `N` bytes that exactly `2 * N` lower-case digits spell.
pub(super) fn decode<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

/// The value of one lower-case digit.
pub(crate) fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Appends `bytes` in lower-case digits.
pub(super) fn push(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_so_many_lower_case_digits_are_an_id() {
        let cases: [(&str, Option<[u8; 2]>); 8] = [
            ("09af", Some([0x09, 0xaf])),
            ("0000", Some([0, 0])),
            ("09AF", None),
            ("09ag", None),
            ("+9af", None),
            ("09a", None),
            ("09af0", None),
            ("", None),
        ];
        for (digits, bytes) in cases {
            assert_eq!(decode(digits.as_bytes()), bytes, "{digits}");
        }
    }

    proptest! {
        #[test]
        fn every_id_comes_back(bytes: [u8; 16]) {
            let mut text = String::new();
            push(&mut text, &bytes);
            prop_assert_eq!(&text, &format!("{:032x}", u128::from_be_bytes(bytes)));
            prop_assert_eq!(decode(text.as_bytes()), Some(bytes));
        }
    }
}
