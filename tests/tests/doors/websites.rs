//! EXPOSE WEBSITE and EXPOSE TCP with real servers in the machines.

use crate::serving::{Serving, connect, contains, exchange, get};
use layerc_executor::event::Event;
use layerc_tests::workflow::{Workflow, can_run};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

/// The server; a repository file of every case.
const SERVER: &str = include_str!("server.py");

fn place(files: &[(&str, &str)]) -> Workflow {
    let place = Workflow::with(files);
    place.repository.write("server.py", SERVER);
    place
}

/// One runner with two servers behind one site, and a forwarded port.
const TWO_SERVERS: &str = "\
FROM vm/ubuntu:22.04
RUN echo $EXPOSE_WEBSITE_HOST $EXPOSE_WEBSITE_URL
COPY server.py /srv/
RUN python3 /srv/server.py 8000 front & python3 /srv/server.py 8001 back & sleep 0.1
EXPOSE WEBSITE localhost:8000
EXPOSE WEBSITE 8001 /api /v1
EXPOSE TCP 18001 8001
RUN echo tested > /tested
";

/// Mounts of this computer that belong to a store.
fn mounts_of(place: &Workflow) -> usize {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().filter(|line| line.contains(place.store().to_str().unwrap())).count()
}

#[test]
fn a_website_is_routed_by_prefix_and_its_servers_are_localhost() {
    if !can_run("a_website_is_routed_by_prefix_and_its_servers_are_localhost") {
        return;
    }
    let place =
        place(&[("web/Layerfile", &TWO_SERVERS.replace("server.py /srv", "/server.py /srv"))]);
    let serving = Serving::run(&place, &[]);
    let [front, back] = serving.websites("web").try_into().unwrap();
    let authority = front.trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert!(authority.starts_with("web-") && authority.contains(".localhost:"), "{front}");
    assert_eq!(back, format!("{front}api"));
    let said = format!("{authority} {authority}\n");
    let outputs: Vec<Event> = serving.events();
    let said_first =
        outputs.iter().any(|event| matches!(event, Event::Output { text, .. } if *text == said));
    assert!(said_first, "{said} {outputs:#?}");
    let seen = format!("localhost {authority}");
    contains(&get(&front, "/x?y", None), format!("front /x?y {seen}"));
    contains(&get(&back, "/x?y", None), format!("back /v1/x?y {seen}"));
    contains(&get(&back, "x", None), "front /apix");
    let moved = get(&back, "/moved", None);
    assert!(moved.contains(&format!("location: {front}there")), "{moved}");
    let forward = serving.forwards("web").remove(0);
    let answer = get(&format!("http://{forward}/"), "/direct", None);
    assert!(answer.contains(&format!("back /direct {forward}")), "{answer}");
    bodies_stream(&front, &authority);
    messages_go_both_ways(&front, &authority);
    others_get_nothing(&front, &authority);
    assert_eq!(serving.interrupt(), 0);
    assert_eq!(mounts_of(&place), 0);
    assert!(TcpStream::connect(forward).is_err(), "the port is closed");
}

/// A body without a length, larger than any buffer on its way.
fn bodies_stream(url: &str, host: &str) {
    let mut stream = connect(url);
    write!(stream, "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        write!(stream, "{:x}\r\n", piece.len()).unwrap();
        stream.write_all(&piece).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    while !answer.ends_with("took 8388608\n") {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap()));
    }
}

fn messages_go_both_ways(url: &str, host: &str) {
    let request = format!("ws://{host}/ws");
    let (mut socket, answer) = tungstenite::client(request, connect(url)).unwrap();
    assert_eq!(answer.status().as_u16(), 101);
    for text in ["one".to_owned(), "two".repeat(1000)] {
        socket.send(tungstenite::Message::text(text.clone())).unwrap();
        assert_eq!(socket.read().unwrap().into_text().unwrap().as_str(), text);
    }
}

/// Hosts that aren't there, hosts that are made to lead here, requests that are too large or none.
fn others_get_nothing(url: &str, host: &str) {
    let port = host.rsplit_once(':').unwrap().1;
    let nobody = get(url, "/", Some(&format!("nobody.localhost:{port}")));
    assert!(nobody.starts_with("HTTP/1.1 404") && nobody.contains(url), "{nobody}");
    let foreign = get(url, "/", Some("evil.example"));
    assert!(foreign.starts_with("HTTP/1.1 421") && !foreign.contains("web-"), "{foreign}");
    for (sent, expected) in [
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(200_000)), "431"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(200)), "431"),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "400"),
        (format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), "405"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = exchange(url, sent.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{expected}: {answer}");
    }
    // A client that never comes to the end of its headers is hung up on, and nobody waits for it.
    let began = Instant::now();
    let mut slow = connect(url);
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    contains(&get(url, "/meanwhile", None), "front /meanwhile");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(began.elapsed().as_secs() < 29, "it was not hung up on");
}

