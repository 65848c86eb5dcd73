//! Attributes: `KeyValue` with its `AnyValue`.
//!
//! There are dozens in a request, so their sizes are computed beforehand instead of being put in
//! afterwards as `Message::message` does.

use opentelemetry::{Array, Key, StringValue, Value};

use super::wire::{Message, field_size, varint_size};

/// Writes one attribute as element of the repeated `field`.
pub(super) fn attribute(message: &mut Message<'_>, field: u32, key: &Key, value: &Value) {
    let (key, value_size) = (key.as_str(), value.size());
    let key_size = if key.is_empty() { 0 } else { field_size(key.len()) };
    message.length(field, key_size + field_size(value_size));
    message.string(1, key);
    message.length(2, value_size);
    value.write(message);
}

/// What may stand in the `oneof` of an `AnyValue`.
trait AnyValue {
    /// The bytes that `write` writes.
    fn size(&self) -> usize;
    fn write(&self, message: &mut Message<'_>);
}

impl AnyValue for StringValue {
    fn size(&self) -> usize {
        field_size(self.as_str().len())
    }

    fn write(&self, message: &mut Message<'_>) {
        message.bytes_even_if_empty(1, self.as_str().as_bytes());
    }
}

impl AnyValue for bool {
    fn size(&self) -> usize {
        2
    }

    fn write(&self, message: &mut Message<'_>) {
        message.varint_even_if_zero(2, u64::from(*self));
    }
}

impl AnyValue for i64 {
    fn size(&self) -> usize {
        1 + varint_size(*self as u64)
    }

    fn write(&self, message: &mut Message<'_>) {
        // Two's complement: a negative number takes ten bytes.
        message.varint_even_if_zero(3, *self as u64);
    }
}

impl AnyValue for f64 {
    fn size(&self) -> usize {
        9
    }

    fn write(&self, message: &mut Message<'_>) {
        message.fixed64_even_if_zero(4, self.to_bits());
    }
}

/// An `ArrayValue`, whose elements are `AnyValue`s again.
impl<T: AnyValue> AnyValue for Vec<T> {
    fn size(&self) -> usize {
        field_size(elements_size(self))
    }

    fn write(&self, message: &mut Message<'_>) {
        message.length(5, elements_size(self));
        for element in self {
            message.length(1, element.size());
            element.write(message);
        }
    }
}

fn elements_size<T: AnyValue>(array: &[T]) -> usize {
    array.iter().map(|element| field_size(element.size())).sum()
}

impl AnyValue for Value {
    fn size(&self) -> usize {
        match self {
            Value::Bool(value) => value.size(),
            Value::I64(value) => value.size(),
            Value::F64(value) => value.size(),
            Value::String(value) => value.size(),
            Value::Array(Array::Bool(values)) => values.size(),
            Value::Array(Array::I64(values)) => values.size(),
            Value::Array(Array::F64(values)) => values.size(),
            Value::Array(Array::String(values)) => values.size(),
            // None that this SDK has; an `AnyValue` without a value is what OTLP calls empty.
            _ => 0,
        }
    }

    fn write(&self, message: &mut Message<'_>) {
        match self {
            Value::Bool(value) => value.write(message),
            Value::I64(value) => value.write(message),
            Value::F64(value) => value.write(message),
            Value::String(value) => value.write(message),
            Value::Array(Array::Bool(values)) => values.write(message),
            Value::Array(Array::I64(values)) => values.write(message),
            Value::Array(Array::F64(values)) => values.write(message),
            Value::Array(Array::String(values)) => values.write(message),
            _ => {}
        }
    }
}
