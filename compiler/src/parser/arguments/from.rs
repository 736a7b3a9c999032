//! FROM: one source, told apart by its spelling.

use super::shape::misfit;
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{FromSource, Instruction, Word};
use crate::rules;

/// The rest of the line is the source; blanks, quotes, options and comments in it are mistakes.
pub(super) fn read(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Instruction> {
    let Some(source) = statement.arguments.first() else {
        misfit(statement, 0, reporter);
        return None;
    };
    if source.text.contains('#') {
        return None; // The check of comments has said so.
    }
    if source.text.starts_with("--") {
        let help = "name the image or the Layerfile and nothing else";
        let diagnostic = reporter.at(&rules::DOCKER_FLAG, source.range(), "`FROM` has no options");
        reporter.say(diagnostic.with_help(help));
        return None;
    }
    if let Some(blank) = source.text.find([' ', '\t']) {
        several_words(source, blank, reporter);
        return None;
    }
    if source.text.contains(['"', '\'']) {
        quoted(source, reporter);
        return None;
    }
    Some(Instruction::From(classify(reporter.word(source.text, source.range()))))
}

fn classify(word: Word) -> FromSource {
    let text = word.value.as_str();
    if text.starts_with(['/', '.']) {
        return FromSource::Path(word);
    }
    if text.contains([':', '@']) || text.starts_with("vm/") {
        return FromSource::Image(word);
    }
    FromSource::Bare(word)
}

fn quoted(source: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let bare = source.text.replace(['"', '\''], "");
    let message = format!("`{}` is taken with its quotes", source.text);
    let span = reporter.span(source.range());
    let diagnostic = reporter.at(&rules::FROM_SOURCE, source.range(), message);
    reporter.say(diagnostic.with_help(format!("write `FROM {bare}`")).safely(
        "delete the quotes",
        span,
        bare,
    ));
}

fn several_words(source: &Argument<'_>, blank: usize, reporter: &mut Reporter<'_>) {
    let (name, rest) = source.text.split_at_checked(blank).unwrap_or((source.text, ""));
    let rest_range = source.part(blank..source.text.len());
    let delete = reporter.span(rest_range.clone());
    let mut words = rest.split_whitespace();
    let is_stage =
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("as")) && words.next().is_some();
    if is_stage {
        let diagnostic =
            reporter.at(&rules::FROM_AS, rest_range, "a Layerfile has no build stages to name");
        let help = format!("write `FROM {name}`; another Layerfile refers to this one by its path");
        reporter.say(diagnostic.with_help(help).safely("delete the stage name", delete, ""));
        return;
    }
    let message = format!("`FROM` takes one source, found `{}`", source.text);
    let diagnostic = reporter.at(&rules::FROM_SOURCE, source.range(), message);
    let diagnostic =
        diagnostic.with_help("name one image (`vm/ubuntu:18.04`) or one Layerfile (`../base`)");
    reporter.say(diagnostic.perhaps("keep the first word", delete, ""));
}
