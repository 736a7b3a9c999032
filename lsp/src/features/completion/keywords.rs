//! Keywords at the start of a line, with places for their arguments.

use super::item::{Items, deprecate, document};
use crate::features::line::Line;
use crate::workspace::FileView;
use layerc_compiler::catalog::{DIRECTIVES, DirectiveInfo, DirectiveKind, Standing};
use ls_types::CompletionItemKind;

/// Offers the keywords; in a file without instructions only FROM, because nothing else may come first.
pub(super) fn complete(view: FileView<'_>, items: &mut Items<'_>, line: &Line<'_>) {
    items.replace_from(line.text_start());
    let has_from = view.analysis().directives.iter().any(|directive| {
        directive.span.end() < line.text_start()
            && view.slice(directive.keyword) == DirectiveKind::From.info().keyword
    });
    let fits = |info: &&DirectiveInfo| {
        (info.kind == DirectiveKind::From) != has_from && info.standing != Standing::Removed
    };
    for info in DIRECTIVES.iter().filter(fits) {
        let item = items.snippet(info.keyword, &body(info), CompletionItemKind::KEYWORD);
        item.detail = Some(info.usage.to_owned());
        document(item, &format!("{}\n\n{}", info.doc, info.example));
        if info.standing == Standing::VendorHosted {
            deprecate(item);
        }
    }
}

/// The keyword with places for its arguments.
fn body(info: &DirectiveInfo) -> String {
    let arguments = match info.kind {
        DirectiveKind::From => "${1:vm/ubuntu:18.04}",
        DirectiveKind::Run | DirectiveKind::RunBackground | DirectiveKind::RunRepeatable => {
            "${1:command}"
        }
        DirectiveKind::Copy => "${1:source} ${2:destination}",
        DirectiveKind::Env => "${1:NAME}=${2:value}",
        DirectiveKind::BuildEnv | DirectiveKind::SecretEnv => "${1:NAME}",
        DirectiveKind::Cache | DirectiveKind::Workdir => "${1:directory}",
        DirectiveKind::Checkpoint => "${1:name}",
        DirectiveKind::ExposeWebsite => "localhost:${1:3000}",
        DirectiveKind::ExposeTcp => "${1:5432} ${2:5432}",
        DirectiveKind::Memory => "${1:2}G",
        DirectiveKind::SetupFile => "${1:file}",
        DirectiveKind::Split => "${1:2}",
        DirectiveKind::User => "${1:name}",
        DirectiveKind::Wait => "${1:../layer}",
        DirectiveKind::Button => "${1:message}",
        DirectiveKind::Clone => "${1:https://host/owner/repository} ${2:destination}",
        DirectiveKind::Label => "${1:display_name}=${2:value}",
        DirectiveKind::SkipIf => "${1:GIT_BRANCH}${2:!=}${3:main}",
        DirectiveKind::Aws => "${1:subcommand}",
        DirectiveKind::Artifact => "${1:path}",
    };
    format!("{} {arguments}", info.keyword)
}
