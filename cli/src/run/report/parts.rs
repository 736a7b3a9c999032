//! What pages of a run are made of: text as HTML, sections, and the names by which bars, logs and styles find each other.

use crate::past::{Fate, ToldStep};
use layerc_executor::event::StepResult;

/// Text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' | '\t' => html.push(character),
            other if other.is_control() => {}
            other => html.push(other),
        }
    }
    html
}

/// The anchor of a step's log.
pub(super) fn anchor(place: usize) -> String {
    format!("step-{place}")
}

/// What a step is shown as: the name of a style.
pub(super) fn class(told: &ToldStep) -> &'static str {
    match &told.fate {
        Fate::Cached { .. } => "cached",
        Fate::Ran { end: None, .. } => "stopped",
        Fate::Ran { end: Some(end), .. } => match end.result {
            StepResult::Success => "good",
            StepResult::Cancelled => "stopped",
            StepResult::ExitCode { .. } | StepResult::Signal { .. } | StepResult::Error { .. } => {
                "bad"
            }
        },
    }
}

/// A part of the page.
pub(super) fn section(id: &str, title: &str, content: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{content}\n</section>\n")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("<b> & \"x\"\x1b[0m\n"), "&lt;b&gt; &amp; &quot;x&quot;[0m\n");
    }
}