#[test]
fn servers_that_speak_tls_are_believed() {
    if !can_run("servers_that_speak_tls_are_believed") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\n\
        RUN openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=nobody -days 1 -keyout /key -out /cert 2>/dev/null && cat /key /cert > /both\n\
        COPY server.py /srv/\n\
        RUN python3 /srv/server.py 8443 safe /both & sleep 0.1\n\
        EXPOSE WEBSITE https://localhost:8443\n";
    let place = place(&[("Layerfile", text)]);
    let serving = Serving::run(&place, &[]);
    let url = serving.websites("main-layerfile").remove(0);
    contains(&get(&url, "/x", None), "safe /x localhost");
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    messages_go_both_ways(&url, host);
    assert_eq!(serving.interrupt(), 0);
}

#[test]
fn runners_and_copies_listen_at_one_port_and_are_told_apart() {
    if !can_run("runners_and_copies_listen_at_one_port_and_are_told_apart") {
        return;
    }
    let copies = "FROM ../base\nSPLIT 2\nRUN python3 /srv/server.py 8000 part$SPLIT & sleep 0.1\n\
        EXPOSE WEBSITE 8000 /part$SPLIT\nEXPOSE TCP 18123 8000\n";
    let other =
        "FROM ../base\nRUN python3 /srv/server.py 8000 other & sleep 0.1\nEXPOSE WEBSITE 8000\n";
    let place = place(&[
        ("base/Layerfile", "FROM vm/ubuntu:22.04\nCOPY /server.py /srv/\n"),
        ("copies/Layerfile", copies),
        ("other/Layerfile", other),
    ]);
    let serving = Serving::run(&place, &[]);
    let (first, second) =
        (serving.websites("copies").remove(0), serving.websites("copies-2").remove(0));
    contains(&get(&first, "", None), "part0 /part0");
    contains(&get(&second, "", None), "part1 /part1");
    // One site has all copies: the first's.
    let shared = first.replace("/part0", "/part1");
    contains(&get(&shared, "/x", None), "part1 /part1/x");
    assert!(get(&second.replace("/part1", "/part0"), "", None).starts_with("HTTP/1.1 404"));
    contains(&get(&serving.websites("other").remove(0), "", None), "other /");
    let (one, two) = (serving.forwards("copies").remove(0), serving.forwards("copies-2").remove(0));
    assert_ne!(one, two);
    let told = serving.events().iter().any(
        |event| matches!(event, Event::Warning { text, .. } if text.contains("port 18123 of this computer is taken")),
    );
    assert!(told, "{:#?}", serving.events());
    assert_eq!(serving.interrupt(), 0);
}

#[test]
fn without_serving_it_is_said_and_what_was_skipped_is_started_to_be_served() {
    if !can_run("without_serving_it_is_said_and_what_was_skipped_is_started_to_be_served") {
        return;
    }
    let place =
        place(&[("web/Layerfile", &TWO_SERVERS.replace("server.py /srv", "/server.py /srv"))]);
    let first = place.run().expect_success();
    let is_said = |events: &[Event]| {
        events.iter().any(
            |event| matches!(event, Event::Note { text } if text.contains("nothing of web is exposed any more")),
        )
    };
    assert!(is_said(&first.events), "{}", first.outcome.everything());
    let skipped = place.run().expect_success();
    assert!(!is_said(&skipped.events), "nothing was: {}", skipped.outcome.everything());
    assert_eq!(place.ran(), Vec::<String>::new(), "everything is skipped");
    let serving = Serving::run(&place, &[]);
    let url = serving.websites("web").remove(0);
    contains(&get(&url, "/again", None), "front /again");
    assert_eq!(serving.interrupt(), 0);
}

#[test]
fn a_port_that_nobody_answers_at_fails_the_step() {
    if !can_run("a_port_that_nobody_answers_at_fails_the_step") {
        return;
    }
    let text = "FROM vm/ubuntu:22.04\nRUN sleep 1000 &\nEXPOSE WEBSITE 8000\n";
    let place = Workflow::with(&[("Layerfile", text)]);
    let run = place.run_with(&["--expose-wait", "1"]);
    assert_eq!(run.outcome.code(), 1, "{}", run.outcome.everything());
    let said = run.complaints().join("\n");
    assert!(said.contains("nothing answered at port 8000 within 1 s"), "{said}");
    place.repository.write("Layerfile", "FROM vm/ubuntu:22.04\nEXPOSE WEBSITE 8000 /part$SPLIT\n");
    let said = place.run().complaints().join("\n");
    assert!(said.contains("no SPLIT before it gives one"), "{said}");
}
