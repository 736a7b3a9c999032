//! Rust source as text: enough of a lexer to tell code from comments and literals. Knows no syntax beyond that.

/// The text with every comment and every string or character literal blanked, line for line as long as before.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut blanked = bytes.to_vec();
    let mut position = 0;
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        let follows_word =
            position > 0 && bytes.get(position - 1).is_some_and(|&byte| is_word(byte));
        let length = match rest {
            [b'/', b'/', ..] => line_comment(rest),
            [b'/', b'*', ..] => block_comment(rest),
            [b'"', ..] => string(rest),
            [b'\'', ..] => character(rest),
            [b'r', b'"' | b'#', ..] if !follows_word => raw_string(rest, 1),
            [b'b' | b'c', b'r', b'"' | b'#', ..] if !follows_word => raw_string(rest, 2),
            _ => 0,
        };
        blank(&mut blanked, position, length);
        position += length.max(1);
    }
    String::from_utf8_lossy(&blanked).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn blank(bytes: &mut [u8], start: usize, length: usize) {
    for byte in bytes.iter_mut().skip(start).take(length).filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn line_comment(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

/// Block comments nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(pair) = rest.get(position..position + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            return position;
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut position = 1;
    while let Some(&byte) = rest.get(position) {
        match byte {
            b'\\' => position += 2,
            b'"' => return position + 1,
            _ => position += 1,
        }
    }
    rest.len()
}

/// A character literal, or 0 for the quote of a lifetime.
fn character(rest: &[u8]) -> usize {
    let longest = rest.len().min(12);
    let close = |from: usize| {
        rest.get(from..longest)
            .and_then(|tail| tail.iter().position(|&byte| byte == b'\''))
            .map_or(0, |offset| from + offset + 1)
    };
    match rest.get(1) {
        Some(b'\\') => close(3),
        Some(first) if !first.is_ascii() => close(2),
        Some(_) if rest.get(2) == Some(&b'\'') => 3,
        _ => 0,
    }
}

fn raw_string(rest: &[u8], prefix: usize) -> usize {
    let after = rest.get(prefix..).unwrap_or_default();
    let hashes = after.iter().take_while(|&&byte| byte == b'#').count();
    if after.get(hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.resize(hashes + 1, b'#');
    let body = prefix + hashes + 1;
    let found =
        rest.get(body..).and_then(|tail| tail.windows(end.len()).position(|part| part == end));
    found.map_or(rest.len(), |offset| body + offset + end.len())
}

#[cfg(test)]
mod tests {
    use super::code_only;

    fn check(text: &str, expected: &str) {
        let blanked = code_only(text);
        assert_eq!(blanked.len(), text.len());
        assert_eq!(blanked.split_whitespace().collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check(r#"f("x \" // y"); g"#, "f( ); g");
        check(r###"f(r#"x " y"#); g"###, "f( ); g");
        check("f(b\"x\", br\"y\")", "f(b , )");
        check(
            "match c { '\"' => 1, '\\'' => 2, '\\u{1F600}' => 3, 'é' => 4 }",
            "match c { => 1, => 2, => 3, => 4 }",
        );
    }

    #[test]
    fn lifetimes_are_code() {
        check("fn f<'a>(x: &'a str) -> &'a str { x }", "fn f<'a>(x: &'a str) -> &'a str { x }");
        check("r#type", "r#type");
    }
}
