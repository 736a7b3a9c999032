//! Findings as people read them: the source with what is meant underlined, what takes part in other files, what to do.

use crate::compilation::Compilation;
use annotate_snippets::renderer::{DEFAULT_TERM_WIDTH, DecorStyle};
use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use layerc_compiler::diagnostic::{Applicability, Diagnostic, Fix, Label, Severity};
use layerc_compiler::line_index::LineIndex;
use layerc_compiler::rules;
use layerc_compiler::span::{FileId, Span};
use std::collections::BTreeMap;
use std::ops::Range;

/// Each finding with its source.
pub(crate) fn excerpts<'finding>(
    compilation: &'finding Compilation,
    findings: impl IntoIterator<Item = &'finding Diagnostic>,
) -> String {
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii).term_width(width());
    let mut excerpts = Excerpts { compilation, files: BTreeMap::new() };
    let render = |finding| renderer.render(&excerpts.groups(finding)) + "\n\n";
    findings.into_iter().map(render).collect()
}

/// Columns of the terminal, as far as the shell says; tests and pipes get the usual width.
fn width() -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|columns| (40..=400).contains(columns)).unwrap_or(DEFAULT_TERM_WIDTH)
}

/// What excerpts need of the files.
struct Excerpts<'compilation> {
    compilation: &'compilation Compilation,
    files: BTreeMap<FileId, ShownFile>,
}

/// A file as it is shown: line ends of one kind, nothing that could move the cursor.
struct ShownFile {
    path: String,
    text: String,
    lines: LineIndex,
}

impl Excerpts<'_> {
    /// The finding, and below it the change that would resolve it.
    fn groups(&mut self, finding: &Diagnostic) -> Vec<Group<'static>> {
        let title =
            level(finding.severity).primary_title(visible(&finding.message)).id(id(finding));
        let mut group = Group::with_title(title).elements(self.snippets(finding));
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        let fixes = finding.fixes.iter().filter_map(|fix| self.fix(fix));
        std::iter::once(group).chain(fixes.collect::<Vec<_>>()).collect()
    }

    /// One snippet for each file that takes part, the primary one first.
    fn snippets(
        &mut self,
        finding: &Diagnostic,
    ) -> Vec<Snippet<'static, annotate_snippets::Annotation<'static>>> {
        let mut by_file: Vec<(FileId, Vec<(AnnotationKind, &Label)>)> =
            vec![(finding.primary.file, vec![(AnnotationKind::Primary, &finding.primary)])];
        for label in &finding.related {
            match by_file.iter_mut().find(|(file, _)| *file == label.file) {
                Some((_, labels)) => labels.push((AnnotationKind::Context, label)),
                None => by_file.push((label.file, vec![(AnnotationKind::Context, label)])),
            }
        }
        by_file.into_iter().filter_map(|(file, labels)| self.snippet(file, &labels)).collect()
    }

    fn snippet(
        &mut self,
        file: FileId,
        labels: &[(AnnotationKind, &Label)],
    ) -> Option<Snippet<'static, annotate_snippets::Annotation<'static>>> {
        let shown = self.file(file)?;
        let part = shown.part(labels.iter().map(|(_, label)| label.span));
        let annotation = |(kind, label): &(AnnotationKind, &Label)| {
            let annotation = kind.span(part.inside(label.span));
            if label.text.is_empty() { annotation } else { annotation.label(visible(&label.text)) }
        };
        let annotations: Vec<_> = labels.iter().map(annotation).collect();
        Some(
            Snippet::source(part.text)
                .line_start(part.first_line)
                .path(shown.path.clone())
                .annotations(annotations),
        )
    }

    /// A fix as a patch of one file; fixes over several files are not drawn.
    fn fix(&mut self, fix: &Fix) -> Option<Group<'static>> {
        let file = fix.edits.first()?.file;
        if fix.edits.iter().any(|edit| edit.file != file) {
            return None;
        }
        let shown = self.file(file)?;
        let part = shown.part(fix.edits.iter().map(|edit| edit.span));
        let patches = fix
            .edits
            .iter()
            .map(|edit| Patch::new(part.inside(edit.span), visible(&edit.replacement)));
        let patches: Vec<_> = patches.collect();
        let title = match fix.applicability {
            Applicability::Safe => format!("{} (`layerc check --fix` does it)", fix.title),
            Applicability::Suggestion => fix.title.clone(),
        };
        let snippet = Snippet::source(part.text)
            .line_start(part.first_line)
            .path(shown.path.clone())
            .patches(patches);
        Some(Group::with_title(Level::HELP.secondary_title(visible(&title))).element(snippet))
    }

    fn file(&mut self, id: FileId) -> Option<&ShownFile> {
        let file = self.compilation.file(id)?;
        let path = || self.compilation.repository.shown(&file.path);
        let shown = || ShownFile {
            path: path(),
            text: plain(&file.text),
            lines: LineIndex::new(&file.text),
        };
        Some(self.files.entry(id).or_insert_with(shown))
    }
}

/// The lines of a file that an excerpt needs.
struct Part {
    text: String,
    /// Of the file, from 1.
    first_line: usize,
    /// Bytes of the file before the text.
    offset: usize,
}

impl Part {
    /// A span of the file as a range of the text.
    fn inside(&self, span: Span) -> Range<usize> {
        let range = span.range();
        let clamp =
            |offset: usize| self.text.floor_char_boundary(offset.saturating_sub(self.offset));
        clamp(range.start)..clamp(range.end)
    }
}

impl ShownFile {
    /// The whole lines around some spans. Excerpts of a large file must not cost the whole file each.
    fn part(&self, spans: impl Iterator<Item = Span> + Clone) -> Part {
        let first = spans.clone().map(Span::start).min().map_or(0, |start| self.lines.line(start));
        let last = spans.map(Span::end).max().map_or(0, |end| self.lines.line(end));
        let start = self.lines.line_start(first).unwrap_or(0) as usize;
        let end = self
            .lines
            .line_start(last.saturating_add(1))
            .map_or(self.text.len(), |end| end as usize);
        let text = self.text.get(start..end).unwrap_or_default().to_owned();
        Part { text, first_line: first as usize + 1, offset: start }
    }
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::INFO.with_name(Some("hint")),
    }
}

fn id(finding: &Diagnostic) -> String {
    let name = rules::by_code(finding.code).map_or("", |rule| rule.name);
    format!("{} {name}", finding.code)
}

/// The text with every line end as `\n` and no other control character but tabs; byte offsets stay.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' if characters.peek() == Some(&'\n') => plain.push(' '),
            '\r' | '\n' => plain.push('\n'),
            '\t' => plain.push('\t'),
            control if control.is_control() => {
                plain.extend(std::iter::repeat_n('?', control.len_utf8()));
            }
            other => plain.push(other),
        }
    }
    plain
}

/// Words of ours with the user's in them: nothing that could move the cursor or start a new line.
fn visible(text: &str) -> String {
    text.chars()
        .map(
            |character| {
                if character.is_control() && character != '\n' { '\u{fffd}' } else { character }
            },
        )
        .collect()
}
