//! Reads the lines of a Dockerfile: instructions with their physical lines, comments and here-documents.
//!
//! Knows what ends an instruction and nothing of what it means. Never fails: a line that is no instruction becomes one
//! with an unknown keyword.

use super::here_document::{self, HereDocument};
use crate::catalog;

/// One instruction as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DockerInstructionText {
    /// One-based line it starts on.
    pub(super) line: u32,
    /// In capitals.
    pub(super) keyword: String,
    /// The physical lines of its arguments without continuation characters, comments and empty lines.
    pub(super) pieces: Vec<String>,
    /// Comment lines above it and inside of it, each with its `#`.
    pub(super) comments: Vec<String>,
    /// The texts it carries along.
    pub(super) here_documents: Vec<HereDocument>,
    /// All its lines, for showing them when they have no equivalent.
    pub(super) source: Vec<String>,
}

impl DockerInstructionText {
    /// Its arguments on one line.
    pub(super) fn arguments(&self) -> String {
        self.pieces.concat().trim().to_owned()
    }

    /// Whether no Layerfile has such an instruction.
    pub(super) fn is_foreign(&self) -> bool {
        let arguments = self.arguments();
        match self.keyword.as_str() {
            "RUN" | "COPY" => {
                arguments.starts_with('[')
                    || arguments.starts_with("--")
                    || !self.here_documents.is_empty()
            }
            "FROM" => arguments.split_whitespace().any(|word| word.eq_ignore_ascii_case("as")),
            keyword => catalog::docker_instruction(keyword).is_some(),
        }
    }
}

/// The instructions of a Dockerfile. Comments behind the last one are dropped.
pub(super) fn read(text: &str) -> Vec<DockerInstructionText> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { lines: text.lines().collect(), next: 0, escape: '\\' };
    reader.directives();
    let mut instructions = Vec::new();
    let mut comments = Vec::new();
    while let Some(line) = reader.line() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if trimmed.starts_with('#') {
            comments.push(trimmed.to_owned());
            continue;
        }
        instructions.push(reader.instruction(line, std::mem::take(&mut comments)));
    }
    instructions
}

struct Reader<'text> {
    lines: Vec<&'text str>,
    next: usize,
    escape: char,
}

impl<'text> Reader<'text> {
    fn line(&mut self) -> Option<&'text str> {
        let line = self.lines.get(self.next).copied()?;
        self.next += 1;
        Some(line)
    }

    /// `# syntax=…` and `# escape=…`, which stand above everything else.
    fn directives(&mut self) {
        while let Some(line) = self.lines.get(self.next) {
            let Some(comment) = line.trim().strip_prefix('#') else { return };
            let Some((name, value)) = comment.split_once('=') else { return };
            match name.trim().to_ascii_lowercase().as_str() {
                "escape" => self.escape = value.trim().chars().next().unwrap_or('\\'),
                "syntax" | "check" => {}
                _ => return,
            }
            self.next += 1;
        }
    }

    fn instruction(&mut self, first: &str, mut comments: Vec<String>) -> DockerInstructionText {
        let line = u32::try_from(self.next).unwrap_or(u32::MAX);
        let start = self.next.saturating_sub(1);
        let mut pieces = Vec::new();
        let mut current = Some(first.trim_start());
        while let Some(text) = current {
            let continued = self.without_escape(text);
            pieces.push(continued.unwrap_or(text.trim_end()).to_owned());
            current = continued.and_then(|_| self.continuation(&mut comments));
        }
        let first = pieces.first().map(String::as_str).unwrap_or_default();
        let (keyword, rest) = first.split_once([' ', '\t']).unwrap_or((first, ""));
        let (keyword, rest) = (keyword.to_ascii_uppercase(), rest.trim_start().to_owned());
        if let Some(piece) = pieces.first_mut() {
            *piece = rest;
        }
        let here_documents = self.here_documents(&keyword, &pieces);
        let source = self.lines.get(start..self.next).unwrap_or_default();
        let source = source.iter().map(|line| line.trim_end().to_owned()).collect();
        DockerInstructionText { line, keyword, pieces, comments, here_documents, source }
    }

    /// The line without the escape character that continues it; `None` if it isn't continued.
    fn without_escape<'line>(&self, line: &'line str) -> Option<&'line str> {
        line.trim_end_matches([' ', '\t']).strip_suffix(self.escape)
    }

    /// The next line of an instruction: comments are taken out, empty lines skipped.
    fn continuation(&mut self, comments: &mut Vec<String>) -> Option<&'text str> {
        loop {
            let line = self.line()?;
            let trimmed = line.trim();
            if trimmed.starts_with('#') {
                comments.push(trimmed.to_owned());
            } else if !trimmed.is_empty() {
                return Some(line);
            }
        }
    }

    fn here_documents(&mut self, keyword: &str, pieces: &[String]) -> Vec<HereDocument> {
        if !matches!(keyword, "RUN" | "COPY" | "ADD") {
            return Vec::new();
        }
        let markers = here_document::markers(&pieces.concat());
        let mut documents = Vec::new();
        for marker in markers {
            let rest = self.lines.get(self.next..).unwrap_or_default();
            let Some(length) = rest.iter().position(|line| marker.is_end(line)) else { break };
            let body = rest.iter().take(length).map(|line| marker.body_line(line)).collect();
            self.next += length + 1;
            documents.push(HereDocument { marker, lines: body });
        }
        documents
    }
}
