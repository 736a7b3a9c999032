//! Versions of a cache, through concurrent users, crashes and forgetting.

use super::CacheName;
use super::{CacheUse, Caches};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn caches(store: &Path) -> Caches {
    let discard = |directory| fs::remove_dir_all(directory).unwrap();
    Caches::new(store, Arc::new(discard)).unwrap()
}

fn name() -> CacheName {
    CacheName {
        repository: "/r".to_owned(),
        image: "i".to_owned(),
        path: "~/.npm".to_owned(),
        home_of: "root".to_owned(),
    }
}

/// Writes a directory of the stack with one file and publishes it.
fn write(used: &mut CacheUse, file: &str) {
    let layer = used.new_layer().unwrap();
    fs::create_dir(&layer).unwrap();
    fs::write(layer.join(file), "x").unwrap();
    used.add(&layer, 10);
    used.publication().publish().unwrap();
}

fn seen(used: &CacheUse) -> Vec<String> {
    let files = used.layers().into_iter().flat_map(|layer| fs::read_dir(layer).unwrap());
    files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn directories(store: &Path) -> usize {
    let layers = store.join("caches").join(name().id()).join("layers");
    fs::read_dir(layers).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

#[test]
fn the_last_one_wins_and_nobody_sees_another_s_work() {
    let store = tempfile::tempdir().unwrap();
    let caches = caches(store.path());
    write(&mut caches.open(&name()).unwrap(), "base");
    let (mut first, mut second) = (caches.open(&name()).unwrap(), caches.open(&name()).unwrap());
    write(&mut first, "first");
    write(&mut second, "second");
    assert_eq!(seen(&first), ["base", "first"]);
    write(&mut first, "more");
    assert_eq!(seen(&caches.open(&name()).unwrap()), ["base", "first", "more"]);
    assert_eq!(directories(store.path()), 4);
    drop((first, second));
    write(&mut caches.open(&name()).unwrap(), "last");
    assert_eq!(directories(store.path()), 4, "what only the second user had is gone");
    assert_eq!(seen(&caches.open(&name()).unwrap()), ["base", "first", "more", "last"]);
}

#[test]
fn a_version_is_there_for_this_process_before_it_is_written_and_safe_after_its_machine() {
    let store = tempfile::tempdir().unwrap();
    let caches = caches(store.path());
    let mut used = caches.open(&name()).unwrap();
    let layer = used.new_layer().unwrap();
    fs::create_dir(&layer).unwrap();
    fs::write(layer.join("early"), "x").unwrap();
    used.add(&layer, 10);
    let publication = used.publication();
    drop(used);
    assert_eq!(seen(&caches.open(&name()).unwrap()), ["early"]);
    publication.publish().unwrap();
    drop(publication);
    assert_eq!(seen(&caches.open(&name()).unwrap()), ["early"]);
}

#[test]
fn what_is_forgotten_is_empty_for_the_next_and_whole_for_who_has_it() {
    let store = tempfile::tempdir().unwrap();
    let caches = caches(store.path());
    let mut used = caches.open(&name()).unwrap();
    write(&mut used, "old");
    caches.remove(&name().id()).unwrap();
    assert_eq!(seen(&used), ["old"]);
    assert!(caches.open(&name()).unwrap().layers().is_empty());
    drop(used);
    caches.remove(&name().id()).unwrap();
    assert!(!store.path().join("caches").join(name().id()).exists());
    caches.remove(&name().id()).unwrap();
}

#[test]
fn a_damaged_version_is_an_empty_one() {
    let store = tempfile::tempdir().unwrap();
    let caches = caches(store.path());
    write(&mut caches.open(&name()).unwrap(), "x");
    let current = store.path().join("caches").join(name().id()).join("current");
    for text in [
        "",
        "layerc cache 2\n",
        "layerc cache 1\n../../../etc 5\n",
        "layerc cache 1\n0123456789abcdef 5\n",
    ] {
        fs::write(&current, text).unwrap();
        assert!(caches.open(&name()).unwrap().layers().is_empty(), "{text:?}");
    }
}

#[test]
fn the_limit_takes_the_longest_unused_and_none_in_use() {
    let store = tempfile::tempdir().unwrap();
    let caches = caches(store.path());
    let named = |path: &str| CacheName { path: path.to_owned(), ..name() };
    for path in ["/a", "/b", "/c"] {
        write(&mut caches.open(&named(path)).unwrap(), "x");
        // Times of files are as coarse as the kernel's clock.
        let file = fs::File::open(store.path().join("caches").join(named(path).id()).join("name"));
        let age = std::time::Duration::from_secs(u64::from(b'z' - path.as_bytes()[1]));
        file.unwrap().set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    let paths = |found: Vec<super::CacheInfo>| -> Vec<String> {
        found.into_iter().map(|info| info.name.path).collect()
    };
    assert_eq!(paths(caches.list().unwrap()), ["/c", "/b", "/a"]);
    assert_eq!(paths(caches.limit(20).unwrap()), ["/a"]);
    let _used = caches.open(&named("/b")).unwrap();
    assert_eq!(paths(caches.limit(0).unwrap()), ["/c"]);
    assert_eq!(paths(caches.list().unwrap()), ["/b"]);
}
