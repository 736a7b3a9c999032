//! A Dockerfile becomes a Layerfile: what both languages can say is written, the rest becomes comments and notes.
//!
//! A Layerfile is one machine, so the stages that the last one needs are written one after the other, and files that one
//! stage takes from another are copied inside the machine. Knows Dockerfile syntax, which nothing else here does, and
//! nothing of files: the result is text. Whatever would not be a valid instruction is commented out, so that the result
//! never has errors.

mod commands;
mod copying;
mod dockerfile;
mod environment;
mod here_document;
mod last_steps;
mod machine;
mod mounts;
mod output;
mod quoting;
mod running;
mod stages;
mod starting;
mod translation;
mod variables;
mod words;
mod writer;

use dockerfile::DockerInstructionText;
use output::Output;
use stages::Stages;
use translation::Translation;

/// A converted Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The Layerfile. It has no errors, whatever the Dockerfile was.
    pub text: String,
    /// What a person has to look at, in the order of the Dockerfile.
    pub notes: Vec<Note>,
}

/// Something that has no equivalent, or only one with a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// One-based line of the Dockerfile.
    pub line: u32,
    /// What is different, as a sentence without final dot.
    pub text: String,
}

/// Writes the machine that a Dockerfile describes as a Layerfile. `COPY` sources are taken to be relative to the
/// directory that the Layerfile will be in, as they are when that directory is the build context.
pub fn from_dockerfile(text: &str) -> Converted {
    let instructions = dockerfile::read(text);
    let stages = Stages::new(&instructions);
    let mut output = Output::default();
    let mut translation = Translation::new(&stages, &mut output);
    translation.write();
    output.finish()
}

/// Whether a text is more likely a Dockerfile, or a part of one, than a Layerfile: it has an instruction that only
/// Dockerfiles know, or a form of a common one that no Layerfile has.
pub fn looks_like_dockerfile(text: &str) -> bool {
    dockerfile::read(text).iter().any(DockerInstructionText::is_foreign)
}

#[cfg(test)]
mod tests;
