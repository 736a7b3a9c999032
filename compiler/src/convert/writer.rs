//! Writes what stands for one instruction of a Dockerfile: knows where that stands and what Docker's state is there.
//!
//! Decides nothing: what is to be written is the business of the module for the instruction.

use super::dockerfile::DockerInstructionText;
use super::machine::{Machine, StageState};
use super::output::Output;
use super::stages::Stages;

/// One instruction that is being written.
pub(super) struct Writer<'a> {
    /// The instruction.
    pub(super) instruction: &'a DockerInstructionText,
    /// The number of its stage.
    pub(super) stage: usize,
    /// All stages of the Dockerfile.
    pub(super) stages: &'a Stages<'a>,
    /// What Docker would keep at this point.
    pub(super) state: &'a mut StageState,
    /// The state of the Layerfile's machine.
    pub(super) machine: &'a mut Machine,
    /// The Layerfile.
    pub(super) output: &'a mut Output,
}

impl Writer<'_> {
    /// Its first line.
    pub(super) const fn line(&self) -> u32 {
        self.instruction.line
    }

    /// Writes an instruction.
    pub(super) fn write(&mut self, text: &str) {
        self.output.instruction(self.line(), text);
    }

    /// Writes an instruction unless the Layerfile has it.
    pub(super) fn write_once(&mut self, text: &str) {
        self.output.instruction_once(self.line(), text);
    }

    /// Says something about it.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.output.note(self.line(), text);
    }

    /// Shows it as a comment, with a note that says why.
    pub(super) fn leave_out(&mut self, why: impl Into<String>) {
        self.show_as_comment();
        self.note(why);
    }

    /// Shows it as a comment.
    pub(super) fn show_as_comment(&mut self) {
        self.output.commented(self.instruction.source.iter().map(String::as_str));
    }

    /// What comes next finds Docker's directory and user.
    pub(super) fn settle(&mut self) {
        self.machine.bring_to(self.state, self.line(), self.output);
    }

    /// What comes next finds Docker's directory.
    pub(super) fn settle_directory(&mut self) {
        self.machine.bring_to_directory(self.state, self.line(), self.output);
    }

    /// What comes next finds Docker's directory and may do what root may.
    pub(super) fn settle_as_root(&mut self) {
        self.machine.bring_to_root(self.state, self.line(), self.output);
    }
}
