//! Attributes: `KeyValue` with its `AnyValue`.

use opentelemetry::{Array, Key, StringValue, Value};

use super::wire::{Expect, Message};

/// Fields of `AnyValue`.
const STRING: u32 = 1;
const INT: u32 = 3;

/// Writes one attribute as element of the repeated `field`.
pub(super) fn attribute(message: &mut Message<'_>, field: u32, key: &Key, value: &Value) {
    // Most are short texts and numbers. All their lengths are known beforehand, and take a byte each: half
    // the instructions of a request's attributes.
    let key = key.as_str();
    let is_written = match value {
        Value::String(text) => message.short_string(field, key, STRING, text.as_str()),
        Value::I64(number) => message.short_varint(field, key, INT, number.cast_unsigned()),
        _ => false,
    };
    if is_written {
        return;
    }
    message.message(field, Expect::Tens, |key_value| {
        key_value.string(1, key);
        key_value.message(2, Expect::Tens, |any_value| value.write(any_value));
    });
}

/// What may stand in the `oneof` of an `AnyValue`.
trait AnyValue {
    fn write(&self, message: &mut Message<'_>);
}

impl AnyValue for StringValue {
    fn write(&self, message: &mut Message<'_>) {
        message.bytes_even_if_empty(STRING, self.as_str().as_bytes());
    }
}

impl AnyValue for bool {
    fn write(&self, message: &mut Message<'_>) {
        message.varint_even_if_zero(2, u64::from(*self));
    }
}

impl AnyValue for i64 {
    fn write(&self, message: &mut Message<'_>) {
        // Two's complement: a negative number takes ten bytes.
        message.varint_even_if_zero(INT, self.cast_unsigned());
    }
}

impl AnyValue for f64 {
    fn write(&self, message: &mut Message<'_>) {
        message.fixed64_even_if_zero(4, self.to_bits());
    }
}

/// An `ArrayValue`, whose elements are `AnyValue`s again.
impl<T: AnyValue> AnyValue for Vec<T> {
    fn write(&self, message: &mut Message<'_>) {
        message.message(5, Expect::Tens, |array| {
            for element in self {
                array.message(1, Expect::Tens, |any_value| element.write(any_value));
            }
        });
    }
}

impl AnyValue for Value {
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
            // No other in this SDK; an `AnyValue` in which nothing is set is what OTLP calls empty.
            _ => {}
        }
    }
}
