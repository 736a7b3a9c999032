//! Servers that end while they are served.

use crate::serving::{Serving, get};
use layerc_executor::event::{Event, StepResult};
use layerc_tests::terminal::wait_for;
use layerc_tests::workflow::{Workflow, can_run};

/// Answers connections, and ends at the first question.
const SERVER: &str = "\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print('out of order', flush=True)
        os._exit(9)
http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Handler).serve_forever()
";

const LAYERFILE: &str = "FROM vm/ubuntu:22.04\nCOPY /server.py /server.py\nRUN BACKGROUND python3 /server.py\n\
                         EXPOSE WEBSITE 8000\n";

#[test]
fn a_server_that_dies_while_it_is_served_is_told_with_its_log() {
    if !can_run("a_server_that_dies_while_it_is_served_is_told_with_its_log") {
        return;
    }
    let place = Workflow::with(&[("server.py", SERVER), ("web/Layerfile", LAYERFILE)]);
    let serving = Serving::run(&place, &[]);
    get(&serving.websites("web")[0], "/", None);
    let (result, log) = wait_for("news of its end", || {
        serving.events().into_iter().find_map(|event| match event {
            Event::BackgroundEnded { result, log, .. } => Some((result, log)),
            _ => None,
        })
    });
    assert_eq!(result, StepResult::ExitCode { code: 9 });
    assert!(log.ends_with("out of order\n"), "{log}");
    assert_eq!(serving.interrupt(), 0);
}
