//! What can be understood of a client's greeting: whatever the library's types can't read counts as not said.
//!
//! They know the values of one version of the protocol. A client that offers one more way to fold or to move files would
//! otherwise not be served at all. Works on JSON, by trying parts; greetings that can be read as they are cost one try.

use ls_types::InitializeParams;
use serde_json::{Map, Value, json};
use tower_lsp::jsonrpc::Request;

/// The method that this is about.
pub(super) const METHOD: &str = "initialize";

/// What stands around a part.
type Around<'a> = &'a dyn Fn(Value) -> Value;

/// The request without what can't be read.
pub(super) fn request(request: Request) -> Request {
    let (method, id, params) = request.into_parts();
    let mut built = Request::build(method);
    if let Some(id) = id {
        built = built.id(id);
    }
    match params {
        Some(params) => built.params(readable(params)).finish(),
        None => built.finish(),
    }
}

fn can_be_read(params: Value) -> bool {
    serde_json::from_value::<InitializeParams>(params).is_ok()
}

fn readable(params: Value) -> Value {
    let Value::Object(said) = params else { return params };
    if can_be_read(Value::Object(said.clone())) {
        return Value::Object(said);
    }
    let mut kept = Map::from_iter([("capabilities".to_owned(), json!({}))]);
    for (key, value) in said {
        let around = |part: Value| match key.as_str() {
            "capabilities" => json!({ "capabilities": part }),
            key => json!({ "capabilities": {}, key: part }),
        };
        if let Some(part) = readable_part(&value, &around) {
            kept.insert(key, part);
        }
    }
    Value::Object(kept)
}

/// What of a part can be read where it stands: of objects and lists what can be read by itself.
fn readable_part(part: &Value, around: Around<'_>) -> Option<Value> {
    if can_be_read(around(part.clone())) {
        return Some(part.clone());
    }
    let kept = match part {
        Value::Object(members) => {
            let kept = members.iter().filter_map(|(key, value)| {
                let inner = |value: Value| around(json!({ key.as_str(): value }));
                Some((key.clone(), readable_part(value, &inner)?))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            let inner = |item: Value| around(json!([item]));
            Value::Array(items.iter().filter_map(|item| readable_part(item, &inner)).collect())
        }
        _ => return None,
    };
    can_be_read(around(kept.clone())).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::readable;
    use serde_json::{Value, json};

    fn check(said: &Value, expected: &Value) {
        let said = json!({ "processId": 7, "capabilities": said });
        let expected = json!({ "processId": 7, "capabilities": expected });
        assert_eq!(readable(said), expected);
    }

    #[test]
    fn what_is_known_stays_as_it_was_said() {
        let said =
            json!({ "workspace": { "applyEdit": true, "novelty": { "a": [1] } }, "more": 1 });
        check(&said, &said);
    }

    #[test]
    fn what_nobody_knows_is_left_out_and_nothing_else() {
        let edit = |kinds: Value| json!({ "workspaceEdit": { "documentChanges": true, "resourceOperations": kinds } });
        let said = json!({ "workspace": edit(json!(["create", "teleport"])) });
        check(&said, &json!({ "workspace": edit(json!(["create"])) }));
        let hover =
            |formats: Value| json!({ "textDocument": { "hover": { "contentFormat": formats } } });
        check(&hover(json!(["html", "markdown"])), &hover(json!(["markdown"])));
        let said = json!({ "textDocument": { "codeAction": { "resolveSupport": {} }, "rename": { "prepareSupport": true } } });
        check(
            &said,
            &json!({ "textDocument": { "codeAction": {}, "rename": { "prepareSupport": true } } }),
        );
        let said = json!({ "capabilities": 3, "trace": "all", "rootUri": "file:///r" });
        assert_eq!(readable(said), json!({ "capabilities": {}, "rootUri": "file:///r" }));
    }
}
