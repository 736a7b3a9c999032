//! Markdown for a terminal: headings, code and lists get a style, nothing is re-wrapped.
//!
//! Only what the pages of this project use is known; everything else passes as it is.

use anstyle::{AnsiColor, Effects, Style};

const HEADING: Style = AnsiColor::BrightWhite.on_default().effects(Effects::BOLD);
const CODE: Style = AnsiColor::Cyan.on_default();
const STRONG: Style = Style::new().bold();

/// The page with styles instead of markup.
pub(crate) fn styled(page: &str) -> String {
    let mut text = String::new();
    let mut block = Block::Prose;
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        match block {
            Block::Prose if fence => block = Block::Code,
            Block::Code if fence => block = Block::Prose,
            Block::Prose => text += &(prose(line) + "\n"),
            Block::Code => text += &format!("    {CODE}{line}{CODE:#}\n"),
        }
    }
    text
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
    }
}
