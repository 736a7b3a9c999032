//! RUN in all its forms: shell text, JSON arrays, other shells, mounts and here-documents.

use super::commands::Command;
use super::dockerfile::DockerInstructionText;
use super::here_document::HereDocument;
use super::machine::Shell;
use super::writer::Writer;
use super::{mounts, quoting, words};

/// Writes RUN.
pub(super) fn write(writer: &mut Writer<'_>) {
    let arguments = writer.instruction.arguments();
    let (flags, rest) = words::flags(&arguments);
    for flag in &flags {
        match flag.name.as_str() {
            "mount" => mounts::write(writer, &flag.value),
            name => {
                let text = format!("`--{name}` has no equivalent and is left out");
                writer.note(text);
            }
        }
    }
    let Some(command) = command_text(writer.instruction, rest, flags.len(), &writer.state.shell)
    else {
        return writer.leave_out("RUN has no command");
    };
    writer.settle();
    writer.write(&format!("RUN {command}"));
}

/// The command as bash text, over the same lines if it can be.
fn command_text(
    instruction: &DockerInstructionText,
    rest: &str,
    flags: usize,
    shell: &Shell,
) -> Option<String> {
    if !instruction.here_documents.is_empty() {
        return Some(with_here_documents(instruction, rest, shell));
    }
    let command = Command::of(rest)?;
    let text = match &command {
        Command::Words(_) => return Some(command.shell_text()),
        Command::Text(text) => match shell {
            Shell::Program(program) => return Some(in_program(program, text)),
            Shell::Plain | Shell::Options(_) => {
                lines(instruction, flags).unwrap_or_else(|| text.clone())
            }
        },
    };
    Some(match shell {
        Shell::Options(options) => format!("set {options} && {text}"),
        Shell::Plain | Shell::Program(_) => text,
    })
}

/// The physical lines of the command without flags; `None` if a flag reaches over a line end.
fn lines(instruction: &DockerInstructionText, flags: usize) -> Option<String> {
    let mut left = flags;
    let mut kept: Vec<&str> = Vec::new();
    for piece in &instruction.pieces {
        let (found, rest) =
            if left > 0 { words::flags(piece) } else { (Vec::new(), piece.as_str()) };
        left = left.checked_sub(found.len())?;
        if !found.is_empty() && rest.trim().is_empty() {
            continue;
        }
        kept.push(if found.is_empty() && kept.is_empty() { rest.trim_start() } else { rest });
    }
    let text = kept.join("\\\n");
    (left == 0).then(|| text.trim_end().to_owned())
}

fn in_program(program: &[String], text: &str) -> String {
    format!("{} {}", quoting::command(program), quoting::literal(text))
}

/// A command with here-documents: each becomes what a printf prints.
fn with_here_documents(instruction: &DockerInstructionText, rest: &str, shell: &Shell) -> String {
    if let [document] = instruction.here_documents.as_slice()
        && rest.len() == document.marker.range.len()
    {
        return script(document, shell);
    }
    let joined = instruction.pieces.concat();
    let offset = joined.len() - joined.trim_end().len();
    let behind = joined.len() - offset;
    let start = behind.saturating_sub(rest.len());
    let mut text = String::new();
    let mut copied = start;
    for document in &instruction.here_documents {
        text.push_str(joined.get(copied..document.marker.range.start).unwrap_or_default());
        text.push_str(&format!("< <({})", document.printing()));
        copied = document.marker.range.end;
    }
    text.push_str(joined.get(copied..behind).unwrap_or_default());
    text
}

/// A here-document that is itself the script.
fn script(document: &HereDocument, shell: &Shell) -> String {
    // Docker gives the script to the shell as it is, so nothing is expanded before.
    let mut verbatim = document.clone();
    verbatim.marker.expansion = super::here_document::Expansion::Nothing;
    let printing = verbatim.printing();
    if document.lines.first().is_some_and(|line| line.starts_with("#!")) {
        return format!(
            "script=$(mktemp) && {printing} > \"$script\" && chmod +x \"$script\" && \"$script\""
        );
    }
    let program = match shell {
        Shell::Plain => "bash".to_owned(),
        Shell::Options(options) => format!("bash {options}"),
        Shell::Program(words) => {
            let name: Vec<String> = words.iter().filter(|word| *word != "-c").cloned().collect();
            quoting::command(&name)
        }
    };
    format!("{program} <({printing})")
}
