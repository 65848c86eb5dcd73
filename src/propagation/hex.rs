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

/// Each byte as its two lower-case digits.
pub(super) fn encode<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| PAIRS[usize::from(byte)])
}

/// The digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (mut pairs, mut byte) = ([[0; 2]; 256], 0);
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0x0f]];
        byte += 1;
    }
    pairs
};

/// Appends `bytes` in lower-case digits.
pub(crate) fn push<const N: usize>(text: &mut String, bytes: [u8; N]) {
    // All at once, and ASCII: `String::push` would look at each digit on its own.
    text.push_str(str::from_utf8(encode(bytes).as_flattened()).unwrap_or_default());
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
            push(&mut text, bytes);
            prop_assert_eq!(&text, &format!("{:032x}", u128::from_be_bytes(bytes)));
            prop_assert_eq!(decode(text.as_bytes()), Some(bytes));
        }
    }
}
