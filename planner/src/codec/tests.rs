//! Plan files: what is written is read back, and nothing else is.

use super::{DecodeError, HEADER_BYTES, decode, encode, header_of};
use crate::plan::{Node, Plan, PlannedLayerfile};
use crate::samples::{
    Sample, button, checkpoint, copy, env, project, run, split, wait, web_service,
};
use crate::{Selection, build};
use layerc_compiler::directive::Instruction;
use proptest::prelude::*;
use serde::Serialize;

fn sample() -> Plan {
    build(&web_service(), &Selection::Everything).expect("a plan")
}

/// Everything of a plan, as text.
fn dump(plan: &Plan) -> String {
    format!("{:?}\n{:?}", plan.layerfiles, plan.graph)
}

/// A file with a right header around any payload.
fn file_of(payload: &impl Serialize) -> Vec<u8> {
    let payload =
        bincode::serde::encode_to_vec(payload, bincode::config::standard()).expect("an encoding");
    [header_of(&payload), payload].concat()
}

fn check_refused(bytes: &[u8], expected: &str) {
    let error = decode(bytes).expect_err("not a plan");
    let source =
        std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    assert_eq!(format!("{error}{source}"), expected);
}

#[test]
fn what_is_written_is_read_back() {
    let plan = sample();
    let bytes = encode(&plan).expect("bytes");
    let decoded = decode(&bytes).expect("a plan");
    assert_eq!(dump(&decoded), dump(&plan));
    assert_eq!(encode(&decoded).expect("bytes"), bytes);
}

#[test]
fn a_plan_of_nothing_is_a_plan() {
    let plan = build(&project(vec![]), &Selection::Everything).expect("a plan");
    assert_eq!(dump(&decode(&encode(&plan).expect("bytes")).expect("a plan")), dump(&plan));
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error() {
    let bytes = encode(&sample()).expect("bytes");
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err(), "cut to {length} bytes");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&flipped).is_err(), "bit {bit} flipped");
    }
    check_refused(
        &[bytes, vec![0]].concat(),
        "the plan file is cut off or has bytes behind its end: 766 bytes of 765",
    );
}

