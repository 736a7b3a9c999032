//! What the lab runs, besides the shipped example: an image of two layers, a family with a database, and one with the
//! directives that need more of a machine than commands.

use layerc_tests::images::layout::{Compression, Layer, Layout};
use layerc_tests::images::root::Tree;
use layerc_tests::repository::Repository;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Rows of the database's table.
pub(crate) const ROWS: u32 = 20_000;

/// Asks since when the server runs, which is a part of the answer to nothing else.
const BORN: &str = "\"select 'born ' || pg_postmaster_start_time()\"";

/// Asks for the row that was loaded last, by its index.
const LAST_ROW: &str =
    "\"select 'row ' || n || ' is ' || digest from numbers order by n desc limit 1\"";

/// Names a number of copies of the machine with the database.
pub(crate) const COPIES: &str = "LAYERC_KVM_COPIES";

/// How many there are if nobody names a number: each takes an emulated processor seconds.
const USUAL_COPIES: u32 = 2;

/// How many there are.
pub(crate) fn copies() -> u32 {
    let named = std::env::var(COPIES).ok();
    named.map_or(USUAL_COPIES, |number| number.parse().expect("a number of copies"))
}

/// The root file system of the lab's guests, and a layer over it that adds a file and takes one away.
pub(crate) fn image(root: &Path) -> Layout {
    let upper = Tree::new();
    fs::create_dir_all(upper.path("etc")).unwrap();
    fs::create_dir_all(upper.path("bin")).unwrap();
    fs::write(upper.path("etc/of-the-upper-layer"), "of the upper layer\n").unwrap();
    fs::write(upper.path("bin/.wh.cal"), "").unwrap();
    let layers = [
        Layer::of_archive(fs::read(root).unwrap(), Compression::None),
        Layer::of(&upper, Compression::None),
    ];
    Layout::of(&layers, &json!({}))
}

/// Writes all of them, each in a directory of its name.
pub(crate) fn write_all(place: &Path) {
    write(&place.join("database"), &database());
    write(&place.join("directives"), &directives());
    write(&place.join("terminal"), &terminal());
    write(&place.join("waking"), &waking());
    write(&place.join("memory"), &memory());
    write(&place.join("secrets"), &secrets());
    write(&place.join("killed"), &killed());
    write(&place.join("repeatable"), &repeatable());
    let other = Repository::with(&[("read.txt", "a line of the other repository\n")]);
    other.commit("the only one");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(other.path())
        .arg(place.join("other"))
        .status();
    assert!(copied.unwrap().success(), "the other repository is copied");
}

