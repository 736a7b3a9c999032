//! `layerc explain`: the page of a diagnostic, from the program itself, without a network.

use crate::candidates;
use crate::exit::{Exit, WrongUsage};
use crate::markdown;
use crate::terminal::{self, Look};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use clap::Args;
use layerc_compiler::diagnostic::{Code, Severity};
use layerc_compiler::nearest::nearest;
use layerc_compiler::rules::{self, RULES, Rule};

const EXAMPLES: &str = "\
Examples:
  layerc explain LF0010
  layerc explain unknown-directive
  layerc explain --list";

/// `layerc explain RULE`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A code or a name, as printed with every finding
    #[arg(value_name = "CODE|NAME", required_unless_present = "list", add = candidates::rules())]
    rule: Option<String>,

    /// List all rules: code, severity, name, what they find
    #[arg(long, conflicts_with = "rule")]
    list: bool,
}

/// Prints the page or the list.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit> {
    match &arguments.rule {
        Some(rule) => terminal::print(&page(find(rule)?, terminal::look()))?,
        None => terminal::print(&list())?,
    }
    Ok(Exit::Success)
}

fn find(text: &str) -> Result<&'static Rule> {
    let code = Code::parse(&text.to_uppercase());
    let rule = code.and_then(rules::by_code).or_else(|| rules::by_name(&text.to_lowercase()));
    rule.ok_or_else(|| WrongUsage(unknown(text)).into())
}

fn unknown(text: &str) -> String {
    let codes: Vec<String> = RULES.iter().map(|rule| rule.code.to_string()).collect();
    let known = codes.iter().map(String::as_str).chain(RULES.iter().map(|rule| rule.name));
    let help = nearest(text, known).question();
    format!(
        "there is no rule `{text}`; {}",
        help.as_deref().unwrap_or("`layerc explain --list` shows all")
    )
}

fn page(rule: &Rule, look: Look) -> String {
    match look {
        Look::Styled => markdown::styled(rule.page),
        Look::Plain => rule.page.to_owned(),
    }
}

fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let line = |rule: &&Rule| {
        let style = severity_style(rule.severity);
        format!(
            "{}  {style}{:7}{style:#}  {:width$}  {}\n",
            rule.code,
            severity_word(rule.severity),
            rule.name,
            rule.title
        )
    };
    RULES.iter().map(line).collect()
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Hint => "hint",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Hint => AnsiColor::Cyan.on_default(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Error => AnsiColor::Red.on_default(),
    }
}
