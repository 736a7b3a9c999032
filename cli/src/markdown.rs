//! Markdown for a terminal: headings, code and lists get a style, nothing is re-wrapped.
//!
//! Only what the pages of this project use is known; everything else passes as it is.

use anstyle::{AnsiColor, Style};

const HEADING: Style = Style::new().bold().underline();
const CODE: Style = AnsiColor::Cyan.on_default();
const STRONG: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default();
const GOOD: Style = AnsiColor::Green.on_default();

/// The page with styles instead of markup.
pub(crate) fn styled(page: &str) -> String {
    let mut text = String::new();
    let mut block = Block::Prose;
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        match block {
            Block::Prose if fence => {
                text += &caption(line);
                block = Block::Code;
            }
            Block::Code if fence => block = Block::Prose,
            Block::Prose => text += &(prose(line) + "\n"),
            Block::Code => text += &format!("    {CODE}{line}{CODE:#}\n"),
        }
    }
    text
}

/// What the words behind a fence say about the block: whether it is right or wrong, and which file it is.
fn caption(fence: &str) -> String {
    let mut captions = Vec::new();
    for word in fence.split_whitespace().skip(1) {
        match (word, word.strip_prefix("path=")) {
            ("bad", _) => captions.push(format!("{BAD}wrong{BAD:#}")),
            ("good", _) => captions.push(format!("{GOOD}right{GOOD:#}")),
            (_, Some(path)) => captions.push(path.to_owned()),
            (_, None) => {}
        }
    }
    if captions.is_empty() { String::new() } else { format!("  {}:\n", captions.join(", ")) }
}

/// What the current line belongs to.
enum Block {
    Prose,
    Code,
}

fn prose(line: &str) -> String {
    let heading = line.trim_start_matches('#');
    if heading.len() < line.len() && heading.starts_with(' ') {
        return format!("{HEADING}{}{HEADING:#}", heading.trim_start());
    }
    delimited(&delimited(line, "`", CODE), "**", STRONG)
}

/// Puts `style` on what stands between two `delimiter`s; an unpaired one stays.
fn delimited(line: &str, delimiter: &str, style: Style) -> String {
    let parts: Vec<&str> = line.split(delimiter).collect();
    let pairs_end = parts.len() - (parts.len() + 1) % 2;
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match index {
            unpaired if unpaired >= pairs_end => text += &format!("{delimiter}{part}"),
            inside if inside % 2 == 1 => text += &format!("{style}{part}{style:#}"),
            _ => text += part,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::styled;

    /// The styled page, escapes shown as `<`.
    fn check(page: &str, expected: &str) {
        let text = styled(page);
        let mut visible = String::new();
        let mut escape = false;
        for character in text.chars() {
            match character {
                '\u{1b}' => escape = true,
                'm' if escape => {
                    escape = false;
                    visible.push('<');
                }
                _ if escape => {}
                other => visible.push(other),
            }
        }
        assert_eq!(visible, expected);
    }

    #[test]
    fn markup_becomes_style() {
        check("# Title\n", "<<Title<\n");
        check("use `RUN` and **not** `x\n", "use <RUN< and <not< `x\n");
        check("```text\nFROM a\n```\nend\n", "    <FROM a<\nend\n");
        check("```layerfile bad path=a/b\nFROM a\n```\n", "  <wrong<, a/b:\n    <FROM a<\n");
    }
}
