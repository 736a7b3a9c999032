//! EXPOSE WEBSITE and EXPOSE TCP.

use super::paths::check_words;
use super::shape::{Misfit, expect_words, fit_word, misfit, to_word};
use super::{Argument, Reporter, Statement, WithFix};
use crate::directive::{ExposeTcp, ExposeWebsite, Instruction, Scheme};
use crate::nearest::nearest;
use crate::rules;
use crate::span::Spanned;
use chumsky::prelude::{Parser, any, just};

/// Some digits.
fn digits<'text>() -> impl Parser<'text, &'text str, &'text str, Misfit> + Clone {
    any().filter(char::is_ascii_digit).repeated().at_least(1).to_slice()
}

/// A website's target: scheme and digits of the port, as far as they are written.
fn target<'text>() -> impl Parser<'text, &'text str, (Option<Scheme>, Option<&'text str>), Misfit> {
    let http = just("http://").to(Scheme::Http);
    let https = just("https://").to(Scheme::Https);
    let host = just("localhost").ignore_then(just(':').ignore_then(digits()).or_not());
    http.or(https).or_not().then(host.or(digits().map(Some)))
}

/// A target, a path and a rewrite path.
pub(super) fn read_website(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 1..=3, reporter)?;
    let target_word = words.first()?;
    let Some((scheme, port)) = fit_word(target_word.text, target()) else {
        explain_target(target_word, reporter);
        return None;
    };
    let scheme = scheme.unwrap_or(Scheme::Http);
    let default_port = if scheme == Scheme::Https { 443 } else { 80 };
    let port = match port {
        Some(digits) => port_number(digits, target_word, reporter)?,
        None => default_port,
    };
    let path = words.get(1).map_or_else(
        || Spanned::new("/".to_owned(), reporter.span(statement.end())),
        |word| {
            Spanned::new(format!("/{}", word.text.trim_matches('/')), reporter.span(word.range()))
        },
    );
    let rewrite = words.get(2).map(|word| to_word(word, reporter));
    let target = to_word(target_word, reporter);
    Some(Instruction::ExposeWebsite(ExposeWebsite { scheme, port, target, path, rewrite }))
}

