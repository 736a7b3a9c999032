//! How programs write a secret down: as it is, line by line, as JSON, in a URL, for a shell, as base64. What is masked in
//! outputs and taken out of what is stored.
//!
//! Base64 inside of a longer text (`user:TOKEN`) depends on where the secret begins; the characters that only the secret
//! decides are a form for each of the three beginnings. Up to four bits at each end are in characters shared with the
//! neighbours; those stay. Compression, encryption and digests are no forms: whoever makes one of a secret means it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// Lines of a secret with several lines are forms by themselves when they are at least this long, because a terminal
/// may change the line ends between them; shorter ones (`}`) would mask everything.
const SHORTEST_LINE_BYTES: usize = 8;

/// An encoded form is at least this long, for the same reason.
const SHORTEST_ENCODED_BYTES: usize = 6;

/// The same for base64 inside of something longer.
const SHORTEST_INNER_BYTES: usize = 8;

/// Characters of a line of base64, if nobody says otherwise (RFC 2045, section 6.8).
const LINE_BYTES: usize = 76;

/// One way to write one part of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Form {
    part: Part,
    writing: Writing,
}

/// What of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Part {
    Whole,
    /// Without white space at its end: shells cut line ends off.
    Trimmed,
    /// That, and a line end: what `echo` makes of it.
    Echoed,
    /// One of several lines, counted from 0.
    Line(u32),
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Writing {
    Plain,
    Json,
    /// With everything but ASCII as `\uXXXX`, as Python has it.
    JsonAscii,
    /// With `<`, `>` and `&` as `\u003c`, …, as Go has it.
    JsonForHtml,
    /// `%XX` for all but letters, digits and `-._~`.
    Url,
    UrlLowerCase,
    /// As `encodeURIComponent` has it.
    UrlComponent,
    /// With `/` as it is.
    UrlPath,
    /// With `+` for a space.
    UrlForm,
    /// Between double quotes, as `declare -p` has it.
    ShellDouble,
    /// Between single quotes, as `set -x` has it.
    ShellSingle,
    Base64,
    Base64Unpadded,
    Base64Url,
    Base64UrlUnpadded,
    /// What only the secret decides, when so many bytes (0 to 2) stand before it in a group of three.
    Base64Inner(u8),
    Base64UrlInner(u8),
    /// In lines of 76 characters, as the program `base64` has it.
    Base64InLines,
}

/// Whether line ends may stand inside, which mean nothing there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LineEnds {
    Mean,
    MeanNothing,
}

const WRITINGS: &[Writing] = &[
    Writing::Plain,
    Writing::Json,
    Writing::JsonAscii,
    Writing::JsonForHtml,
    Writing::Url,
    Writing::UrlLowerCase,
    Writing::UrlComponent,
    Writing::UrlPath,
    Writing::UrlForm,
    Writing::ShellDouble,
    Writing::ShellSingle,
    Writing::Base64,
    Writing::Base64Unpadded,
    Writing::Base64Url,
    Writing::Base64UrlUnpadded,
    Writing::Base64Inner(0),
    Writing::Base64Inner(1),
    Writing::Base64Inner(2),
    Writing::Base64UrlInner(0),
    Writing::Base64UrlInner(1),
    Writing::Base64UrlInner(2),
    Writing::Base64InLines,
];

/// Every form of a secret, each text once.
pub(super) fn all(secret: &str) -> Vec<(Form, String)> {
    let mut found: Vec<(Form, String)> = Vec::new();
    let lines = (0..).zip(secret.lines()).filter(|(_, line)| line.len() >= SHORTEST_LINE_BYTES);
    let lines = lines.map(|(number, _)| Part::Line(number));
    for part in [Part::Whole, Part::Trimmed, Part::Echoed].into_iter().chain(lines) {
        for &writing in WRITINGS {
            let form = Form { part, writing };
            let Some(text) = form.text_of(secret) else { continue };
            if form.is_telling(&text) && !found.iter().any(|(_, known)| *known == text) {
                found.push((form, text));
            }
        }
    }
    found
}

impl Form {
    /// The secret in this form.
    pub(super) fn text_of(self, secret: &str) -> Option<String> {
        let part = match self.part {
            Part::Whole => secret.to_owned(),
            Part::Trimmed => secret.trim_end().to_owned(),
            Part::Echoed => format!("{}\n", secret.trim_end()),
            Part::Line(number) => secret.lines().nth(number as usize)?.to_owned(),
        };
        Some(self.writing.of(&part))
    }

    pub(super) const fn line_ends(self) -> LineEnds {
        match self.writing.is_base64() {
            true => LineEnds::MeanNothing,
            false => LineEnds::Mean,
        }
    }

    /// Whether whoever sees this text has seen (part of) the secret, and it isn't seen everywhere.
    fn is_telling(self, text: &str) -> bool {
        match (self.part, self.writing) {
            (Part::Echoed, writing) if !writing.is_base64() => false,
            (Part::Whole | Part::Trimmed, Writing::Plain) => !text.is_empty(),
            (Part::Line(_), Writing::Plain) => true,
            (Part::Line(_), writing) if writing.is_base64() => false,
            (_, Writing::Base64Inner(_) | Writing::Base64UrlInner(_)) => {
                text.len() >= SHORTEST_INNER_BYTES
            }
            _ => text.len() >= SHORTEST_ENCODED_BYTES,
        }
    }
}

