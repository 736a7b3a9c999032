//! The plan: what to run, in which order, from which state. Plain data, the same for every machine.
//!
//! Knows nothing of Layerfile text, of the machine that made it, or of secrets' values. Built by
//! [`crate::build()`], stored by [`crate::codec`], walked by the executor.
//!
//! A *runner* is one Layerfile's path of nodes, times its split copies. Splitting is one [`Node::Fork`] on the path,
//! never a duplication of nodes, so `SPLIT 1000` costs nothing here.

pub use layerc_compiler::repo_path::RepoPath;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A complete plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The Layerfiles that take part, sorted by path.
    pub layerfiles: Vec<PlannedLayerfile>,
    /// What runs; acyclic.
    pub graph: DiGraph<Node, Edge>,
}

/// Index into [`Plan::layerfiles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LayerfileId(pub u32);

/// One Layerfile of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLayerfile {
    /// Path of the file in the repository.
    pub path: RepoPath,
    /// BLAKE3 of its text.
    pub digest: [u8; 32],
    /// The name of its runner; split copies append `-2`, `-3`, …
    pub runner_name: String,
    /// How its check is shown.
    pub status: CheckStatus,
    /// The Layerfile whose final state it starts from; `None` when it starts from a base image.
    pub parent: Option<LayerfileId>,
    /// How many copies of it reach the end (1 without SPLIT).
    pub copies: u32,
    /// Effective memory in bytes: the largest MEMORY of the file and its ancestors; `None` if none says.
    pub memory_bytes: Option<u64>,
    /// The variables whose value is known without running anything, after the last instruction.
    pub static_environment: BTreeMap<String, String>,
    /// Its nodes in order: `Base` first when it has no parent, `End` last.
    pub path_nodes: Vec<u32>,
}

/// LABEL status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// One check per runner.
    #[default]
    Shown,
    /// One check for all split copies.
    Merge,
    /// No check.
    Hidden,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A base image. Layerfiles that start from the same name share one node.
    Base {
        /// The name after FROM.
        image: String,
    },
    /// One instruction.
    Step(Step),
    /// SPLIT: from here on the path runs once per copy.
    Fork {
        /// Whose path.
        layerfile: LayerfileId,
        /// One-based line.
        line: u32,
        /// At least 1.
        copies: u32,
        /// Whether copies know their index as `SPLIT`.
        ordered: bool,
    },
    /// WAIT: needs the `End` of every target, all copies.
    Join {
        /// Whose path.
        layerfile: LayerfileId,
        /// One-based line.
        line: u32,
        /// The Layerfiles waited for, sorted.
        targets: Vec<LayerfileId>,
    },
    /// BUTTON: needs a person.
    Gate {
        /// Whose path.
        layerfile: LayerfileId,
        /// One-based line.
        line: u32,
        /// What the person reads; may be empty.
        message: String,
    },
    /// The end of a Layerfile; its state is what children start from.
    End {
        /// Whose path.
        layerfile: LayerfileId,
    },
}

/// What flows along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Edge {
    /// The machine: files, environment, processes.
    State,
    /// Only "not before".
    Order,
}

/// One instruction that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose path.
    pub layerfile: LayerfileId,
    /// One-based line of the instruction in its Layerfile.
    pub line: u32,
    /// The instruction as people read it, on one line: `RUN npm ci`.
    pub text: String,
    /// Whether CHECKPOINT rules allow a snapshot after it.
    pub snapshot: SnapshotPolicy,
    /// What to do.
    pub action: Action,
}

/// What CHECKPOINT says about the state after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SnapshotPolicy {
    /// The executor decides.
    Automatic,
    /// A snapshot must be taken.
    Required,
    /// None may be taken.
    Forbidden,
}

/// How a command runs; see the language's RUN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommandMode {
    /// To its end.
    Plain,
    /// Detached.
    Background,
    /// To its end, from the state after its own last success.
    Repeatable,
}

