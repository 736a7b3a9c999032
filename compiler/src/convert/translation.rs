//! Writes the stages of a Dockerfile one after the other, instruction by instruction.

use super::commands::Command;
use super::machine::{Machine, Shell, StageState};
use super::output::Output;
use super::stages::{Base, Stage, Stages};
use super::writer::Writer;
use super::{copying, environment, last_steps, running, words};
use crate::catalog;

/// The machine of a Dockerfile that names no image.
const DEFAULT_IMAGE: &str = "vm/ubuntu:22.04";

/// Images that this project knows under another name.
const RENAMED_IMAGES: [(&str, &str); 2] =
    [("ubuntu:18.04", "vm/ubuntu:18.04"), ("ubuntu:22.04", "vm/ubuntu:22.04")];

/// A Dockerfile that is being written as a Layerfile.
pub(super) struct Translation<'a> {
    stages: &'a Stages<'a>,
    output: &'a mut Output,
    machine: Machine,
    /// The state at the end of each stage that was written.
    ends: Vec<Option<StageState>>,
}

impl<'a> Translation<'a> {
    /// Nothing is written yet.
    pub(super) fn new(stages: &'a Stages<'a>, output: &'a mut Output) -> Self {
        let ends = vec![None; stages.all().len()];
        Self { stages, output, machine: Machine::default(), ends }
    }

    /// Writes everything.
    pub(super) fn write(&mut self) {
        self.write_from();
        let needed = self.stages.needed();
        for (index, stage) in self.stages.all().iter().enumerate() {
            if needed.contains(&index) {
                self.write_stage(index, stage, needed.len());
            } else if let Some(from) = stage.from {
                let name = stage.name.as_deref().map_or(String::new(), |name| format!(" `{name}`"));
                let text = format!("the stage{name} is left out: the last stage doesn't need it");
                self.output.note(from.line, text);
            }
        }
    }

    fn write_from(&mut self) {
        let first = self.stages.all().iter().find_map(|stage| stage.from);
        if let Some(from) = first {
            self.output.comments(&from.comments);
        }
        let line = first.map_or(1, |from| from.line);
        let Some(image) = self.stages.machine_image() else {
            self.output.from(DEFAULT_IMAGE);
            let text = format!("no image is named, so the machine is `{DEFAULT_IMAGE}`");
            return self.output.note(line, text);
        };
        let name = image_name(image);
        if Output::is_valid_from(&name) {
            self.output.from(&name);
        } else {
            self.output.from(DEFAULT_IMAGE);
            let text = format!(
                "`{image}` can't be read as the name of an image, so the machine is `{DEFAULT_IMAGE}`"
            );
            self.output.note(line, text);
        }
    }

    fn write_stage(&mut self, index: usize, stage: &Stage<'a>, written: usize) {
        let mut state = self.state_before(stage);
        if written > 1 {
            self.stage_heading(index, stage);
        }
        for instruction in &stage.instructions {
            self.output.comments(&instruction.comments);
            write_instruction(&mut Writer {
                instruction,
                stage: index,
                stages: self.stages,
                state: &mut state,
                machine: &mut self.machine,
                output: self.output,
            });
        }
        if index + 1 == self.stages.all().len() {
            last_steps::write(&state, &mut self.machine, self.output);
        }
        if let Some(end) = self.ends.get_mut(index) {
            *end = Some(state);
        }
    }

    /// A stage from an image starts afresh; one from a stage continues that one's settings.
    fn state_before(&self, stage: &Stage<'_>) -> StageState {
        let mut state = match stage.base {
            Base::Stage(parent) => self.ends.get(parent).cloned().flatten().unwrap_or_default(),
            Base::Image(_) | Base::Nothing => StageState::default(),
        };
        state.starting.forget_places();
        state
    }

    fn stage_heading(&mut self, index: usize, stage: &Stage<'_>) {
        let Some(from) = stage.from else { return };
        self.output.gap();
        let name = stage.name.clone().unwrap_or_else(|| index.to_string());
        self.output.commented([format!("stage {name}").as_str()]);
        let machine = self.stages.machine_image();
        let own = self.stages.image_of(index);
        if let (Some(own), Some(machine)) = (own, machine)
            && own != machine
        {
            let text = format!(
                "the stage `{name}` starts from `{own}`; here its steps run on `{machine}`, so install what they need"
            );
            self.output.note(from.line, text);
        }
    }
}

