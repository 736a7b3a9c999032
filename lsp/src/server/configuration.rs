//! The user's settings on their way to the state: with the greeting, pushed, or asked for.

use super::scribe::Scribe;
use crate::workspace::Settings;
use crate::workspace::settings::SECTION;
use ls_types::ConfigurationItem;
use serde_json::Value;
use tower_lsp::Client;

/// Applies settings that the client sent by itself.
pub(super) fn pushed(scribe: &Scribe, value: &Value) {
    if !value.is_null() {
        let settings = Settings::read(value);
        scribe.change(move |state| state.configure(settings));
    }
}

/// Asks the client for its settings and applies them.
pub(super) async fn pull(client: &Client, scribe: &Scribe) {
    let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
    if let Ok(answers) = client.configuration(vec![item]).await
        && let Some(value) = answers.first()
    {
        pushed(scribe, value);
    }
}