fn write(repository: &Path, files: &[(&str, String)]) {
    for (path, text) in files {
        let path = repository.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A base with a database that runs and holds data, a child of it, and copies.
fn database() -> Vec<(&'static str, String)> {
    let copies = copies();
    vec![
        ("layerc.toml", String::new()),
        (
            "base/Layerfile",
            format!(
                "FROM vm/debian\nMEMORY 512M\nUSER postgres\nWORKDIR /tmp\nENV PGHOST=/tmp\nCOPY numbers.sql ./\n\
                 RUN pg_ctl --pgdata=/var/lib/postgresql/data --log=/tmp/server.log --wait --timeout=600 start\n\
                 RUN psql --quiet --file=numbers.sql && psql --command={BORN}\n"
            ),
        ),
        (
            "base/numbers.sql",
            format!(
                "create table numbers as select n, md5(n::text) as digest from generate_series(1, {ROWS}) n;\n\
                 create unique index on numbers (n);\n\
                 create table answers (copy int);\n"
            ),
        ),
        (
            "child/Layerfile",
            format!("FROM ../base\nRUN psql --command={BORN} --command={LAST_ROW}\n"),
        ),
        (
            "copies/Layerfile",
            format!(
                "FROM ../base\nSPLIT {copies}\n\
                 RUN psql --command=\"insert into answers values ($SPLIT)\" --command={BORN} --command={LAST_ROW} \
                 --command=\"select 'copy ' || copy || ' of $SPLIT_NUM, ' || count(*) over () || ' answer' from answers\"\n"
            ),
        ),
    ]
}

/// Steps that go on from their own last state: one that writes over what is copied, and one that leaves a process there.
fn repeatable() -> Vec<(&'static str, String)> {
    let step = "cat d/gone >>seen; sed -i s/lock/LOCK/ lock kept; rm -f d/removed; echo times $(wc -l <seen); \
        echo files $(ls d); echo lock $(cat lock); echo kept $(cat kept) $(cat one); echo late $(cat late/*)";
    vec![
        ("layerc.toml", String::new()),
        (
            "all/Layerfile",
            format!(
                "FROM vm/debian\nMEMORY 512M\nCOPY /d /app/d\nCOPY /files /app\nCOPY /one /app/\nCOPY /late*.txt /app/late/\nWORKDIR /app\n\
                 RUN REPEATABLE {step}\n"
            ),
        ),
        (
            "held/Layerfile",
            "FROM vm/debian\nMEMORY 512M\nCOPY . /srv/held\nWORKDIR /srv/held\n\
             RUN REPEATABLE cat gone; date +%s%N >>/root/times; echo times $(wc -l </root/times); sleep 100000 &\n"
                .to_owned(),
        ),
        ("held/gone", "x\n".to_owned()),
        ("files/lock", "lock 1\n".to_owned()),
        ("files/kept", "lock\n".to_owned()),
        ("one", "1\n".to_owned()),
        ("d/removed", String::new()),
        ("d/gone", "x\n".to_owned()),
        ("late1.txt", "late 1\n".to_owned()),
    ]
}

/// Two states to look into.
fn terminal() -> Vec<(&'static str, String)> {
    let text = "FROM vm/debian\nMEMORY 512M\nRUN echo of-step-2 >/state\nCHECKPOINT\nRUN echo of-step-3 >/state\nCHECKPOINT\n";
    vec![("layerc.toml", String::new()), ("base/Layerfile", text.to_owned())]
}

/// A guest with much memory that uses little of it, then some, then little again.
fn memory() -> Vec<(&'static str, String)> {
    let text = "FROM vm/debian\nMEMORY 4G\nRUN sleep 5\n\
        RUN head -c 419430400 /dev/zero >/dev/shm/big && sleep 5 && rm /dev/shm/big && sleep 60\n";
    vec![("layerc.toml", String::new()), ("base/Layerfile", text.to_owned())]
}

/// A website that counts its requests, in memory, where it has a secret too.
fn waking() -> Vec<(&'static str, String)> {
    let server = "use strict;\nuse IO::Socket::INET;\n\
        my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8000, Listen => 9, ReuseAddr => 1) or die;\n\
        my $count = 0;\n\
        while (my $client = $door->accept) {\n\
        my $asked;\n\
        while (my $line = <$client>) { $asked = 1; last if $line =~ /^\\r?$/ }\n\
        if ($asked) { $count++; print $client \"HTTP/1.0 200 OK\\r\\n\\r\\nrequest $count\\n\" }\n\
        close $client;\n}\n";
    let text = "FROM vm/debian\nMEMORY 512M\nCHECKPOINT disabled\nSECRET ENV TOKEN\nCOPY count.pl /srv/\nRUN BACKGROUND perl /srv/count.pl\n\
        EXPOSE WEBSITE localhost:8000\nEXPOSE TCP 7000 8000\n";
    vec![
        ("layerc.toml", String::new()),
        ("web/count.pl", server.to_owned()),
        ("web/Layerfile", text.to_owned()),
    ]
}

/// A secret that is in a process, on the disk and in a cache when the machine is kept.
fn secrets() -> Vec<(&'static str, String)> {
    let layerfile = "FROM vm/debian\nMEMORY 512M\nRUN echo written-before-the-secret >/root/open\nCHECKPOINT\n\
                     SECRET ENV TOKEN\nCACHE /var/cache/told\n\
                     RUN echo \"$TOKEN\" | tee /root/token >/var/cache/told/token; sync\n\
                     RUN (held=\"$TOKEN\"; while sleep 1; do : \"$held\"; done) </dev/null >/dev/null 2>&1 & echo $! >/run/holder\n\
                     CHECKPOINT\n";
    vec![("layerc.toml", String::new()), ("Layerfile", layerfile.to_owned())]
}

/// Two steps that are kept, of which the second says when it has begun, and one that tells what they left.
fn killed() -> Vec<(&'static str, String)> {
    let layerfile = "FROM vm/debian\nMEMORY 512M\nRUN echo one of the first run >/root/one\nCHECKPOINT\n\
                     RUN echo works long; sleep 5; echo two of the first run | tee /root/two; \
                     head -c 60000000 /dev/urandom >/dev/shm/much\nCHECKPOINT\n\
                     RUN sed 's/^/found /' /root/one /root/two\n";
    vec![("layerc.toml", String::new()), ("Layerfile", layerfile.to_owned())]
}

/// CACHE, CLONE, SECRET ENV, EXPOSE, BUTTON.
fn directives() -> Vec<(&'static str, String)> {
    let files = [
        ("layerc.toml", ""),
        (
            "base/Layerfile",
            "FROM vm/debian\nMEMORY 512M\nCACHE /var/cache/things\nCLONE /repositories/other /read.txt /srv/\n\
             RUN cat /srv/read.txt /etc/of-the-upper-layer; test ! -e /bin/cal && echo 'cal was taken away'\n\
             RUN n=$(cat /var/cache/things/n 2>/dev/null || echo 0); echo $((n + 1)) >/var/cache/things/n; \
             echo \"run $((n + 1)) with this cache\"\n",
        ),
        (
            "secret/Layerfile",
            "FROM ../base\nSECRET ENV TOKEN\nRUN echo \"$TOKEN\" >/root/token; echo \"the token has ${#TOKEN} bytes\"\n\
             RUN test \"$(cat /root/token)\" = \"$TOKEN\" && echo 'it is still known'\n",
        ),
        (
            "web/Layerfile",
            "FROM ../base\nRUN mkdir -p /srv/site && echo 'a page of the machine' >/srv/site/index.html\n\
             RUN BACKGROUND httpd -f -p 127.0.0.1:8000 -h /srv/site\n\
             BUTTON go on?\nRUN wget -q -O - http://127.0.0.1:8000/ | sed 's/^/behind the button: /'\n\
             EXPOSE WEBSITE localhost:8000\nEXPOSE TCP 7000 8000\n",
        ),
    ];
    files.map(|(path, text)| (path, text.to_owned())).to_vec()
}
