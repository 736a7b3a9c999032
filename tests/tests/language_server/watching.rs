//! The server's own eyes on the disk: nothing is missed, however fast it happens and whatever the system can't watch.

use layerc_tests::language_server::{Client, uri};
use layerc_tests::layerc::program;
use layerc_tests::repository::Repository;
use serde_json::json;
use std::fs;
use std::process::{Command, Stdio};

const BASE: &str = "FROM vm/ubuntu:18.04\n";

/// Makes `made{index}/a/b/Layerfile` in one of the ways in which directories come to be.
fn make(repository: &Repository, outside: &Repository, index: usize) {
    let made = format!("made{index}");
    match index % 3 {
        0 => repository.write(&format!("{made}/a/b/Layerfile"), BASE),
        1 => {
            repository.write(&format!("early{index}/b/Layerfile"), BASE);
            fs::create_dir(repository.join(&made)).expect("a new name");
            repository.rename(&format!("early{index}"), &format!("{made}/a"));
        }
        _ => {
            outside.write(&format!("{made}/a/b/Layerfile"), BASE);
            fs::rename(outside.join(&made), repository.join(&made)).expect("the same disk");
        }
    }
}

/// A directory is watched a moment after it was made. What happens in that moment is seen all the same.
#[test]
fn directories_are_seen_however_fast_they_are_filled() {
    const COUNT: usize = 120;
    const HANDS: usize = 4;
    let (repository, outside) = (Repository::new(), Repository::new());
    for index in 0..COUNT {
        repository.write(&format!("web{index}/Layerfile"), &format!("FROM ../made{index}/a/b\n"));
    }
    let web = |index: usize| uri(&repository.join(&format!("web{index}/Layerfile")));
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.codes(&web(0), |codes| codes == ["LF0100"]);
    std::thread::scope(|scope| {
        for hand in 0..HANDS {
            let (repository, outside) = (&repository, &outside);
            scope.spawn(move || {
                for index in (hand..COUNT).step_by(HANDS) {
                    make(repository, outside, index);
                }
            });
        }
    });
    for index in 0..COUNT {
        client.codes(&web(index), <[String]>::is_empty);
    }
}

/// Watching a large repository takes a while. Diagnostics do not wait for it, and nothing that happens meanwhile is lost.
#[test]
fn what_changes_before_it_is_watched_is_seen() {
    const LEVELS: usize = 60;
    let repository = Repository::new();
    let mut deepest = String::new();
    for _ in 0..LEVELS {
        for side in 0..10 {
            fs::create_dir_all(repository.join(&format!("{deepest}side{side}"))).expect("a name");
        }
        deepest += "down/";
    }
    let layerfile = format!("{deepest}Layerfile");
    repository.write(&layerfile, "FROM vm/ubuntu:18.04\nCOPY notes.txt .\n");
    let document = uri(&repository.join(&layerfile));
    let mut client = Client::greeted(repository.path(), &json!({}));
    client.codes(&document, |codes| codes == ["LF0113"]);
    repository.write(&format!("{deepest}notes.txt"), "");
    client.codes(&document, <[String]>::is_empty);
}

/// The system gives each user only so many watches. Here it gives none.
#[test]
fn without_any_watch_the_disk_is_looked_at_from_time_to_time() {
    let unwatched = |argument: &str| {
        let none_left = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$0\" \"$1\"";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", none_left]);
        command.arg(program()).arg(argument);
        command
    };
    let tried = unwatched("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("SKIPPED: no user namespace here in which watches could be taken away");
        return;
    }
    let repository = Repository::with(&[("web/Layerfile", "FROM ../base\n")]);
    let (web, base) =
        (uri(&repository.join("web/Layerfile")), uri(&repository.join("base/Layerfile")));
    let mut client = Client::start_with(unwatched("lsp"));
    client.greet(repository.path(), &json!({}));
    client.codes(&web, |codes| codes == ["LF0100"]);
    repository.write("base/Layerfile", BASE);
    client.codes(&web, <[String]>::is_empty);
    repository.write("base/Layerfile", "FROM vm/ubuntu:18.04\nRUN\n");
    client.codes(&base, |codes| !codes.is_empty());
}