/// What a step does. Paths of the repository are resolved; paths of the machine are as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// A bash command.
    Run {
        /// How.
        mode: CommandMode,
        /// Bash text.
        command: String,
    },
    /// Repository files appear in the machine.
    Copy {
        /// Paths or patterns ([`crate::pattern`]), relative to the repository root, `/`-separated, never leaving it.
        sources: Vec<String>,
        /// Machine path as written: absolute, `~…`, or relative to the working directory.
        destination: String,
    },
    /// Variables, evaluated once by bash in the machine, in order.
    Env {
        /// Name and shell text.
        pairs: Vec<(String, String)>,
    },
    /// These built-in variables' values enter the cache key from here on.
    BuildEnv {
        /// Names.
        names: Vec<String>,
    },
    /// These secrets become variables from here on.
    SecretEnv {
        /// Names.
        names: Vec<String>,
    },
    /// Shared directories.
    Cache {
        /// Machine paths as written.
        paths: Vec<String>,
    },
    /// A snapshot, with a name people can find it by.
    Checkpoint {
        /// The name.
        name: Option<String>,
    },
    /// A website of the machine.
    ExposeWebsite {
        /// Whether its server speaks TLS.
        tls: bool,
        /// Its port in the machine.
        port: u16,
        /// Prefix routed to it; `$SPLIT` is not yet expanded.
        path: String,
        /// What replaces the prefix.
        rewrite: Option<String>,
    },
    /// A forwarded port.
    ExposeTcp {
        /// Outside.
        source: u16,
        /// In the machine.
        destination: u16,
    },
    /// Files sourced before every later command.
    SetupFile {
        /// Paths in the repository.
        paths: Vec<RepoPath>,
    },
    /// The user of later commands.
    User {
        /// Its name.
        name: String,
    },
    /// The directory of later commands.
    Workdir {
        /// Machine path as written.
        path: String,
    },
    /// Files of another repository.
    Clone {
        /// Where it is.
        url: String,
        /// Branch to use when there is none of the current name.
        default_branch: Option<String>,
        /// Paths in it; empty means everything.
        sources: Vec<String>,
        /// Machine path as written.
        destination: String,
    },
    /// Ends the Layerfile early, successfully, if all conditions hold.
    SkipIf {
        /// The conditions.
        conditions: Vec<SkipCondition>,
    },
    /// An instruction of the vendor's hosted service; can't run here.
    Unsupported {
        /// Its keyword.
        keyword: String,
    },
}

/// One condition of SKIP REMAINING IF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipCondition {
    /// The variable.
    pub name: String,
    /// How it is compared.
    pub comparison: SkipComparison,
    /// With what.
    pub value: String,
}

/// How a skip condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SkipComparison {
    /// Exactly equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// The regular expression matches somewhere.
    Matches,
    /// It matches nowhere.
    NotMatches,
}

impl Plan {
    /// The Layerfile of an id of this plan, if it is one.
    pub fn layerfile(&self, id: LayerfileId) -> Option<&PlannedLayerfile> {
        self.layerfiles.get(id.0 as usize)
    }

    /// The same plan as far as machines are concerned: without lines and digests of the texts it was made from.
    /// Two repositories that differ only in the layout of their Layerfiles give equal plans here.
    #[must_use]
    pub fn without_positions(&self) -> Self {
        let mut plan = self.clone();
        for layerfile in &mut plan.layerfiles {
            layerfile.digest = [0; 32];
        }
        for node in plan.graph.node_weights_mut() {
            match node {
                Node::Step(Step { line, .. })
                | Node::Fork { line, .. }
                | Node::Join { line, .. }
                | Node::Gate { line, .. } => *line = 0,
                Node::Base { .. } | Node::End { .. } => {}
            }
        }
        plan
    }

    /// The nodes of a Layerfile's own path, in order.
    pub fn path(&self, id: LayerfileId) -> impl Iterator<Item = (NodeIndex, &Node)> {
        self.layerfile(id).into_iter().flat_map(|file| &file.path_nodes).filter_map(|&index| {
            let index = NodeIndex::new(index as usize);
            self.graph.node_weight(index).map(|node| (index, node))
        })
    }
}
