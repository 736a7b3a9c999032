//! What a machine is at a line: directory, user, memory, sourced files and variables, each with the instruction that
//! made it so, in whichever file of the FROM chain that is.
//!
//! Values are as far as they are known without a run; a secret has none.

use super::chain;
use crate::workspace::FileView;
use layerc_compiler::directive::Instruction;
use layerc_compiler::span::Span;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where a machine without WORKDIR works.
pub const FIRST_DIRECTORY: &str = "/root";

/// Something that is set, and where.
#[derive(Debug, Clone, Copy)]
pub struct Place<'s> {
    /// The file.
    pub view: FileView<'s>,
    /// The words that set it.
    pub span: Span,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Setting<'s> {
    /// The value, or how it is written where only a run can tell.
    pub value: Cow<'s, str>,
    /// What set it.
    pub place: Place<'s>,
}

/// What a variable is.
#[derive(Debug, Clone)]
pub enum Variable<'s> {
    /// Set by ENV.
    Set(Setting<'s>),
    /// A secret.
    Secret(Place<'s>),
}

impl<'s> Variable<'s> {
    /// Where it was set.
    pub const fn place(&self) -> Place<'s> {
        match self {
            Self::Set(setting) => setting.place,
            Self::Secret(place) => *place,
        }
    }
}

/// The settings of a machine at one point.
#[derive(Debug, Clone, Default)]
pub struct Machine<'s> {
    /// WORKDIR, absolute unless a run has to tell.
    pub directory: Option<Setting<'s>>,
    /// USER.
    pub user: Option<Setting<'s>>,
    /// The largest MEMORY, as written, and its bytes.
    pub memory: Option<(u64, Setting<'s>)>,
    /// SETUP FILEs, in order.
    pub setup_files: Vec<Setting<'s>>,
    /// ENV and SECRET ENV.
    pub variables: BTreeMap<&'s str, Variable<'s>>,
}

/// What a file's machine is before its own first instruction.
pub fn inherited(view: FileView<'_>) -> Machine<'_> {
    let mut machine = Machine::default();
    for above in chain::ancestors(view) {
        machine.apply_file(above, usize::MAX);
        machine.know(above);
    }
    machine
}

/// What a file's machine is before its instruction number `index`.
pub fn before(view: FileView<'_>, index: usize) -> Machine<'_> {
    let mut machine = inherited(view);
    machine.apply_file(view, index);
    machine
}

impl<'s> Machine<'s> {
    /// Takes account of the first `count` instructions of a file.
    fn apply_file(&mut self, view: FileView<'s>, count: usize) {
        (0..view.analysis().directives.len().min(count))
            .for_each(|index| self.advance(view, index));
    }

    /// Takes account of instruction number `index` of a file.
    pub fn advance(&mut self, view: FileView<'s>, index: usize) {
        if let Some(directive) = view.analysis().directives.get(index) {
            let place = |span| Place { view, span };
            match &directive.instruction {
                Instruction::Workdir(word) => {
                    let before = self.directory.as_ref().map_or(FIRST_DIRECTORY, |it| &it.value);
                    let value = joined(before, &word.value).into();
                    self.directory = Some(Setting { value, place: place(directive.span) });
                }
                Instruction::User(word) => {
                    let value = word.value.as_str().into();
                    self.user = Some(Setting { value, place: place(directive.span) });
                }
                Instruction::Memory(memory) => {
                    let value = memory.text.value.as_str().into();
                    self.need(memory.bytes, Setting { value, place: place(directive.span) });
                }
                Instruction::SetupFile(_) => self.source(view, index, directive.span),
                Instruction::Env(pairs) => {
                    for pair in pairs {
                        let span = pair.key.span.cover(pair.value.span);
                        let value = pair.value.value.as_str().into();
                        let set = Variable::Set(Setting { value, place: place(span) });
                        self.variables.insert(&pair.key.value, set);
                    }
                }
                Instruction::SecretEnv(names) => {
                    for name in names {
                        let secret = Variable::Secret(place(name.span));
                        self.variables.insert(&name.value, secret);
                    }
                }
                _ => {}
            }
        }
    }

    fn need(&mut self, bytes: u64, setting: Setting<'s>) {
        if self.memory.as_ref().is_none_or(|(most, _)| *most < bytes) {
            self.memory = Some((bytes, setting));
        }
    }

    fn source(&mut self, view: FileView<'s>, index: usize, span: Span) {
        let linked = view.linked().and_then(|linked| linked.directives.get(index));
        for path in linked.map(|linked| linked.setup_files.as_slice()).unwrap_or_default() {
            let value = path.to_string().into();
            self.setup_files.push(Setting { value, place: Place { view, span } });
        }
    }

    /// Puts the values in that the plan knows at the end of a file.
    fn know(&mut self, view: FileView<'s>) {
        let Ok(plan) = view.repository.plan() else { return };
        let planned = plan.layerfiles.iter().find(|file| file.path == *view.document.path());
        for (name, value) in planned.into_iter().flat_map(|file| &file.static_environment) {
            if let Some(Variable::Set(setting)) = self.variables.get_mut(name.as_str()) {
                setting.value = value.as_str().into();
            }
        }
    }
}

/// The directory that WORKDIR `path` leads to from `before`.
pub fn joined(before: &str, path: &str) -> String {
    if path.starts_with(['/', '~']) {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = before.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    let root = if before.starts_with('~') { "" } else { "/" };
    format!("{root}{}", parts.join("/"))
}