#[test]
fn other_files_and_versions_are_named() {
    check_refused(b"FROM vm/ubuntu:18.04", "this is not a plan file");
    let mut bytes = encode(&sample()).expect("bytes");
    bytes[8] = 2;
    check_refused(&bytes, "the plan has format version 2, but this program reads version 1");
    bytes[8] = 1;
    bytes[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
    check_refused(
        &bytes,
        "the plan file has 18446744073709551615 bytes, but at most 268435456 are allowed",
    );
}

#[test]
fn huge_lengths_are_refused_before_memory_is_asked_for() {
    let huge = u64::MAX / 2;
    check_refused(
        &file_of(&(0_u64, huge)),
        "the plan file is damaged: invalid length 9223372036854775807, expected at most 1000000 entries",
    );
    // One Layerfile whose path claims to be that long.
    assert!(matches!(decode(&file_of(&(1_u64, huge))), Err(DecodeError::Malformed(_))));
    assert!(matches!(decode(&file_of(&(1_u64, 1_u64 << 24))), Err(DecodeError::Malformed(_))));
}

#[test]
fn bytes_behind_the_payload_are_refused() {
    assert!(decode(&file_of(&(0_u64, 0_u64))).is_ok());
    assert!(matches!(
        decode(&file_of(&(0_u64, 0_u64, 0_u64))),
        Err(DecodeError::WrongLength { .. })
    ));
}

/// Changes a right plan's parts, and says what the decoder makes of the result.
fn check_changed(change: impl FnOnce(&mut Vec<PlannedLayerfile>, &mut Vec<Node>), expected: &str) {
    let plan = sample();
    let mut layerfiles = plan.layerfiles.clone();
    let mut nodes: Vec<Node> = plan.graph.node_weights().cloned().collect();
    change(&mut layerfiles, &mut nodes);
    check_refused(
        &file_of(&(layerfiles, nodes)),
        &format!("the plan file does not hold a valid plan: {expected}"),
    );
}

#[test]
fn a_right_encoding_of_no_plan_is_refused() {
    use crate::plan::{Action, LayerfileId};
    check_changed(
        |files, _| files.swap(0, 1),
        "Layerfile 1 is not behind the one before it by path",
    );
    check_changed(
        |files, _| files[1].runner_name = "base".to_owned(),
        "two runners are called `base`",
    );
    check_changed(
        |files, _| files[0].path_nodes[1] = 99,
        "the path of Layerfile 0 is broken: its nodes are not in running order",
    );
    check_changed(
        |files, _| files[1].path_nodes[3] = 99,
        "the path of Layerfile 1 is broken: it names a node that does not exist",
    );
    check_changed(
        |files, _| files[0].path_nodes.clear(),
        "the path of Layerfile 0 is broken: it is empty",
    );
    check_changed(
        |files, _| files[3].parent = Some(LayerfileId(2)),
        "the path of Layerfile 3 is broken: its parent is split",
    );
    check_changed(
        |files, _| files[0].parent = Some(LayerfileId(0)),
        "the path of Layerfile 0 is broken: a base image is not at its beginning",
    );
    check_changed(
        |files, _| files[2].parent = Some(LayerfileId(9)),
        "the path of Layerfile 2 is broken: its parent does not exist",
    );
    check_changed(
        |files, _| files[2].copies = 2,
        "the path of Layerfile 2 is broken: the number of its copies is wrong",
    );
    check_changed(
        |files, _| files[3].path_nodes.retain(|node| *node != 10),
        "node 0 is broken: some node is on no path",
    );
    check_changed(
        |_, nodes| nodes.push(Node::Base { image: "z".to_owned() }),
        "node 17 is broken: base images are not first and sorted",
    );
    let join = |target| Node::Join {
        layerfile: LayerfileId(1),
        line: 1,
        targets: vec![LayerfileId(target)],
    };
    check_changed(
        |_, nodes| nodes[13] = join(1),
        "node 13 is broken: it waits for what does not end before",
    );
    check_changed(
        |_, nodes| nodes[13] = join(4),
        "node 13 is broken: it waits for what does not end before",
    );
    let copy_of = |source: &str, nodes: &mut Vec<Node>| {
        let Node::Step(step) = &mut nodes[8] else { panic!("node 8 is the COPY") };
        step.action =
            Action::Copy { sources: vec![source.to_owned()], destination: ".".to_owned() };
    };
    for source in ["../x", "/etc", "a/../../b", "a//b"] {
        check_changed(
            |_, nodes| copy_of(source, nodes),
            "node 8 is broken: a source is no path of the repository",
        );
    }
}

#[test]
fn a_layerfile_outside_of_the_repository_is_refused() {
    let mut bytes = encode(&sample()).expect("bytes");
    let position =
        bytes.windows(4).position(|window| window == b"base").expect("the path of a Layerfile");
    bytes[position..position + 4].copy_from_slice(b"../b");
    let header = header_of(&bytes[HEADER_BYTES..]);
    bytes[..HEADER_BYTES].copy_from_slice(&header);
    assert!(matches!(decode(&bytes), Err(DecodeError::Malformed(_))));
}

fn instruction() -> impl Strategy<Value = Instruction> {
    prop_oneof![
        ".{0,40}".prop_map(|command| run(&command)),
        ("[A-Z]{1,3}", "[ -~]{0,12}").prop_map(|(key, value)| env(&key, &value)),
        "[a-z./*]{1,12}"
            .prop_filter("stays inside", |path| !path.contains(".."))
            .prop_map(|path| copy(&[&path], ".")),
        ".{0,10}".prop_map(|message| button(&message)),
        prop_oneof![Just(None), Just(Some("disabled")), Just(Some("x"))].prop_map(checkpoint),
        "[a-f]".prop_map(|target| wait(&[&target])),
    ]
}

proptest! {
    #[test]
    fn any_plan_is_read_back_as_it_was(
        files in proptest::collection::btree_map("[a-f]", ("[a-f]|i:[12]", proptest::collection::vec(instruction(), 0..6)), 0..6),
        copies in 1_u32..9,
    ) {
        let mut samples: Vec<Sample<'_>> = files.iter().map(|(at, (from, rest))| (at.as_str(), from.as_str(), rest.clone())).collect();
        if let Some(last) = samples.last_mut() {
            last.2.push(split(copies));
        }
        if let Ok(plan) = build(&project(samples), &Selection::Everything) {
            let bytes = encode(&plan).expect("bytes");
            prop_assert_eq!(dump(&decode(&bytes).expect("a plan")), dump(&plan));
        }
    }

    #[test]
    fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [header_of(&payload), payload].concat();
        if let Ok(plan) = decode(&bytes) {
            prop_assert!(encode(&plan).is_ok());
        }
    }

    #[test]
    fn no_damaged_payload_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut payload = encode(&sample()).expect("bytes").split_off(HEADER_BYTES);
        for (index, byte) in changes {
            let index = index.index(payload.len());
            payload[index] = byte;
        }
        let bytes = [header_of(&payload), payload].concat();
        if let Ok(plan) = decode(&bytes) {
            prop_assert!(encode(&plan).is_ok());
        }
    }
}