impl Writing {
    const fn is_base64(self) -> bool {
        matches!(
            self,
            Self::Base64
                | Self::Base64Unpadded
                | Self::Base64Url
                | Self::Base64UrlUnpadded
                | Self::Base64Inner(_)
                | Self::Base64UrlInner(_)
                | Self::Base64InLines
        )
    }

    fn of(self, text: &str) -> String {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match self {
            Self::Plain => text.to_owned(),
            Self::Json => json(text, |_| false),
            Self::JsonAscii => json(text, |character| !character.is_ascii()),
            Self::JsonForHtml => json(text, |character| "<>&\u{2028}\u{2029}".contains(character)),
            Self::Url => url(text, is_unreserved),
            Self::UrlLowerCase => lower_case_escapes(&url(text, is_unreserved)),
            Self::UrlComponent => url(text, |byte| is_unreserved(byte) || b"!'()*".contains(&byte)),
            Self::UrlPath => url(text, |byte| is_unreserved(byte) || byte == b'/'),
            Self::UrlForm => url(text, is_unreserved).replace("%20", "+"),
            Self::ShellDouble => escaped(text, "\"$`\\"),
            Self::ShellSingle => text.replace('\'', "'\\''"),
            Self::Base64 => STANDARD.encode(text),
            Self::Base64Unpadded => STANDARD_NO_PAD.encode(text),
            Self::Base64Url => URL_SAFE.encode(text),
            Self::Base64UrlUnpadded => URL_SAFE_NO_PAD.encode(text),
            Self::Base64Inner(before) => inner(&STANDARD_NO_PAD, text, before),
            Self::Base64UrlInner(before) => inner(&URL_SAFE_NO_PAD, text, before),
            Self::Base64InLines => in_lines(&STANDARD.encode(text)),
        }
    }
}

fn in_lines(base64: &str) -> String {
    let mut lines = String::new();
    let mut rest = base64;
    while let Some((line, behind)) =
        rest.split_at_checked(LINE_BYTES).filter(|(_, behind)| !behind.is_empty())
    {
        lines.push_str(line);
        lines.push('\n');
        rest = behind;
    }
    lines + rest
}

/// As in a JSON string, with these characters as numbers besides those that must be.
fn json(text: &str, is_numbered: impl Fn(char) -> bool) -> String {
    let mut json = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            other if other < ' ' || is_numbered(other) => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    json.push_str(&format!("\\u{unit:04x}"));
                }
            }
            other => json.push(other),
        }
    }
    json
}

fn url(text: &str, is_kept: impl Fn(u8) -> bool) -> String {
    let mut url = String::with_capacity(text.len());
    for byte in text.bytes() {
        match is_kept(byte) {
            true => url.push(char::from(byte)),
            false => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

fn lower_case_escapes(url: &str) -> String {
    let mut pieces = url.split('%');
    let mut lower = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        lower.push_str(&format!("%{}{rest}", digits.to_ascii_lowercase()));
    }
    lower
}

fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The characters of base64 whose six bits are all from `text`, which so many bytes stand before.
fn inner(engine: &impl Engine, text: &str, before: u8) -> String {
    let before = usize::from(before);
    let bytes = [vec![0; before], text.as_bytes().to_vec()].concat();
    let first = (before * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    engine.encode(&bytes).get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(secret: &str) -> Vec<String> {
        all(secret).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn forms_are_what_programs_write() {
        // Made with: python3 json.dumps, urllib.parse.quote(safe=''), base64, jq -R, node encodeURIComponent, bash.
        let secret = "pä\"s/w o'rd$&";
        let expected = [
            "pä\\\"s/w o'rd$&",
            "p\\u00e4\\\"s/w o'rd$&",
            "pä\\\"s/w o'rd$\\u0026",
            "p%C3%A4%22s%2Fw%20o%27rd%24%26",
            "p%c3%a4%22s%2fw%20o%27rd%24%26",
            "p%C3%A4%22s%2Fw%20o'rd%24%26",
            "p%C3%A4%22s/w%20o%27rd%24%26",
            "p%C3%A4%22s%2Fw+o%27rd%24%26",
            "pä\\\"s/w o'rd\\$&",
            "pä\"s/w o'\\''rd$&",
            "cMOkInMvdyBvJ3JkJCY=",
            "cMOkInMvdyBvJ3JkJCYK",
        ];
        let forms = texts(secret);
        for text in expected {
            assert!(forms.iter().any(|form| form == text), "{text} is not among {forms:#?}");
        }
    }

    #[test]
    fn what_is_seen_everywhere_is_no_form() {
        assert_eq!(texts("a"), ["a"]);
        assert_eq!(texts("\""), ["\""]);
        assert_eq!(texts("{\nlong-enough\n}").iter().filter(|form| form.len() < 3).count(), 0);
        assert!(texts("{\nlong-enough\n}").contains(&"long-enough".to_owned()));
        assert_eq!(texts(""), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn base64_of_anything_around_a_secret_has_one_of_its_forms(
            before in "[ -~]{0,5}", secret in "[!-~]{9,20}", after in "[ -~]{0,5}"
        ) {
            let around = format!("{before}{secret}{after}");
            let forms = texts(&secret);
            for text in [STANDARD.encode(&around), URL_SAFE.encode(&around)] {
                prop_assert!(forms.iter().any(|form| text.contains(form.as_str())), "{} {:?}", text, forms);
            }
        }
    }
}
