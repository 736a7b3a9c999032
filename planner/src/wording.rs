//! An instruction as people read it: one line, words a blank apart, whatever its layout in the file was.
//!
//! Because layout does not show here, formatting a Layerfile changes neither a step's text nor its cache key.

use layerc_compiler::directive::{
    Aws, Checkpoint, Clone_, Comparison, Condition, Copy, EnvPair, ExposeTcp, ExposeWebsite,
    FromSource, Instruction, LabelPair, Run, RunMode, Scheme, Split, SplitOrder, Word,
};

/// The text of an instruction.
pub(crate) fn wording(instruction: &Instruction) -> String {
    let text = match instruction {
        Instruction::From(source) => format!("FROM {}", from_source(source)),
        Instruction::Run(run) => run_text(run),
        Instruction::Copy(copy) => copy_text(copy),
        Instruction::Env(pairs) => env_text(pairs),
        Instruction::BuildEnv(names) => words("BUILD ENV", names),
        Instruction::SecretEnv(names) => words("SECRET ENV", names),
        Instruction::Cache(paths) => words("CACHE", paths),
        Instruction::Checkpoint(checkpoint) => checkpoint_text(checkpoint),
        Instruction::ExposeWebsite(website) => website_text(website),
        Instruction::ExposeTcp(tcp) => tcp_text(tcp),
        Instruction::Memory(memory) => format!("MEMORY {}", memory.text.value),
        Instruction::SetupFile(paths) => words("SETUP FILE", paths),
        Instruction::Split(split) => split_text(split),
        Instruction::User(name) => format!("USER {}", name.value),
        Instruction::Wait(targets) => words("WAIT", targets),
        Instruction::Workdir(path) => format!("WORKDIR {}", path.value),
        Instruction::Button(message) => format!("BUTTON {}", message.value).trim_end().to_owned(),
        Instruction::Clone(clone) => clone_text(clone),
        Instruction::Label(pairs) => label_text(pairs),
        Instruction::SkipIf(conditions) => skip_text(conditions),
        Instruction::Aws(aws) => aws_text(aws),
        Instruction::Artifact(paths) => words("ARTIFACT", paths),
    };
    if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text }
}

fn words(keyword: &str, words: &[Word]) -> String {
    words.iter().fold(keyword.to_owned(), |text, word| text + " " + &word.value)
}

fn from_source(source: &FromSource) -> &str {
    match source {
        FromSource::Image(word) | FromSource::Path(word) | FromSource::Bare(word) => &word.value,
    }
}

fn run_text(run: &Run) -> String {
    let keyword = match run.mode {
        RunMode::Plain => "RUN",
        RunMode::Background => "RUN BACKGROUND",
        RunMode::Repeatable => "RUN REPEATABLE",
    };
    format!("{keyword} {}", run.command.value)
}

fn copy_text(copy: &Copy) -> String {
    words("COPY", &copy.sources) + " " + &copy.destination.value
}

fn env_text(pairs: &[EnvPair]) -> String {
    pairs
        .iter()
        .fold("ENV".to_owned(), |text, pair| text + " " + &pair.key.value + "=" + &pair.value.value)
}

fn checkpoint_text(checkpoint: &Checkpoint) -> String {
    match checkpoint {
        Checkpoint::Here => "CHECKPOINT".to_owned(),
        Checkpoint::Named(name) => format!("CHECKPOINT {}", name.value),
        Checkpoint::Disabled => "CHECKPOINT disabled".to_owned(),
    }
}

fn website_text(website: &ExposeWebsite) -> String {
    let scheme = match website.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let text =
        format!("EXPOSE WEBSITE {scheme}://localhost:{} {}", website.port, website.path.value);
    website.rewrite.iter().fold(text, |text, rewrite| text + " " + &rewrite.value)
}

fn tcp_text(tcp: &ExposeTcp) -> String {
    format!("EXPOSE TCP {} {}", tcp.source.value, tcp.destination.value)
}

fn split_text(split: &Split) -> String {
    match split.order {
        SplitOrder::Ordered => format!("SPLIT {}", split.copies.value),
        SplitOrder::Unordered => format!("SPLIT UNORDERED {}", split.copies.value),
    }
}

fn clone_text(clone: &Clone_) -> String {
    let mut text = format!("CLONE {}", clone.url.value);
    if let Some(branch) = &clone.default_branch {
        text = text + " DEFAULT=" + &branch.value;
    }
    words(&text, &clone.sources) + " " + &clone.destination.value
}

fn label_text(pairs: &[LabelPair]) -> String {
    pairs.iter().fold("LABEL".to_owned(), |text, pair| {
        text + " " + &pair.key.value + "=" + &pair.value.value
    })
}

fn skip_text(conditions: &[Condition]) -> String {
    let conditions: Vec<String> = conditions.iter().map(condition_text).collect();
    format!("SKIP REMAINING IF {}", conditions.join(" AND "))
}

fn condition_text(condition: &Condition) -> String {
    let comparison = match condition.comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Matches => "=~",
        Comparison::NotMatches => "!=~",
    };
    format!("{}{comparison}\"{}\"", condition.name.value, condition.value.value)
}

fn aws_text(aws: &Aws) -> String {
    let text = format!("AWS {}", aws.subcommand.value);
    aws.options
        .iter()
        .fold(text, |text, option| text + " --" + &option.key.value + "=" + &option.value.value)
}
