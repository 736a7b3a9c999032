//! Commands that a client may have executed: what doesn't fit into any other request.

use crate::workspace::Snapshot;
use layerc_compiler::diagnostic::Code;
use layerc_compiler::rules;
use serde_json::{Value, json};

/// The page of a rule, as Markdown. Argument: its code or name.
pub const EXPLAIN: &str = "layerc.explain";

/// Shows the values of one copy of a SPLIT. Arguments: the document, and the number of the copy or null for none.
pub const SHOW_COPY: &str = "layerc.showCopy";

/// The text that the server has of a document, and its version, for reports of disagreement. Argument: its name.
pub const TEXT: &str = "layerc.text";

/// Every command.
pub const ALL: &[&str] = &[EXPLAIN, SHOW_COPY, TEXT];

/// Executes one; null if there is no such command or its arguments mean nothing.
pub fn execute(snapshot: &Snapshot, command: &str, arguments: &[Value]) -> Value {
    let first = arguments.first().and_then(Value::as_str).unwrap_or_default();
    match command {
        EXPLAIN => {
            let by_code = Code::parse(&first.to_uppercase()).and_then(rules::by_code);
            let rule = by_code.or_else(|| rules::by_name(first));
            rule.map_or(Value::Null, |rule| json!({ "code": rule.code, "markdown": rule.page }))
        }
        TEXT => {
            let uri = first.parse().ok();
            let view = uri.and_then(|uri| snapshot.file(&uri));
            view.map_or(
                Value::Null,
                |view| json!({ "text": view.text(), "version": view.document.version() }),
            )
        }
        _ => Value::Null,
    }
}
