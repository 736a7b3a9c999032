//! `--mount` of RUN, as far as Layerfiles have something for it.

use super::writer::Writer;
use std::collections::BTreeMap;

/// Writes what stands for a mount before its RUN.
pub(super) fn write(writer: &mut Writer<'_>, options: &str) {
    let options: BTreeMap<&str, &str> =
        options.split(',').map(|option| option.split_once('=').unwrap_or((option, ""))).collect();
    let option = |names: &[&str]| names.iter().find_map(|name| options.get(name)).copied();
    let target = option(&["target", "dst", "destination"]).unwrap_or_default();
    match options.get("type").copied().unwrap_or("bind") {
        "cache" => cache(writer, target),
        "secret" => secret(writer, option(&["id"]).unwrap_or_default(), option(&["env"]), target),
        "tmpfs" => {}
        "bind" if options.contains_key("from") => {
            let text = "the stage's files are in this machine already, at their own paths: no mount is needed";
            writer.note(text);
        }
        "bind" => bind(writer, option(&["source", "src"]), target),
        other => {
            let text = format!("a mount of type `{other}` has no equivalent and is left out");
            writer.note(text);
        }
    }
}

fn cache(writer: &mut Writer<'_>, target: &str) {
    let Ok(path) = writer.state.variables.expand(target) else {
        let text = "the directory of a cache mount is in a variable, and CACHE expands none: it is left out";
        return writer.note(text);
    };
    writer.write_once(&format!("CACHE {path}"));
}

fn secret(writer: &mut Writer<'_>, id: &str, variable: Option<&str>, target: &str) {
    let name = variable.map_or_else(|| variable_name(id), str::to_owned);
    writer.write_once(&format!("SECRET ENV {name}"));
    if variable.is_none() {
        let file = if target.is_empty() { format!("/run/secrets/{id}") } else { target.to_owned() };
        let text = format!(
            "the command expects the secret in the file `{file}`, and here it is in `${name}`: let it read the variable"
        );
        writer.note(text);
    }
}

fn bind(writer: &mut Writer<'_>, source: Option<&str>, target: &str) {
    let source = source.filter(|source| !source.is_empty()).unwrap_or(".");
    let source = source.trim_start_matches('/');
    let source = if source.is_empty() { "." } else { source };
    writer.settle_directory();
    let target = if target.is_empty() { writer.state.directory.clone() } else { target.to_owned() };
    writer.write_once(&format!("COPY {source} {target}"));
    let text = "files of a bind mount are copied, so they stay after this step";
    writer.note(text);
}

/// A variable called like a secret's id.
fn variable_name(id: &str) -> String {
    let letters = id.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
    });
    let name: String = letters.collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        format!("SECRET_{name}")
    } else {
        name
    }
}
