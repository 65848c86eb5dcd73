//! The fields that a line on stderr shows: all but those that its message says already, and that are
//! there for log records (`record.rs`).

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// `http.route` and the like: `GET /api/activities/home 200` says them.
const IN_THE_MESSAGE: &str = "http.";

/// The default form of `tracing_subscriber`, without those fields.
pub(super) struct LineFields;

impl<'writer> FormatFields<'writer> for LineFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut line = Line(DefaultVisitor::new(writer, true));
        fields.record(&mut line);
        line.0.finish()
    }
}

struct Line<'a>(DefaultVisitor<'a>);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !field.name().starts_with(IN_THE_MESSAGE) {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !field.name().starts_with(IN_THE_MESSAGE) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.record_error(field, value);
    }
}
