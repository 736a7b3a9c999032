//! Groups of directives and the regular expressions that match their keywords.
//!
//! Knows the catalogue only; the expressions are of the small dialect that Oniguruma, JavaScript and Vim's `\v` share.

use layerc_compiler::catalog::{
    ArgumentShape, DIRECTIVES, DirectiveInfo, DirectiveKind, VARIABLES,
};

/// Whether the text of a directive is a shell command.
pub(super) fn is_shell(info: &DirectiveInfo) -> bool {
    matches!(
        info.kind,
        DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable
    )
}

/// The directives whose text is a shell command.
pub(super) fn shell_directives() -> Vec<&'static DirectiveInfo> {
    DIRECTIVES.iter().filter(|info| is_shell(info)).collect()
}

/// The other directives of one shape.
pub(super) fn of_shape(shape: ArgumentShape) -> Vec<&'static DirectiveInfo> {
    DIRECTIVES.iter().filter(|info| info.shape == shape && !is_shell(info)).collect()
}

/// One alternative for each keyword, longest first, so that `RUN BACKGROUND` is tried before `RUN`.
/// `blanks` is how the dialect writes "one or more blanks".
pub(super) fn alternatives(infos: &[&DirectiveInfo], blanks: &str) -> String {
    let mut keywords: Vec<&str> = infos.iter().map(|info| info.keyword).collect();
    keywords.sort_by_key(|keyword| (std::cmp::Reverse(keyword.len()), *keyword));
    keywords.iter().map(|keyword| keyword.replace(' ', blanks)).collect::<Vec<_>>().join("|")
}

/// Every keyword, for expressions that ask whether a line starts an instruction.
pub(super) fn any_keyword(blanks: &str) -> String {
    alternatives(&DIRECTIVES.iter().collect::<Vec<_>>(), blanks)
}

/// The names of the built-in variables, replaced ones too.
pub(super) fn variables() -> Vec<&'static str> {
    VARIABLES.iter().map(|info| info.name).collect()
}
