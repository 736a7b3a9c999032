//! Plans written in a few words, for tests of the engine and the run driver.

use layerc_planner::plan::{
    Action, CheckStatus, CommandMode, LayerfileId, Node, Plan, PlannedLayerfile, RepoPath,
    SnapshotPolicy, Step,
};
use std::collections::BTreeMap;

/// One line of a test Layerfile.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    Do(Action),
    Unkept(Action),
    Split(u32, bool),
    Wait(Vec<usize>),
    Button,
}

/// `RUN command`.
pub(crate) fn run(command: &str) -> Line {
    Line::Do(Action::Run { mode: CommandMode::Plain, command: command.to_owned() })
}

/// `COPY sources destination`.
pub(crate) fn copy(source: &str, destination: &str) -> Line {
    Line::Do(Action::Copy { sources: vec![source.to_owned()], destination: destination.to_owned() })
}

/// What a test Layerfile starts from.
#[derive(Debug, Clone)]
pub(crate) enum From {
    Image(&'static str),
    File(usize),
}

/// A plan of Layerfiles `f0`, `f1`, …; a file may only name files before it.
pub(crate) fn plan(files: &[(From, Vec<Line>)]) -> Plan {
    let mut plan = Plan { layerfiles: Vec::new(), graph: Default::default() };
    for (index, (from, lines)) in files.iter().enumerate() {
        let layerfile = LayerfileId(u32::try_from(index).unwrap());
        let mut path_nodes = Vec::new();
        let mut copies = 1;
        let parent = match from {
            From::Image(image) => {
                path_nodes.push(plan.graph.add_node(Node::Base { image: (*image).to_owned() }));
                None
            }
            From::File(parent) => Some(LayerfileId(u32::try_from(*parent).unwrap())),
        };
        for (offset, line) in lines.iter().enumerate() {
            let line_number = u32::try_from(offset).unwrap() + 2;
            path_nodes.push(plan.graph.add_node(node(line, layerfile, line_number, &mut copies)));
        }
        path_nodes.push(plan.graph.add_node(Node::End { layerfile }));
        plan.layerfiles.push(PlannedLayerfile {
            path: RepoPath::new(&format!("f{index}/Layerfile")).unwrap(),
            digest: [0; 32],
            runner_name: format!("f{index}"),
            status: CheckStatus::Shown,
            parent,
            copies,
            memory_bytes: None,
            static_environment: BTreeMap::new(),
            path_nodes: path_nodes
                .iter()
                .map(|node| u32::try_from(node.index()).unwrap())
                .collect(),
        });
    }
    plan
}

fn node(line: &Line, layerfile: LayerfileId, number: u32, copies: &mut u32) -> Node {
    match line {
        Line::Do(action) => Node::Step(step(action, layerfile, number, SnapshotPolicy::Automatic)),
        Line::Unkept(action) => {
            Node::Step(step(action, layerfile, number, SnapshotPolicy::Forbidden))
        }
        Line::Split(count, ordered) => {
            *copies *= count;
            Node::Fork { layerfile, line: number, copies: *count, ordered: *ordered }
        }
        Line::Wait(targets) => {
            let targets =
                targets.iter().map(|&target| LayerfileId(u32::try_from(target).unwrap())).collect();
            Node::Join { layerfile, line: number, targets }
        }
        Line::Button => Node::Gate { layerfile, line: number, message: "go on?".to_owned() },
    }
}

fn step(action: &Action, layerfile: LayerfileId, line: u32, snapshot: SnapshotPolicy) -> Step {
    let text = match action {
        Action::Run { command, .. } => format!("RUN {command}"),
        other => format!("{other:?}"),
    };
    Step { layerfile, line, text, snapshot, action: action.clone() }
}
