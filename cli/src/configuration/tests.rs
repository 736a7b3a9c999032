//! Configurations that are read, and the words for those that are not.

use super::{Configuration, located};
use layerc_executor::backend::ImageSource;
use std::num::NonZeroU32;
use std::path::Path;

fn parse(text: &str) -> Result<Configuration, String> {
    Configuration::parse(text, Path::new("/repository"))
        .map_err(|refusal| located(Path::new("layerc.toml"), text, &refusal))
}

fn check_refused(text: &str, expected: &str) {
    assert_eq!(parse(text).expect_err("a refusal"), expected);
}

#[test]
fn images_have_texts_or_tables_and_a_wildcard() {
    let text = r#"
        [images]
        "vm/ubuntu:18.04" = "host"
        small = "rootfs:images/small.tar"
        debian = "debootstrap:bookworm@http://localhost/debian"
        "*" = { source = "debootstrap", suite = "trixie" }
        [run]
        jobs = 3
        store = "cache"
    "#;
    let configuration = parse(text).expect("a configuration");
    let source = |name: &str| format!("{:?}", configuration.images.source(name));
    assert_eq!(source("vm/ubuntu:18.04"), "Some(Host)");
    assert_eq!(source("small"), r#"Some(RootFileSystem("/repository/images/small.tar"))"#);
    assert_eq!(
        source("debian"),
        r#"Some(Debootstrap { suite: "bookworm", mirror: Some("http://localhost/debian") })"#
    );
    assert_eq!(source("other"), r#"Some(Debootstrap { suite: "trixie", mirror: None })"#);
    assert_eq!(configuration.run.jobs.map(NonZeroU32::get), Some(3));
    assert_eq!(configuration.run.store.as_deref(), Some(Path::new("/repository/cache")));
    let unmapped = parse("").expect("a configuration").images;
    assert!(matches!(unmapped.source("x"), Some(ImageSource::Registry(_))), "a library's name");
    assert_eq!(unmapped.source("vm/unknown:1"), None);
}

#[test]
fn what_is_not_known_is_refused_at_its_place() {
    check_refused("[image]\n", "layerc.toml:1:2: unknown section `image`; did you mean `images`?");
    check_refused(
        "\n[run]\n jbos = 1",
        "layerc.toml:3:2: unknown key `jbos`; did you mean `jobs`?",
    );
    check_refused("[run]\njobs = 0", "layerc.toml:2:8: `jobs` must be a whole number from 1 up");
    check_refused(
        "[run]\njobs = \"all\"",
        "layerc.toml:2:8: `jobs` must be a whole number, but this is a value of type string",
    );
    check_refused(
        "images = 1",
        "layerc.toml:1:10: `images` must be a table, but this is a value of type integer",
    );
    check_refused(
        "[images]\na = \"hots\"",
        "layerc.toml:2:5: unknown image source `hots`; did you mean `host`?",
    );
    check_refused(
        "[images]\na = \"rootfs\"",
        "layerc.toml:2:5: `rootfs` needs a folder or a tar file: `rootfs:PATH`",
    );
    check_refused(
        "[images]\na = { source = \"rootfs\", pth = \"x\" }",
        "layerc.toml:2:5: `path` is missing in the source of `a`",
    );
    check_refused(
        "[images]\na = { source = \"host\", path = \"x\" }",
        "layerc.toml:2:24: unknown key `path`; known: `source`",
    );
    check_refused(
        "[lints]\nno-such = \"off\"",
        "layerc.toml:2:11: there is no rule `no-such`: write its code, like `LF0200`, or its name, like `memory-late`",
    );
}

#[test]
fn broken_toml_is_refused_at_its_place() {
    let error = parse("[images]\n\na = = 1\n").expect_err("a refusal");
    assert!(error.starts_with("layerc.toml:3:5: "), "{error}");
}

#[test]
fn the_limit_of_caches_is_a_size() {
    let size = |text| parse(text).map(|configuration| configuration.cache.size_bytes);
    assert_eq!(size("[cache]\nsize = \"5G\"\n"), Ok(5 << 30));
    assert_eq!(size(""), Ok(10 << 30));
    check_refused(
        "[cache]\nsize = \"big\"\n",
        "layerc.toml:2:8: `big` is not a size: a whole number with K, M, G or T is expected, like `10G`",
    );
}
