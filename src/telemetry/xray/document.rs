//! A segment document as it is sent: the fields of AWS's developer guide, "X-Ray segment documents", and
//! of its JSON schema 1.0.0, as far as spans fill them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

/// Values by key.
pub(super) type Values = BTreeMap<String, Json>;

/// A segment, or a subsegment.
#[derive(Debug, Default, Serialize)]
pub(super) struct Document {
    pub(super) name: String,
    /// 16 hexadecimal digits.
    pub(super) id: String,
    /// `1-` and 8 digits, `-` and 24; none in an embedded subsegment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_id: Option<String>,
    /// `subsegment` in one that is sent on its own; absent in segments.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    /// In seconds since 1970.
    pub(super) start_time: f64,
    pub(super) end_time: f64,
    /// `remote` in a subsegment that calls another service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<Service>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) http: Option<Http>,
    #[serde(flatten)]
    pub(super) flags: Flags,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Cause>,
    /// Indexed: texts, numbers and booleans, under keys of letters, digits and `_`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: Values,
    /// Values of any form by namespace and key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<&'static str, Values>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aws: Option<Json>,
    /// Not in the schema; X-Ray shows them as linked traces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subsegments: Vec<Document>,
}

/// The service that a segment is of.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Service {
    pub(super) version: String,
}

/// A request that was served, or made, and its response.
#[derive(Debug, Default, Serialize)]
pub(super) struct Http {
    pub(super) request: Request,
    #[serde(skip_serializing_if = "Response::is_empty")]
    pub(super) response: Response,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_ip: Option<String>,
    /// Is the client known from a forwarding header only? Absent where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) x_forwarded_for: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_length: Option<i64>,
}

impl Response {
    fn is_empty(&self) -> bool {
        self.status.is_none() && self.content_length.is_none()
    }
}

/// What went wrong, if anything did: absent where it did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Flags {
    /// The client's mistake: 4xx.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) error: bool,
    /// Too many requests: 429, besides `error`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) throttle: bool,
    /// The server's mistake: 5xx.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) fault: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Cause {
    pub(super) exceptions: Vec<Exception>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Exception {
    /// 16 hexadecimal digits.
    pub(super) id: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// Did a service that was called fail? Absent where it is our own failure.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) remote: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stack: Vec<Frame>,
    /// How many frames are left out of `stack`.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) truncated: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A place in the program, the innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Frame {
    /// The function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
}

/// Another trace that has to do with this one.
#[derive(Debug, Serialize)]
pub(super) struct Link {
    pub(super) trace_id: String,
    pub(super) id: String,
}