fn write_instruction(writer: &mut Writer<'_>) {
    let arguments = writer.instruction.arguments();
    match writer.instruction.keyword.as_str() {
        "RUN" => running::write(writer),
        "COPY" | "ADD" => copying::write(writer),
        "ENV" => environment::write_env(writer),
        "ARG" => environment::write_arg(writer),
        "WORKDIR" => write_workdir(writer),
        "USER" => write_user(writer),
        "SHELL" => writer.state.shell = shell(&words::list(&arguments)),
        "CMD" => {
            writer.state.starting.command = Command::of(&arguments).map(|it| (writer.line(), it));
        }
        "ENTRYPOINT" => {
            writer.state.starting.entry_point =
                Command::of(&arguments).map(|it| (writer.line(), it));
            writer.state.starting.command = None;
        }
        "EXPOSE" => writer.state.starting.expose(writer.line(), &arguments),
        "HEALTHCHECK" => writer.state.starting.health_check(writer.line(), &arguments),
        "LABEL" | "MAINTAINER" => writer.show_as_comment(),
        keyword => writer.leave_out(no_equivalent(keyword)),
    }
}

fn write_workdir(writer: &mut Writer<'_>) {
    match writer.state.variables.expand(&writer.instruction.arguments()) {
        Ok(directory) => {
            writer.state.directory = joined(&writer.state.directory, &directory);
            writer.settle_directory();
        }
        Err(unknown) => {
            let text = format!(
                "the value of `${}` isn't known here, and WORKDIR expands no variables",
                unknown.0
            );
            writer.leave_out(text);
        }
    }
}

fn write_user(writer: &mut Writer<'_>) {
    let Ok(user) = writer.state.variables.expand(&writer.instruction.arguments()) else {
        return writer.leave_out("the name is in a variable, and USER expands none");
    };
    let (name, group) =
        user.split_once(':').map_or((user.as_str(), None), |(name, group)| (name, Some(group)));
    if let Some(group) = group {
        writer.note(format!("USER takes no group: `{group}` is left out"));
    }
    writer.state.user = if name == "0" { "root".to_owned() } else { name.to_owned() };
    writer.settle();
}

/// The image as FROM names it: with a tag, because a name without one would be a directory.
fn image_name(image: &str) -> String {
    let known = RENAMED_IMAGES.iter().find(|(name, _)| *name == image);
    match known {
        Some((_, name)) => (*name).to_owned(),
        None if image.contains(':') => image.to_owned(),
        None => format!("{image}:latest"),
    }
}

fn no_equivalent(keyword: &str) -> String {
    match catalog::docker_instruction(keyword) {
        Some(instruction) => format!("{keyword} has no equivalent: {}", instruction.instead),
        None => format!("`{keyword}` is not an instruction of Dockerfiles"),
    }
}

/// `WORKDIR directory` in `before`: by the text alone, as Docker does.
fn joined(before: &str, directory: &str) -> String {
    let before = if directory.starts_with('/') { "" } else { before };
    let mut parts: Vec<&str> = Vec::new();
    for part in before.split('/').chain(directory.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

/// What SHELL makes of later RUNs.
fn shell(words: &[String]) -> Shell {
    let [program, options @ ..] = words else { return Shell::Plain };
    let name = program.rsplit('/').next().unwrap_or_default();
    if !matches!(name, "sh" | "bash" | "ash" | "dash") {
        return Shell::Program(words.to_vec());
    }
    // `-c` says where the command is, `-l` and `-i` how the shell starts: `set` takes none of them.
    let kept: Vec<String> = options
        .iter()
        .map(|option| match option.strip_prefix('-') {
            Some(letters) if !option.starts_with("--") => {
                let letters: String =
                    letters.chars().filter(|letter| !"cli".contains(*letter)).collect();
                format!("-{letters}")
            }
            _ => option.clone(),
        })
        .filter(|option| option != "-" && !option.starts_with("--"))
        .collect();
    if kept.is_empty() { Shell::Plain } else { Shell::Options(super::quoting::command(&kept)) }
}
