//! Words that lead to another document: layers, images, files of COPY and SETUP FILE, repositories of CLONE, rules that a
//! comment names.

use super::diagnostics::page;
use super::locate::{path_of_word, references_of};
use super::references::{image_of, paths_of};
use crate::workspace::repository::CONFIGURATION_NAME;
use crate::workspace::{FileView, uri};
use layerc_compiler::diagnostic::Code;
use layerc_compiler::directive::Instruction;
use layerc_compiler::rules;
use layerc_compiler::sources::EntryKind;
use layerc_compiler::span::Span;
use layerc_compiler::token::TokenKind;
use ls_types::{DocumentLink, Uri};

/// A word, where it leads, and what following it does.
type Found = (Span, Uri, &'static str);

/// The links of a document, in order.
pub fn links(view: FileView<'_>) -> Vec<DocumentLink> {
    let mut found: Vec<Found> = Vec::new();
    for reference in references_of(view) {
        if let Some(target) = reference.target.and_then(|id| view.sibling(id)) {
            found.push((reference.word.span, target.document.uri().clone(), "open the Layerfile"));
        }
    }
    for word in paths_of(view) {
        let file = path_of_word(view, word)
            .filter(|path| view.repository.tree().kind(path) == Some(EntryKind::File));
        let absolute = file.and_then(|path| view.repository.absolute(&path));
        if let Some(uri) = absolute.and_then(|path| uri::of_path(&path)) {
            found.push((word.span, uri, "open the file"));
        }
    }
    found.extend(image(view));
    found.extend(rules_in_comments(view));
    for directive in &view.analysis().directives {
        if let Instruction::Clone(clone) = &directive.instruction
            && clone.url.value.starts_with("https://")
            && let Ok(uri) = clone.url.value.parse()
        {
            found.push((clone.url.span, uri, "open the repository"));
        }
    }
    found.sort_unstable_by_key(|(span, ..)| *span);
    let link = |(span, target, tooltip): Found| DocumentLink {
        range: view.range(span),
        target: Some(target),
        tooltip: Some(tooltip.to_owned()),
        data: None,
    };
    found.into_iter().map(link).collect()
}

/// The image of FROM: where the project says what its name stands for, else its page at Docker's registry.
fn image(view: FileView<'_>) -> Option<Found> {
    let word = image_of(view)?;
    let mapped = &view.repository.project_settings().images;
    if mapped.iter().any(|name| *name == word.value || name == "*") {
        let path = view.repository.directory()?.join(CONFIGURATION_NAME);
        return Some((
            word.span,
            uri::of_path(&path)?,
            "open what says where this image comes from",
        ));
    }
    let page = page_of(&word.value)?.parse().ok()?;
    Some((word.span, page, "open the image's page"))
}

/// The page of an unmapped image, as far as its name tells that Docker's registry has it.
fn page_of(name: &str) -> Option<String> {
    let (name, _) = name.split_once('@').unwrap_or((name, ""));
    let tagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let (name, tag) = tagged.unwrap_or((name, ""));
    let name = match name.strip_prefix("vm/") {
        Some("ubuntu") if matches!(tag, "18.04" | "22.04") => "ubuntu",
        Some(_) => return None,
        None => name.strip_prefix("webapp.io/").unwrap_or(name),
    };
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let is_plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    match name.split_once('/') {
        None | Some(("library", _)) => {
            let name = name.strip_prefix("library/").unwrap_or(name);
            is_plain(name).then(|| format!("https://hub.docker.com/_/{name}"))
        }
        Some((owner, name)) => (is_plain(owner) && is_plain(name) && owner != "github")
            .then(|| format!("https://hub.docker.com/r/{owner}/{name}")),
    }
}

/// Codes in `# layerc: ignore LF0123`.
fn rules_in_comments(view: FileView<'_>) -> Vec<Found> {
    let comments = view.analysis().tokens.iter().filter(|token| token.kind == TokenKind::Comment);
    let suppressions = comments.filter(|token| view.slice(token.span).contains("layerc: ignore"));
    let codes = suppressions.flat_map(|token| {
        let text = view.slice(token.span);
        text.match_indices("LF").filter_map(move |(at, _)| {
            let code = Code::parse(text.get(at..at + CODE_LENGTH)?)?;
            let start = token.span.start() + u32::try_from(at).ok()?;
            let span = Span::new(start, start + u32::try_from(CODE_LENGTH).ok()?);
            let page = rules::by_code(code).and_then(|_| page(view.snapshot, code))?;
            Some((span, page.href, "open the page of this rule"))
        })
    });
    codes.collect()
}

/// Letters of `LF0123`.
const CODE_LENGTH: usize = 6;

#[cfg(test)]
mod tests {
    use super::page_of;

    #[test]
    fn names_of_images_lead_to_their_pages() {
        for (name, page) in [
            ("vm/ubuntu:22.04", Some("https://hub.docker.com/_/ubuntu")),
            ("vm/rails:2.7.1", None),
            ("webapp.io/node:16", Some("https://hub.docker.com/_/node")),
            ("docker.io/library/node", Some("https://hub.docker.com/_/node")),
            ("my-org/base:1@sha256:0", Some("https://hub.docker.com/r/my-org/base")),
            ("ghcr.io/my-org/base:1", None),
            ("localhost:5000/x", None),
            ("", None),
        ] {
            assert_eq!(page_of(name).as_deref(), page, "{name}");
        }
    }
}
