//! The formats, each on the same small plan.

use super::tree::{Detail, Role};
use super::{StepAnnotation, StepAnnotations, dot, json, mermaid, svg, tree};
use crate::plan::Plan;
use crate::samples::{project, run, web_service};
use crate::{Selection, build};

fn plan() -> Plan {
    build(&web_service(), &Selection::Everything).expect("a plan")
}

fn plain(_role: Role, text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_tree_shows_who_inherits_and_who_waits() {
    insta::assert_snapshot!(tree::render(&plan(), Detail::Steps, &StepAnnotations::new(), &plain), @r##"
    vm/ubuntu:18.04
    └─ base  base/Layerfile · 2 GiB memory
       │  ENV NODE="14"
       │  RUN apt-get install nodejs
       ├─ ship  deploy/Layerfile · 2 GiB memory · no check
       │     WAIT suite, unit
       │     BUTTON deploy now?
       │     RUN ./deploy
       ├─ suite  suite/Layerfile · 3 copies · 2 GiB memory
       │     SPLIT 3
       │     ENV SUITE=s$SPLIT_NUM-$NODE
       │     RUN npm t
       └─ unit  unit/Layerfile · 2 GiB memory
             COPY . /package.json /app/
             RUN npm ci
             CHECKPOINT
             RUN npm run unit
    4 Layerfiles, 6 runners, 9 steps, 1 base image
    "##);
}

#[test]
fn a_tree_shows_what_a_store_knows() {
    let annotations = StepAnnotations::from([
        (1, StepAnnotation::Cached),
        (2, StepAnnotation::WillRun { reason: "package.json changed".to_owned() }),
    ]);
    let text = tree::render(&plan(), Detail::Steps, &annotations, &plain);
    assert!(text.contains("ENV NODE=\"14\"  (cached)\n"), "{text}");
    assert!(text.contains("RUN apt-get install nodejs  (runs: package.json changed)\n"), "{text}");
    let json = json::render(&plan(), &annotations).expect("JSON");
    assert!(json.contains("\"kind\": \"willRun\""), "{json}");
    assert!(svg::render(&plan(), &annotations).contains("class=\"cached\""));
}

#[test]
fn an_outline_leaves_steps_out() {
    let text = tree::render(&plan(), Detail::Outline, &StepAnnotations::new(), &plain);
    assert!(text.contains("WAIT suite, unit") && !text.contains("RUN"), "{text}");
}

#[test]
fn a_graph_for_graphviz() {
    insta::assert_snapshot!(dot::render(&plan(), &StepAnnotations::new()), @r##"
    digraph plan {
      rankdir=LR;
      node [shape=box, fontname="monospace", fontsize=10];
      graph [fontname="sans-serif", fontsize=12, style=rounded];
      n0 [label="FROM vm/ubuntu:18.04", shape=cylinder];
      subgraph cluster_0 {
        label="base · base/Layerfile · 2 GiB memory";
        n1 [label="ENV NODE=\"14\""];
        n2 [label="RUN apt-get install nodejs"];
        n3 [label="end", shape=point];
      }
      subgraph cluster_1 {
        label="ship · deploy/Layerfile · 2 GiB memory · no check";
        n13 [label="WAIT suite, unit", shape=invtrapezium];
        n14 [label="BUTTON deploy now?", shape=hexagon];
        n15 [label="RUN ./deploy"];
        n16 [label="end", shape=point];
      }
      subgraph cluster_2 {
        label="suite · suite/Layerfile · 3 copies · 2 GiB memory";
        n4 [label="SPLIT 3", shape=trapezium];
        n5 [label="ENV SUITE=s$SPLIT_NUM-$NODE"];
        n6 [label="RUN npm t"];
        n7 [label="end", shape=point];
      }
      subgraph cluster_3 {
        label="unit · unit/Layerfile · 2 GiB memory";
        n8 [label="COPY . /package.json /app/"];
        n9 [label="RUN npm ci"];
        n10 [label="CHECKPOINT"];
        n11 [label="RUN npm run unit"];
        n12 [label="end", shape=point];
      }
      n0 -> n1;
      n1 -> n2;
      n2 -> n3;
      n3 -> n13;
      n7 -> n13 [style=dashed, constraint=true];
      n12 -> n13 [style=dashed, constraint=true];
      n13 -> n14;
      n14 -> n15;
      n15 -> n16;
      n3 -> n4;
      n4 -> n5;
      n5 -> n6;
      n6 -> n7;
      n3 -> n8;
      n8 -> n9;
      n9 -> n10;
      n10 -> n11;
      n11 -> n12;
    }
    "##);
}

#[test]
fn a_flowchart_for_mermaid() {
    insta::assert_snapshot!(mermaid::render(&plan(), &StepAnnotations::new()), @r##"
    flowchart LR
      n0[("vm/ubuntu:18.04")]
      subgraph l0["base · 2 GiB memory"]
        n1["ENV NODE=#34;14#34;"]
        n2["RUN apt-get install nodejs"]
        n3(("end"))
      end
      subgraph l1["ship · 2 GiB memory · no check"]
        n13[\"WAIT suite, unit"/]
        n14{{"BUTTON deploy now?"}}
        n15["RUN ./deploy"]
        n16(("end"))
      end
      subgraph l2["suite · 3 copies · 2 GiB memory"]
        n4[/"SPLIT 3"\]
        n5["ENV SUITE=s$SPLIT_NUM-$NODE"]
        n6["RUN npm t"]
        n7(("end"))
      end
      subgraph l3["unit · 2 GiB memory"]
        n8["COPY . /package.json /app/"]
        n9["RUN npm ci"]
        n10["CHECKPOINT"]
        n11["RUN npm run unit"]
        n12(("end"))
      end
      n0 --> n1
      n1 --> n2
      n2 --> n3
      n3 --> n13
      n7 -.-> n13
      n12 -.-> n13
      n13 --> n14
      n14 --> n15
      n15 --> n16
      n3 --> n4
      n4 --> n5
      n5 --> n6
      n6 --> n7
      n3 --> n8
      n8 --> n9
      n9 --> n10
      n10 --> n11
      n11 --> n12
    "##);
}

#[test]
fn json_for_programs() {
    let text = json::render(&plan(), &StepAnnotations::new()).expect("JSON");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["formatVersion"], 1);
    assert_eq!(value["layerfiles"][1]["runnerName"], "ship");
    assert_eq!(value["layerfiles"][1]["parent"], "base/Layerfile");
    assert_eq!(value["nodes"][2]["Step"]["action"]["Run"]["command"], "apt-get install nodejs");
    assert_eq!(value["edges"][0]["kind"], "State");
}

/// What no picture may hold: unescaped markup of the Layerfile, or a character that XML forbids.
#[test]
fn markup_in_steps_stays_text() {
    let hostile = project(vec![("a<b", "i&j", vec![run("echo \"<script>\" \u{1} & ]]>")])]);
    let plan = build(&hostile, &Selection::Everything).expect("a plan");
    let picture = svg::render(&plan, &StepAnnotations::new());
    assert!(
        !picture.contains("<script>") && !picture.contains('\u{1}') && picture.contains("i&amp;j"),
        "{picture}"
    );
    let graph = dot::render(&plan, &StepAnnotations::new());
    assert!(graph.contains(r#"echo \"<script>\""#), "{graph}");
    let chart = mermaid::render(&plan, &StepAnnotations::new());
    assert!(chart.contains("#34;#60;script#62;#34;"), "{chart}");
}
