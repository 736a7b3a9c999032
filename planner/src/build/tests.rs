//! What a plan is made of, seen as text: one line per Layerfile, node and edge.

use crate::plan::{Edge, Node, Plan};
use crate::samples::{project, run, split, wait, web_service};
use crate::selection::{Selection, find_layerfile};
use crate::{PlanError, build};
use layerc_compiler::project::Project;
use layerc_compiler::repo_path::RepoPath;

fn described(plan: &Plan) -> String {
    let mut text = String::new();
    for (file, index) in plan.layerfiles.iter().zip(0..) {
        let memory = file.memory_bytes.map_or(0, |bytes| bytes >> 30);
        text += &format!(
            "L{index} {} {:?} {:?} copies={} memory={memory}G env={:?} path={:?}\n",
            file.path,
            file.runner_name,
            file.status,
            file.copies,
            file.static_environment,
            file.path_nodes
        );
    }
    for (node, index) in plan.graph.node_weights().zip(0..) {
        let node = match node {
            Node::Step(step) => format!("{:?} {:?} {}", step.layerfile, step.snapshot, step.text),
            other => format!("{other:?}"),
        };
        text += &format!("{index} {node}\n");
    }
    for edge in plan.graph.raw_edges() {
        let arrow = if edge.weight == Edge::State { "=>" } else { "->" };
        text += &format!("{}{arrow}{} ", edge.source().index(), edge.target().index());
    }
    text
}

fn target(project: &Project, path: &str) -> Selection {
    let path = RepoPath::new(path).expect("a path in the repository");
    Selection::Targets(vec![find_layerfile(project, &path).expect("a Layerfile of the project")])
}

#[test]
fn a_web_service() {
    let plan = build(&web_service(), &Selection::Everything).expect("a plan");
    insta::assert_snapshot!(described(&plan), @r#"
    L0 base/Layerfile "base" Shown copies=1 memory=2G env={"NODE": "14"} path=[0, 1, 2, 3]
    L1 deploy/Layerfile "ship" Hidden copies=1 memory=2G env={"NODE": "14"} path=[13, 14, 15, 16]
    L2 suite/Layerfile "suite" Shown copies=3 memory=2G env={"NODE": "14", "SPLIT_NUM": "3", "SUITE": "s3-14"} path=[4, 5, 6, 7]
    L3 unit/Layerfile "unit" Shown copies=1 memory=2G env={"NODE": "14"} path=[8, 9, 10, 11, 12]
    0 Base { image: "vm/ubuntu:18.04" }
    1 LayerfileId(0) Automatic ENV NODE="14"
    2 LayerfileId(0) Automatic RUN apt-get install nodejs
    3 End { layerfile: LayerfileId(0) }
    4 Fork { layerfile: LayerfileId(2), line: 2, copies: 3, ordered: true }
    5 LayerfileId(2) Automatic ENV SUITE=s$SPLIT_NUM-$NODE
    6 LayerfileId(2) Forbidden RUN npm t
    7 End { layerfile: LayerfileId(2) }
    8 LayerfileId(3) Automatic COPY . /package.json /app/
    9 LayerfileId(3) Forbidden RUN npm ci
    10 LayerfileId(3) Required CHECKPOINT
    11 LayerfileId(3) Automatic RUN npm run unit
    12 End { layerfile: LayerfileId(3) }
    13 Join { layerfile: LayerfileId(1), line: 5, targets: [LayerfileId(2), LayerfileId(3)] }
    14 Gate { layerfile: LayerfileId(1), line: 6, message: "deploy now?" }
    15 LayerfileId(1) Automatic RUN ./deploy
    16 End { layerfile: LayerfileId(1) }
    0=>1 1=>2 2=>3 3=>13 7->13 12->13 13=>14 14=>15 15=>16 3=>4 4=>5 5=>6 6=>7 3=>8 8=>9 9=>10 10=>11 11=>12
    "#);
}

#[test]
fn a_target_brings_what_it_needs_and_keeps_its_name() {
    let project = web_service();
    let plan = build(&project, &target(&project, "unit/Layerfile")).expect("a plan");
    let names: Vec<&str> = plan.layerfiles.iter().map(|file| file.runner_name.as_str()).collect();
    assert_eq!(names, ["base", "unit"]);
    let plan = build(&project, &target(&project, "deploy")).expect("a plan");
    assert_eq!(plan.layerfiles.len(), 4);
}

#[test]
fn files_that_need_each_other_have_no_plan() {
    let cyclic =
        project(vec![("a", "i", vec![wait(&["b"])]), ("b", "a", vec![]), ("c", "i", vec![])]);
    let path = |text| RepoPath::new(text).expect("a path in the repository");
    let cycle = PlanError::Cycle(vec![path("a/Layerfile"), path("b/Layerfile")]);
    assert_eq!(build(&cyclic, &Selection::Everything).err(), Some(cycle));
    assert!(build(&cyclic, &target(&cyclic, "c")).is_ok());
}

#[test]
fn a_split_parent_has_no_plan() {
    let project = project(vec![("a", "i", vec![split(2), run("x")]), ("b", "a", vec![])]);
    let error = build(&project, &Selection::Everything).expect_err("no plan");
    assert_eq!(error.to_string(), "`b/Layerfile` starts from `a/Layerfile`, which is split");
}

#[test]
fn a_file_with_errors_has_no_plan_but_others_do() {
    let mut project = web_service();
    project.files[2].has_errors = true;
    let error = build(&project, &Selection::Everything).expect_err("no plan");
    assert_eq!(error.to_string(), "`suite/Layerfile` has errors");
    assert!(build(&project, &target(&project, "unit")).is_ok());
}

#[test]
fn only_certain_values_are_in_the_environment() {
    use crate::samples::{env, secret, skip_if};
    let project = project(vec![
        (
            "a",
            "i",
            vec![
                env("A", "1"),
                env("B", "2"),
                secret("B"),
                skip_if("GIT_BRANCH", "main"),
                env("A", "1"),
                env("C", "3"),
            ],
        ),
        ("b", "a", vec![env("C", "4"), env("D", "$A$C"), env("E", "$B"), env("A", "$(date)")]),
    ]);
    let plan = build(&project, &Selection::Everything).expect("a plan");
    let environments: Vec<String> =
        plan.layerfiles.iter().map(|file| format!("{:?}", file.static_environment)).collect();
    assert_eq!(environments, [r#"{"A": "1"}"#, r#"{"C": "4", "D": "14"}"#]);
}

#[test]
fn a_long_chain_is_planned_and_drawn() {
    let names: Vec<String> = (0..2000).map(|number| format!("f{number:04}")).collect();
    let parent = |index: usize| if index == 0 { "i" } else { names[index - 1].as_str() };
    let samples = names
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), parent(index), vec![run("x")]));
    let plan = build(&project(samples.collect()), &Selection::Everything).expect("a plan");
    assert_eq!(plan.graph.node_count(), 1 + 2 * 2000);
    let nothing = crate::render::StepAnnotations::new();
    let paint = |_, text: &str| text.to_owned();
    let tree =
        crate::render::tree::render(&plan, crate::render::tree::Detail::Steps, &nothing, &paint);
    assert!(tree.lines().count() == 4002 && tree.len() < 2_000_000, "{}", tree.len());
    assert!(crate::render::svg::render(&plan, &nothing).len() < 10_000_000);
}
