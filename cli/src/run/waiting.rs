//! What is said of buttons: when one is asked for, and when a run ends because nobody pressed one.

use layerc_executor::store::history::AskedButton;
use layerc_executor::store::run_name::RunName;
use std::path::Path;

/// `deploy to production?`, or a word for a button without one.
pub(crate) fn message(message: &str) -> String {
    if message.is_empty() { "(no message)".to_owned() } else { format!("`{message}`") }
}

/// One line for a button.
pub(crate) fn line(button: &AskedButton) -> String {
    format!("  {}  {}  {}\n", button.number, button.runner, message(&button.message))
}

/// The option that leads another command to the same store, with a blank before it; nothing for the usual store.
pub(crate) fn store_option(store: Option<&Path>) -> String {
    store.map(|store| format!(" --store {}", store.display())).unwrap_or_default()
}

/// What a run says at its end that waits for these. `store` is the option it was given.
pub(super) fn at_the_end(name: &RunName, buttons: &[AskedButton], store: Option<&Path>) -> String {
    let option = store_option(store);
    let lines: String = buttons.iter().map(line).collect();
    let which = if buttons.len() > 1 { " BUTTON" } else { "" };
    format!(
        "run {name} stands before\n{lines}press with `layerc press{option} {name}{which}`, then go on with `layerc \
         run{option} --resume {name}`\n"
    )
}
