//! The whole inherited machine of a file as one text, each line of it mapped to the line it comes from.

use super::chain;
use crate::workspace::FileView;
use layerc_compiler::directive::Instruction;
use layerc_compiler::span::Span;
use ls_types::{Range, Uri};
use serde::Serialize;

/// A flattened file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flattened {
    /// The instructions from the base image on. Paths are as written in their own files.
    pub text: String,
    /// Where each line of the text comes from; null for lines that are in no file.
    pub lines: Vec<Option<Origin>>,
}

/// Where a line comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The file.
    pub uri: Uri,
    /// The place in it.
    pub range: Range,
}

/// Flattens a file: FROM of the base image, then the instructions of every file of its chain under a comment with the
/// file's name. Comments of the files are left out, their layout is kept.
pub fn flattened(view: FileView<'_>) -> Flattened {
    let mut flattened = Flattened { text: String::new(), lines: Vec::new() };
    let mut chain = chain::ancestors(view);
    chain.push(view);
    for (number, file) in chain.into_iter().enumerate() {
        if number > 0 {
            flattened.push("", None);
        }
        flattened.push(&format!("# {}", file.document.path()), None);
        for directive in &file.analysis().directives {
            let is_local_from = matches!(directive.instruction, Instruction::From(_)) && number > 0;
            if !is_local_from {
                flattened.push_instruction(file, directive.span);
            }
        }
    }
    flattened
}

impl Flattened {
    fn push(&mut self, line: &str, origin: Option<Origin>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.lines.push(origin);
    }

    /// The physical lines of an instruction.
    fn push_instruction(&mut self, view: FileView<'_>, span: Span) {
        let mut start = span.start();
        for line in view.slice(span).split_inclusive('\n') {
            let length = u32::try_from(line.len()).unwrap_or(0);
            let shown = line.trim_end_matches(['\n', '\r']);
            let end = start + u32::try_from(shown.len()).unwrap_or(0);
            let range = view.range(Span::new(start, end));
            self.push(shown, Some(Origin { uri: view.document.uri().clone(), range }));
            start += length;
        }
    }
}
