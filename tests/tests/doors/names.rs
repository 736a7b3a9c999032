//! What runs say of themselves, as a person reads it off a screen or a program off its events.

use layerc_tests::workflow::Ran;

/// The name of the newest run that a command's output tells of.
pub(crate) fn run_name(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.split_once("run ").map(|(_, name)| name))?;
    let name: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
    (name.len() == 8).then_some(name)
}

/// The name of the run that events are of.
pub(crate) fn name_of(ran: &Ran) -> String {
    let names = ran.outcome.stdout.lines().find_map(|line| {
        let rest = line.split_once(r#""event":"run_started","run":""#)?.1;
        rest.split('"').next().map(str::to_owned)
    });
    names.unwrap_or_else(|| panic!("no name: {}", ran.outcome.everything()))
}
