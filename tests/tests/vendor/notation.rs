//! Our instructions in the notation of the vendor's recordings (Go's `%#v`).

use layerc_compiler::directive::{
    Checkpoint, Comparison, Condition, FromSource, Instruction, RunMode, Scheme, Word,
};
use std::fmt::Write as _;

/// Every instruction behind the first, which must be FROM; and what that names.
pub(crate) fn render(instructions: &[Instruction]) -> (String, Vec<String>) {
    match instructions {
        [Instruction::From(source), rest @ ..] => {
            (source_text(source).to_owned(), rest.iter().map(instruction).collect())
        }
        rest => (String::new(), rest.iter().map(instruction).collect()),
    }
}

fn source_text(source: &FromSource) -> &str {
    match source {
        FromSource::Image(word) | FromSource::Path(word) | FromSource::Bare(word) => &word.value,
    }
}

fn instruction(instruction: &Instruction) -> String {
    match instruction {
        Instruction::From(source) => format!("From{{ImageId:{}}}", quoted(source_text(source))),
        Instruction::Run(run) => {
            let mode = match run.mode {
                RunMode::Plain => 0,
                RunMode::Background => 1,
                RunMode::Repeatable => 2,
            };
            format!("Run{{Command:{}, Type:0x{mode}}}", quoted(&run.command.value))
        }
        Instruction::Copy(copy) => {
            format!(
                "Copy{{SourceFiles:{}, TargetFile:{}}}",
                words(&copy.sources),
                quoted(&copy.destination.value)
            )
        }
        Instruction::Env(pairs) => {
            let pairs = pairs.iter().map(|pair| format!("{}={}", pair.key.value, pair.value.value));
            format!("Env{{Env:{}}}", list(pairs))
        }
        Instruction::BuildEnv(names) => format!("BuildEnv{{BuildEnv:{}}}", words(names)),
        Instruction::SecretEnv(names) => format!("SecretEnv{{Secrets:{}}}", words(names)),
        Instruction::Cache(paths) => format!("Cache{{Dirs:{}}}", words(paths)),
        Instruction::Checkpoint(checkpoint) => {
            format!("Checkpoint{{Name:{}}}", quoted(checkpoint_name(checkpoint)))
        }
        Instruction::SetupFile(paths) => format!("SetupFile{{Files:{}}}", words(paths)),
        Instruction::User(name) => format!("User{{Username:{}}}", quoted(&name.value)),
        Instruction::Wait(paths) => format!("Wait{{Targets:{}}}", words(paths)),
        Instruction::Workdir(path) => format!("Workdir{{Dir:{}}}", quoted(&path.value)),
        Instruction::Button(message) => format!("Button{{Message:{}}}", quoted(&message.value)),
        Instruction::Label(pairs) => {
            let pairs = pairs.iter().map(|pair| format!("{}={}", pair.key.value, pair.value.value));
            format!("Label{{Label:{}}}", list(pairs))
        }
        Instruction::SkipIf(conditions) => {
            format!("SkipRemainingIf{{SkipRemainingIf:{}}}", skip_list(conditions))
        }
        other => with_fields(other),
    }
}

/// The instructions of many fields.
fn with_fields(instruction: &Instruction) -> String {
    match instruction {
        Instruction::ExposeWebsite(website) => {
            let scheme = match website.scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            };
            let rewrite = website.rewrite.as_ref().map_or("", |word| &word.value);
            format!(
                "ExposeWebsite{{Scheme:\"{scheme}\", Domain:\"localhost\", Port:{:#x}, Path:{}, RewritePath:{}}}",
                website.port,
                quoted(&website.path.value),
                quoted(rewrite)
            )
        }
        Instruction::ExposeTcp(tcp) => {
            format!(
                "ExposeTcp{{SourcePort:{:#x}, DestPort:{:#x}}}",
                tcp.source.value, tcp.destination.value
            )
        }
        Instruction::Memory(memory) => {
            let digits = memory
                .text
                .value
                .trim_end_matches(|character: char| character.is_ascii_alphabetic());
            let unit = &memory.text.value[digits.len()..];
            format!("Memory{{Amount:{digits}, Unit:{}}}", quoted(unit))
        }
        Instruction::Split(split) => format!("Split{{Count:{}}}", split.copies.value),
        Instruction::Clone(clone) => format!(
            "Clone{{CloneURL:{}, DefaultBranch:{}, Sources:{}, Dest:{}}}",
            quoted(&clone.url.value),
            quoted(clone.default_branch.as_ref().map_or("", |word| &word.value)),
            words(&clone.sources),
            quoted(&clone.destination.value)
        ),
        Instruction::Aws(aws) => {
            let mut options: Vec<_> =
                aws.options.iter().map(|option| (&option.key.value, &option.value.value)).collect();
            options.sort();
            let options: Vec<_> = options
                .iter()
                .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
                .collect();
            let options = options.join(", ");
            format!(
                "AWS{{Command:{}, Map:map[string]string{{{options}}}}}",
                quoted(&aws.subcommand.value)
            )
        }
        other => panic!("{other:?} has no notation"),
    }
}

fn checkpoint_name(checkpoint: &Checkpoint) -> &str {
    match checkpoint {
        Checkpoint::Here => "",
        Checkpoint::Named(name) => &name.value,
        Checkpoint::Disabled => "disabled",
    }
}

fn skip_list(conditions: &[Condition]) -> String {
    let mut parts = Vec::new();
    for condition in conditions {
        if !parts.is_empty() {
            parts.push("AND".to_owned());
        }
        let operator = match condition.comparison {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Matches => "=~",
            Comparison::NotMatches => "!=~",
        };
        parts.push(format!("{}{operator}{}", condition.name.value, condition.value.value));
    }
    list(parts)
}

fn words(words: &[Word]) -> String {
    list(words.iter().map(|word| word.value.clone()))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| quoted(&item)).collect();
    format!("[]string{{{}}}", items.join(", "))
}

/// A Go string literal.
fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\t' => literal.push_str("\\t"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\u{b}' => literal.push_str("\\v"),
            '\u{c}' => literal.push_str("\\f"),
            other if other.is_control() => write!(literal, "\\x{:02x}", u32::from(other)).unwrap(),
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}
