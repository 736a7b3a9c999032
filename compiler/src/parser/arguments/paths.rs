//! Lists of paths: CACHE, SETUP FILE, WAIT, WORKDIR, ARTIFACT, and CHECKPOINT, which is cut the same way.

use super::shape::{expect_words, to_word, to_words};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{Checkpoint, Instruction, Word};
use crate::lexer::is_unusual_blank;
use crate::parser::layout::report_unusual_blank;
use crate::rules;

/// At least one path.
pub(super) fn read_paths(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<Word>> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 1..=usize::MAX, reporter)?;
    Some(to_words(&words, reporter))
}

/// Exactly one path.
pub(super) fn read_path(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<Word> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 1..=1, reporter)?;
    words.first().map(|word| to_word(word, reporter))
}

/// ARTIFACT is read so that tools can show it, and reported because nothing acts on it.
pub(super) fn read_artifact(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    let message = "`ARTIFACT` was removed from the language in 2020";
    let help = "keep files with `CACHE`, or send them from a `RUN` step to where they are wanted";
    reporter.say(
        reporter.at(&rules::REMOVED_ARTIFACT, statement.keyword.clone(), message).with_help(help),
    );
    let words = expect_words(statement, 1..=usize::MAX, reporter)?;
    Some(Instruction::Artifact(to_words(&words, reporter)))
}

/// No name, a name, or `disabled`.
pub(super) fn read_checkpoint(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 0..=1, reporter)?;
    let checkpoint = match words.first() {
        None => Checkpoint::Here,
        Some(word) if word.text == "disabled" => Checkpoint::Disabled,
        Some(word) => Checkpoint::Named(to_word(word, reporter)),
    };
    Some(Instruction::Checkpoint(checkpoint))
}

/// What people write in lists of words from the habit of Dockerfiles and shells. `None` after an error.
pub(super) fn check_words(statement: &Statement<'_>, reporter: &mut Reporter<'_>) -> Option<()> {
    if let Some(first) = statement.arguments.first().filter(|first| starts_json_array(first.text)) {
        json_array(statement, first, reporter);
        return None;
    }
    let mut fits = Some(());
    for argument in &statement.arguments {
        if argument.text.starts_with("--") {
            docker_flag(statement, argument, reporter);
            fits = None;
        }
        let unusual =
            argument.text.char_indices().filter(|(_, character)| is_unusual_blank(*character));
        for (index, character) in unusual {
            let range = argument.part(index..index + character.len_utf8());
            report_unusual_blank(range, character, reporter);
            fits = None;
        }
    }
    if let Some(quoted) = statement.arguments.iter().find(|argument| is_quoted(argument.text)) {
        let message = format!(
            "quotes do not group words in `{}`: `{}` keeps its quote",
            statement.name(),
            quoted.text
        );
        let help = "write the path without quotes; a path that holds a blank cannot be written in a Layerfile";
        reporter.say(reporter.at(&rules::QUOTED_PATH, quoted.range(), message).with_help(help));
    }
    fits
}

/// Whether a text starts like `["program"`.
pub(super) fn starts_json_array(text: &str) -> bool {
    let inside = text.strip_prefix('[').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with(['"', '\'']))
}

/// Quotes at the edge of a word are meant to group; those of `DEFAULT="a b"` do.
fn is_quoted(text: &str) -> bool {
    text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']) && !text.starts_with("DEFAULT=")
}

fn json_array(statement: &Statement<'_>, first: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let range = first.start()..statement.range().end;
    let message = format!("`{}` takes words, not a JSON array", statement.name());
    let elements: Vec<String> =
        statement.arguments.iter().filter_map(|argument| array_elements(argument.text)).collect();
    let span = reporter.span(range.clone());
    let diagnostic = reporter.at(&rules::JSON_ARRAY, range, message);
    let diagnostic = diagnostic.with_help(format!("write `{}`", statement.info.usage));
    reporter.say(diagnostic.perhaps("write the elements as words", span, elements.join(" ")));
}

/// The array elements in a word, without quotes, commas and brackets.
fn array_elements(text: &str) -> Option<String> {
    let bare = text.trim_matches(['[', ']', ',']).trim_matches(['"', '\'']);
    let spread = bare.replace("\",\"", " ").replace("','", " ");
    (!spread.is_empty()).then_some(spread)
}

fn docker_flag(statement: &Statement<'_>, flag: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let name = flag.text.split('=').next().unwrap_or(flag.text);
    let help = match name {
        "--from" => {
            "there are no build stages: start this file `FROM` the other Layerfile to get its files"
        }
        "--chown" => "files belong to root; change that with `RUN chown -R user path`",
        "--chmod" => "change modes with `RUN chmod mode path`",
        _ => "directives of a Layerfile have no options; delete it",
    };
    let message = format!("`{}` has no option `{name}`", statement.name());
    reporter.say(reporter.at(&rules::DOCKER_FLAG, flag.range(), message).with_help(help));
}
