//! What one file's instructions come to, as far as other files and later checks ask for it.
//!
//! A summary of well-formed instructions alone; it finds nothing wrong and knows no other file.

use crate::directive::{Directive, Instruction};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What linking needs to know of a file besides its references.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The largest MEMORY, in bytes, and where.
    pub(crate) memory: Option<(u64, Span)>,
    /// The first SPLIT.
    pub(crate) split: Option<Span>,
    /// Whether USER occurs.
    pub(crate) user: Option<Span>,
    /// The names of SECRET ENV, and where each stands first.
    pub(crate) secrets: BTreeMap<String, Span>,
    /// Variables that ENV and SECRET ENV define.
    pub(crate) defines: BTreeSet<String>,
}

impl Facts {
    /// Sums up a file's instructions.
    pub(crate) fn of(directives: &[Arc<Directive>]) -> Self {
        let mut facts = Self::default();
        for directive in directives {
            match &directive.instruction {
                Instruction::Memory(memory)
                    if facts.memory.is_none_or(|(bytes, _)| bytes < memory.bytes) =>
                {
                    facts.memory = Some((memory.bytes, directive.span));
                }
                Instruction::Split(_) => facts.split = facts.split.or(Some(directive.span)),
                Instruction::User(_) => facts.user = facts.user.or(Some(directive.span)),
                Instruction::Env(pairs) => {
                    facts.defines.extend(pairs.iter().map(|pair| pair.key.value.clone()));
                }
                Instruction::SecretEnv(names) => {
                    for name in names {
                        facts.secrets.entry(name.value.clone()).or_insert(name.span);
                    }
                    facts.defines.extend(names.iter().map(|name| name.value.clone()));
                }
                _ => {}
            }
        }
        facts
    }
}
