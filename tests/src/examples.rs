//! Examples of Markdown pages: fenced blocks that form small repositories.
//!
//! The info string says what a block is: `layerfile`, then perhaps `bad` or `good`, then perhaps `path=…`
//! (`Layerfile` when not written); `file path=…` is another file of the repository, `link path=…` a symbolic link.
//! The blocks below one heading that begins with `Example` form one repository; every other block is one alone.

use layerc_compiler::diagnostic::Diagnostic;
use layerc_compiler::link::{Compiled, compile};
use layerc_compiler::lint_configuration::LintConfiguration;
use layerc_compiler::project::SourceFile;
use layerc_compiler::repo_path::RepoPath;
use layerc_compiler::sources::{EntryKind, MemorySources};

/// What an example claims about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It has what its page is about.
    Bad,
    /// It hasn't, and no error either.
    Good,
    /// Nothing.
    None,
}

/// A small repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// One-based line of its first block.
    pub line: usize,
    /// What it claims.
    pub claim: Claim,
    /// Its Layerfiles.
    pub layerfiles: Vec<SourceFile>,
    /// Its other entries.
    pub entries: Vec<(RepoPath, EntryKind)>,
}

impl Example {
    const fn new(line: usize) -> Self {
        Self { line, claim: Claim::None, layerfiles: Vec::new(), entries: Vec::new() }
    }

    /// What the repository holds.
    pub fn sources(&self) -> MemorySources {
        let mut sources = MemorySources::new(self.layerfiles.iter().map(|file| file.path.clone()));
        for (path, kind) in &self.entries {
            sources.insert(path, *kind);
        }
        sources
    }

    /// Compiles it with every rule at its default level.
    pub fn compile(&self) -> Compiled {
        compile(&self.layerfiles, &self.sources(), &LintConfiguration::default())
    }

    /// The same repository with the edits of `fix` applied.
    ///
    /// # Panics
    /// If the edits overlap or leave their texts: fixes never do.
    #[must_use]
    pub fn fixed(&self, compiled: &Compiled, fix: &layerc_compiler::diagnostic::Fix) -> Self {
        let mut fixed = self.clone();
        for file in &mut fixed.layerfiles {
            let own = |edit: &&layerc_compiler::diagnostic::TextEdit| {
                compiled.project.file(edit.file).path == file.path
            };
            let edits = fix.edits.iter().filter(own);
            file.text = layerc_compiler::edits::apply(&file.text, edits)
                .unwrap_or_else(|| panic!("the edits of {:?} don't fit {}", fix.title, file.path));
        }
        fixed
    }
}

/// One finding a line, with everything it says: `path:line:column`, severity, code, words, then what belongs to it.
pub fn describe(compiled: &Compiled, texts: &[SourceFile]) -> String {
    compiled
        .diagnostics
        .iter()
        .map(|diagnostic| describe_one(compiled, texts, diagnostic))
        .collect()
}

fn describe_one(compiled: &Compiled, texts: &[SourceFile], diagnostic: &Diagnostic) -> String {
    use layerc_compiler::line_index::{ColumnUnit, LineIndex};
    use layerc_compiler::span::{FileId, Span};
    let at = |file: FileId, span: Span| {
        let path = &compiled.project.file(file).path;
        let text = texts
            .iter()
            .find(|source| source.path == *path)
            .map_or("", |source| source.text.as_str());
        let lines = LineIndex::new(text);
        let start = lines.position(text, span.start(), ColumnUnit::Characters);
        let marked = text.get(span.range()).unwrap_or("(outside the text)");
        format!("{path}:{}:{} {marked:?}", start.line, start.column)
    };
    let primary = at(diagnostic.primary.file, diagnostic.primary.span);
    let severity = format!("{:?}", diagnostic.severity).to_lowercase();
    let mut lines = vec![
        format!("{severity} {}: {}", diagnostic.code, diagnostic.message),
        format!("  at {primary}"),
    ];
    let related = diagnostic.related.iter();
    lines.extend(
        related.map(|label| format!("  with {}: {}", at(label.file, label.span), label.text)),
    );
    lines.extend(diagnostic.help.iter().map(|help| format!("  help: {help}")));
    lines.extend(
        diagnostic
            .fixes
            .iter()
            .map(|fix| format!("  fix ({:?}): {}", fix.applicability, fix.title)),
    );
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The examples of a Markdown text, in order.
pub fn read(markdown: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut grouped = Grouping::Alone;
    let mut block: Option<Block<'_>> = None;
    for (index, line) in markdown.lines().enumerate() {
        if let Some(open) = &mut block {
            if line.trim_end() == "```" {
                open.add_to(&mut examples, &mut grouped);
                block = None;
            } else {
                open.content.push_str(line);
                open.content.push('\n');
            }
        } else if let Some(info) = line.strip_prefix("```") {
            block = Some(Block { line: index + 1, info, content: String::new() });
        } else if line.starts_with('#') {
            let example = line.trim_start_matches('#').trim_start().starts_with("Example");
            grouped = if example { Grouping::Starts } else { Grouping::Alone };
        }
    }
    examples.retain(|example| !example.layerfiles.is_empty());
    examples
}

/// Where the next block belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grouping {
    /// Into an example of its own.
    Alone,
    /// It is the first of a group.
    Starts,
    /// Into the last example.
    Joins,
}

/// A fenced block.
struct Block<'a> {
    line: usize,
    info: &'a str,
    content: String,
}

impl Block<'_> {
    fn add_to(&self, examples: &mut Vec<Example>, grouped: &mut Grouping) {
        let mut words = self.info.split_whitespace();
        let kind = words.next().unwrap_or_default();
        if !matches!(kind, "layerfile" | "file" | "link") {
            return;
        }
        if *grouped != Grouping::Joins {
            examples.push(Example::new(self.line));
        }
        if *grouped == Grouping::Starts {
            *grouped = Grouping::Joins;
        }
        let Some(example) = examples.last_mut() else { return };
        let mut path = RepoPath::new("Layerfile");
        for word in words {
            match word {
                "bad" => example.claim = Claim::Bad,
                "good" => example.claim = Claim::Good,
                _ => path = word.strip_prefix("path=").and_then(RepoPath::new),
            }
        }
        let path =
            path.unwrap_or_else(|| panic!("line {}: `{}` isn't understood", self.line, self.info));
        match kind {
            "layerfile" => example.layerfiles.push(SourceFile { path, text: self.content.clone() }),
            "link" => example.entries.push((path, EntryKind::Symlink)),
            _ => example.entries.push((path, EntryKind::File)),
        }
    }
}