/// The number of written digits, or a report; `place` is the word that holds them.
fn port_number(digits: &str, place: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<u16> {
    let number = digits.parse::<u16>().ok().filter(|number| *number > 0);
    if number.is_none() {
        let message = format!("`{digits}` is not a port");
        let help = "a port is a number from 1 to 65535";
        reporter.say(reporter.at(&rules::PORT_NUMBER, place.range(), message).with_help(help));
    }
    number
}

/// Names that mean this machine, and only `localhost` may be written.
const LOCAL_NAMES: &[&str] = &["127.0.0.1", "0.0.0.0", "[::1]", "[::]", "::1", "127.0.1.1"];

/// What is wrong with a target: message, help, and what to write instead where that is plain.
struct Explanation {
    message: String,
    help: String,
    instead: Option<String>,
}

fn explain_target(word: &Argument<'_>, reporter: &mut Reporter<'_>) {
    let explanation = explanation(word.text);
    let span = reporter.span(word.range());
    let diagnostic = reporter.at(&rules::WEBSITE_TARGET, word.range(), explanation.message);
    let diagnostic = diagnostic.with_help(explanation.help);
    reporter.say(match explanation.instead {
        Some(instead) => diagnostic.safely(&format!("write `{instead}`"), span, instead),
        None => diagnostic,
    });
}

fn explanation(text: &str) -> Explanation {
    let (scheme, rest) =
        text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    if let Some(scheme) = scheme.filter(|scheme| !matches!(*scheme, "http" | "https")) {
        let instead =
            nearest(scheme, ["http", "https"]).first().map(|known| format!("{known}://{rest}"));
        let instead = instead.filter(|instead| fit_word(instead, target()).is_some());
        let message = format!("`{scheme}` is not a scheme of a website");
        return Explanation {
            message,
            help: "use `http` or `https`, in small letters".to_owned(),
            instead,
        };
    }
    let prefix = scheme.map_or(String::new(), |scheme| format!("{scheme}://"));
    if let Some((authority, path)) = rest.split_once('/') {
        return path_in_target(&prefix, authority, path);
    }
    wrong_host(&prefix, rest)
}

/// `localhost:3000/api`: the path is an argument of its own.
fn path_in_target(prefix: &str, authority: &str, path: &str) -> Explanation {
    let target_text = format!("{prefix}{authority}");
    let path = path.trim_matches('/');
    if fit_word(&target_text, target()).is_none() {
        let explanation = wrong_host(prefix, authority);
        let with_path =
            |instead: String| if path.is_empty() { instead } else { format!("{instead} /{path}") };
        return Explanation { instead: explanation.instead.map(with_path), ..explanation };
    }
    let (instead, help) = if path.is_empty() {
        (target_text.clone(), "delete the `/`".to_owned())
    } else {
        let instead = format!("{target_text} /{path}");
        let help = format!("write the path as the second argument: `EXPOSE WEBSITE {instead}`");
        (instead, help)
    };
    Explanation {
        message: format!("no path may follow `{target_text}` in the same word"),
        help,
        instead: Some(instead),
    }
}

fn wrong_host(prefix: &str, authority: &str) -> Explanation {
    if authority.contains('$') {
        let message = format!("variables are not expanded here: `{authority}`");
        return Explanation {
            message,
            help: "write `localhost` and the port itself".to_owned(),
            instead: None,
        };
    }
    let known = LOCAL_NAMES
        .iter()
        .copied()
        .filter(|name| authority.starts_with(name))
        .max_by_key(|name| name.len());
    let (host, port) = match known {
        Some(name) => (name, authority.get(name.len()..).unwrap_or_default()),
        None => authority
            .split_at_checked(authority.find(':').unwrap_or(authority.len()))
            .unwrap_or((authority, "")),
    };
    let instead = format!("{prefix}localhost{port}");
    let is_local = known.is_some() || host.eq_ignore_ascii_case("localhost");
    let fits = fit_word(&instead, target()).is_some();
    if is_local && !fits {
        let message = format!("`{}` is not a port", port.trim_start_matches(':'));
        return Explanation {
            message,
            help: "write `localhost:3000` or only `3000`".to_owned(),
            instead: None,
        };
    }
    Explanation {
        message: format!("only `localhost` can be exposed, not `{host}`"),
        help: "the server must listen in this machine; name it `localhost:3000` or only `3000`"
            .to_owned(),
        instead: (is_local && fits).then_some(instead),
    }
}

/// One port, or one outside and one inside.
pub(super) fn read_tcp(
    statement: &Statement<'_>,
    reporter: &mut Reporter<'_>,
) -> Option<Instruction> {
    check_words(statement, reporter)?;
    let words = expect_words(statement, 1..=2, reporter)?;
    let ports: Vec<_> = words.iter().map(|word| tcp_port(word, reporter)).collect();
    let ports = ports.into_iter().collect::<Option<Vec<_>>>()?;
    let Some((source, destination)) = ports.first().zip(ports.last()) else {
        misfit(statement, 0, reporter);
        return None;
    };
    Some(Instruction::ExposeTcp(ExposeTcp { source: *source, destination: *destination }))
}

fn tcp_port(word: &Argument<'_>, reporter: &mut Reporter<'_>) -> Option<Spanned<u16>> {
    let Some(digits) = fit_word(word.text, just(':').or_not().ignore_then(digits())) else {
        let message = format!("`{}` is not a port", word.text);
        let help = "write one port, or two with a blank between them: `EXPOSE TCP 8080 80`";
        let diagnostic = reporter.at(&rules::PORT_NUMBER, word.range(), message).with_help(help);
        let pair = word.text.split_once(':').filter(|(left, right)| {
            [left, right]
                .iter()
                .all(|side| !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit()))
        });
        let span = reporter.span(word.range());
        reporter.say(match pair {
            Some((left, right)) => diagnostic.safely(
                "separate the ports with a blank",
                span,
                format!("{left} {right}"),
            ),
            None => diagnostic,
        });
        return None;
    };
    port_number(digits, word, reporter).map(|port| Spanned::new(port, reporter.span(word.range())))
}
