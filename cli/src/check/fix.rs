//! `layerc check --fix`: applies fixes that need no person, until there are none left, and says what changed.
//!
//! A file is replaced as a whole or not at all.

use crate::compilation::{Compilation, numbered};
use crate::replace::replace_file;
use crate::{difference, terminal};
use anyhow::Result;
use layerc_compiler::edits;
use std::path::PathBuf;

/// One fix can make room for another (a keyword in capitals shows that its arguments are wrong). Ten rounds are more
/// than any chain of rules; they only keep two fixes that undo each other from going on for ever.
const MAX_ROUNDS: usize = 10;

/// Fixes what can be fixed; returns what is left to say.
pub(super) fn apply(paths: &[PathBuf]) -> Result<Compilation> {
    let mut compilation = Compilation::of(paths)?;
    let before: Vec<String> =
        compilation.repository.files.iter().map(|file| file.text.clone()).collect();
    let mut applied = 0;
    for _ in 0..MAX_ROUNDS {
        let round = edits::safe_round(compilation.findings());
        if round.fixes == 0 {
            break;
        }
        applied += round.fixes;
        for (id, edits) in &round.edits {
            if let Some(file) = compilation.repository.files.get_mut(id.index()) {
                file.text = edits::apply(&file.text, edits).unwrap_or_else(|| file.text.clone());
            }
        }
        compilation.compile_again();
    }
    report(&compilation, &before, applied)?;
    Ok(compilation)
}

/// Writes what changed, and shows it.
fn report(compilation: &Compilation, before: &[String], applied: usize) -> Result<()> {
    let mut changed = 0;
    for (file, before) in compilation.repository.files.iter().zip(before) {
        if file.text == *before {
            continue;
        }
        replace_file(&compilation.repository.root.join(file.path.as_str()), &file.text)?;
        terminal::tell(&difference::unified(
            &compilation.repository.shown(&file.path),
            before,
            &file.text,
        ));
        changed += 1;
    }
    if changed > 0 {
        let fixes = if applied == 1 { "1 fix".to_owned() } else { format!("{applied} fixes") };
        terminal::tell(&format!("{fixes} applied in {}\n", numbered(changed, "Layerfile")));
    }
    Ok(())
}
