//! Protobuf's wire format, as far as OTLP needs it (protobuf.dev, "Encoding").

/// How large a message will be, as a rule. A wrong guess costs one move of its bytes, nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expect {
    /// Below 128 bytes.
    Tens = 1,
    /// Below 16 kB.
    Hundreds = 2,
    /// Below 2 MB.
    Millions = 3,
}

/// A message that is written to the end of a buffer, field by field.
///
/// Fields have no presence of their own in proto3: one with the default value of its type (empty, 0)
/// is left out. Where the default is to be written all the same, in a `oneof`, the name says so.
#[derive(Debug)]
pub(super) struct Message<'a>(&'a mut Vec<u8>);

impl<'a> Message<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    pub(super) fn string(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes_even_if_empty(field, bytes);
        }
    }

    pub(super) fn bytes_even_if_empty(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, WireType::Length);
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(super) fn uint32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.varint_even_if_zero(field, u64::from(value));
        }
    }

    pub(super) fn varint_even_if_zero(&mut self, field: u32, value: u64) {
        self.tag(field, WireType::Varint);
        self.varint(value);
    }

    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.tag(field, WireType::Fixed32);
            self.raw(&value.to_le_bytes());
        }
    }

    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.fixed64_even_if_zero(field, value);
        }
    }

    pub(super) fn fixed64_even_if_zero(&mut self, field: u32, value: u64) {
        self.tag(field, WireType::Fixed64);
        self.raw(&value.to_le_bytes());
    }

    /// What `body` writes, as a message inside this one; its length is put before it afterwards.
    /// To compute lengths beforehand was measured too: it costs more than it saves.
    pub(super) fn message(
        &mut self,
        field: u32,
        expect: Expect,
        body: impl FnOnce(&mut Message<'_>),
    ) {
        self.tag(field, WireType::Length);
        let gap = self.0.len();
        let start = gap + expect as usize;
        self.0.resize(start, 0);
        body(self);
        let length = Varint::new((self.0.len() - start) as u64);
        if length.as_bytes().len() == expect as usize {
            self.0[gap..start].copy_from_slice(length.as_bytes());
        } else {
            self.0.splice(gap..start, length.as_bytes().iter().copied());
        }
    }

    /// A message of two fields, the string `key` and a message whose field `of_value` is the string `value`; if
    /// all is so short that each tag and each length takes one byte, else nothing is written.
    pub(super) fn short_string(
        &mut self,
        field: u32,
        key: &str,
        of_value: u32,
        value: &str,
    ) -> bool {
        let value = value.as_bytes();
        let is_short = self.short_key(field, key, value.len() + 2);
        if is_short {
            let length = value.len() as u8;
            self.raw(&[
                tag(2, WireType::Length),
                length + 2,
                tag(of_value, WireType::Length),
                length,
            ]);
            self.raw(value);
        }
        is_short
    }

    /// The same with a number.
    pub(super) fn short_varint(
        &mut self,
        field: u32,
        key: &str,
        of_value: u32,
        value: u64,
    ) -> bool {
        let value = Varint::new(value);
        let is_short = self.short_key(field, key, value.length + 1);
        if is_short {
            let length = value.length as u8;
            self.raw(&[tag(2, WireType::Length), length + 1, tag(of_value, WireType::Varint)]);
            // All ten bytes, and those that it does not take back again: cheaper than to copy so many.
            self.raw(&value.bytes);
            self.0.truncate(self.0.len() - value.bytes.len() + value.length);
        }
        is_short
    }

    /// The beginning of such a message, up to the tag of the second field, which is `length` bytes long.
    #[inline]
    fn short_key(&mut self, field: u32, key: &str, length: usize) -> bool {
        let size = key.len() + length + 4;
        let is_short = size < 0x80 && field < 16 && !key.is_empty();
        if is_short {
            let tag = |field| tag(field, WireType::Length);
            self.raw(&[tag(field), size as u8, tag(1), key.len() as u8]);
            self.raw(key.as_bytes());
        }
        is_short
    }

    /// Bytes as they are: the body of a field, or fields that are encoded already.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn tag(&mut self, field: u32, wire_type: WireType) {
        self.varint(u64::from(field << 3 | wire_type as u32));
    }

    fn varint(&mut self, value: u64) {
        // Nearly all are small: tags, and lengths of attributes.
        if value < 0x80 {
            self.0.push(value as u8);
        } else {
            self.raw(Varint::new(value).as_bytes());
        }
    }
}

#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// The tag of a field below 16.
const fn tag(field: u32, wire_type: WireType) -> u8 {
    (field << 3 | wire_type as u32) as u8
}

/// A number as protobuf writes most of its numbers.
struct Varint {
    bytes: [u8; 10],
    length: usize,
}

impl Varint {
    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    fn new(mut value: u64) -> Self {
        let (mut bytes, mut length) = ([0; 10], 0);
        for byte in &mut bytes {
            length += 1;
            *byte = value as u8 & 0x7f;
            value >>= 7;
            if value == 0 {
                break;
            }
            *byte |= 0x80;
        }
        Self { bytes, length }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
