//! The stages of a Dockerfile and what they take from each other.

use super::dockerfile::DockerInstructionText;
use super::variables::Variables;
use super::words;
use std::collections::BTreeSet;

/// One stage: FROM and what follows.
#[derive(Debug)]
pub(super) struct Stage<'text> {
    /// Its FROM; `None` for instructions without one.
    pub(super) from: Option<&'text DockerInstructionText>,
    /// What FROM names, variables replaced.
    pub(super) base: Base,
    /// The name behind AS, in small letters.
    pub(super) name: Option<String>,
    /// Its instructions.
    pub(super) instructions: Vec<&'text DockerInstructionText>,
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// An image.
    Image(String),
    /// An earlier stage.
    Stage(usize),
    /// Nothing at all: `scratch`, or no FROM.
    Nothing,
}

/// All stages.
#[derive(Debug)]
pub(super) struct Stages<'text> {
    stages: Vec<Stage<'text>>,
    /// ARG above the first FROM.
    pub(super) global: Variables,
}

impl<'text> Stages<'text> {
    /// Groups instructions.
    pub(super) fn new(instructions: &'text [DockerInstructionText]) -> Self {
        let mut stages = Self { stages: Vec::new(), global: Variables::default() };
        for instruction in instructions {
            match instruction.keyword.as_str() {
                "FROM" => stages.begin(instruction),
                "ARG" if stages.stages.is_empty() => stages.global_argument(instruction),
                _ => stages.add(instruction),
            }
        }
        stages
    }

    /// The stages in their order.
    pub(super) fn all(&self) -> &[Stage<'text>] {
        &self.stages
    }

    /// The stage of this name or number, before stage `before`.
    pub(super) fn named(&self, name: &str, before: usize) -> Option<usize> {
        let earlier = self.stages.get(..before).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        earlier
            .iter()
            .rposition(|stage| stage.name.as_deref() == Some(&name))
            .or_else(|| name.parse().ok().filter(|index| *index < before))
    }

    /// The numbers of the stages that the last one needs, itself included, in order.
    pub(super) fn needed(&self) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        let mut waiting: Vec<usize> = self.stages.len().checked_sub(1).into_iter().collect();
        while let Some(index) = waiting.pop() {
            if needed.insert(index) {
                waiting.extend(self.needs_of(index));
            }
        }
        needed
    }

    /// The image that the machine starts as: that of the last stage, else the nearest before it.
    pub(super) fn machine_image(&self) -> Option<&str> {
        let needed = self.needed();
        let mut images = needed.iter().rev().filter_map(|index| self.image_of(*index));
        images.next()
    }

    /// The image that a stage starts from, through other stages.
    pub(super) fn image_of(&self, index: usize) -> Option<&str> {
        match &self.stages.get(index)?.base {
            Base::Image(image) => Some(image),
            Base::Stage(parent) => self.image_of(*parent),
            Base::Nothing => None,
        }
    }

    fn begin(&mut self, from: &'text DockerInstructionText) {
        let arguments = from.arguments();
        let (_, rest) = words::flags(&arguments);
        let mut words = rest.split_whitespace();
        let written = words.next().unwrap_or_default();
        let name = words.next().filter(|word| word.eq_ignore_ascii_case("as"));
        let name = name.and_then(|_| words.next()).map(str::to_ascii_lowercase);
        let base = match self.global.expand(written) {
            Ok(image) => self.base(&image),
            Err(_) => self.base(written),
        };
        self.stages.push(Stage { from: Some(from), base, name, instructions: Vec::new() });
    }

    fn base(&self, image: &str) -> Base {
        match self.named(image, self.stages.len()) {
            Some(stage) if image.parse::<usize>().is_err() => Base::Stage(stage),
            _ if image.eq_ignore_ascii_case("scratch") || image.is_empty() => Base::Nothing,
            _ => Base::Image(image.to_owned()),
        }
    }

    fn add(&mut self, instruction: &'text DockerInstructionText) {
        if self.stages.is_empty() {
            let stage =
                Stage { from: None, base: Base::Nothing, name: None, instructions: Vec::new() };
            self.stages.push(stage);
        }
        if let Some(stage) = self.stages.last_mut() {
            stage.instructions.push(instruction);
        }
    }

    fn global_argument(&mut self, argument: &DockerInstructionText) {
        let arguments = argument.arguments();
        for word in words::quoted_words(&arguments) {
            let Some((name, value)) = word.split_once('=') else { continue };
            let value = self.global.expand(value).ok();
            self.global.set(name, value);
        }
    }

    fn needs_of(&self, index: usize) -> Vec<usize> {
        let Some(stage) = self.stages.get(index) else { return Vec::new() };
        let base = match stage.base {
            Base::Stage(parent) => Some(parent),
            Base::Image(_) | Base::Nothing => None,
        };
        let named = stage.instructions.iter().flat_map(|instruction| sources_of(instruction));
        base.into_iter().chain(named.filter_map(|name| self.named(&name, index))).collect()
    }
}

/// The stages or images that the flags of an instruction name.
fn sources_of(instruction: &DockerInstructionText) -> Vec<String> {
    let arguments = instruction.arguments();
    let (flags, _) = words::flags(&arguments);
    let mut names = Vec::new();
    for flag in flags {
        match flag.name.as_str() {
            "from" => names.push(flag.value),
            "mount" => {
                let options = flag.value.split(',').filter_map(|option| option.split_once('='));
                names.extend(
                    options.filter(|(key, _)| *key == "from").map(|(_, name)| name.to_owned()),
                );
            }
            _ => {}
        }
    }
    names
}
