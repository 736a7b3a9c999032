//! Instructions of Dockerfiles that Layerfiles do not have, each with what to write instead.

/// A word that a Dockerfile knows and a Layerfile doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DockerInstruction {
    /// The Dockerfile keyword.
    pub keyword: &'static str,
    /// What to do in a Layerfile, as an imperative sentence without final dot.
    pub instead: &'static str,
    /// What to write in place of the keyword where that is probably all there is to do.
    pub replacement: Option<&'static str>,
}

/// All of them, sorted by keyword.
pub const DOCKER_INSTRUCTIONS: &[DockerInstruction] = &[
    DockerInstruction {
        keyword: "ADD",
        instead: "use `COPY` for files of the repository; for archives and addresses, `RUN` curl and tar",
        replacement: Some("COPY"),
    },
    DockerInstruction {
        keyword: "ARG",
        instead: "use `ENV NAME=value` for a fixed value, or `BUILD ENV NAME` to make a built-in variable part of the cache key",
        replacement: None,
    },
    DockerInstruction {
        keyword: "CMD",
        instead: "a Layerfile starts its programs itself: use `RUN BACKGROUND command` for a server, `RUN command` for a step",
        replacement: Some("RUN BACKGROUND"),
    },
    DockerInstruction {
        keyword: "ENTRYPOINT",
        instead: "a Layerfile starts its programs itself: use `RUN BACKGROUND command` for a server, `RUN command` for a step",
        replacement: Some("RUN BACKGROUND"),
    },
    DockerInstruction {
        keyword: "HEALTHCHECK",
        instead: "check in a step that fails: `RUN curl --retry 5 --retry-connrefused --fail localhost:3000`",
        replacement: None,
    },
    DockerInstruction {
        keyword: "MAINTAINER",
        instead: "write it as a comment: `# maintainer: name`",
        replacement: Some("# maintainer:"),
    },
    DockerInstruction {
        keyword: "ONBUILD",
        instead: "write the instruction into each Layerfile that starts `FROM` this one",
        replacement: None,
    },
    DockerInstruction {
        keyword: "SHELL",
        instead: "commands always run in bash; write `RUN sh -c '…'` for another shell",
        replacement: None,
    },
    DockerInstruction {
        keyword: "STOPSIGNAL",
        instead: "delete the line: machines are snapshotted and discarded, their programs are not stopped by a signal",
        replacement: None,
    },
    DockerInstruction {
        keyword: "VOLUME",
        instead: "use `CACHE path` to keep a directory between runs; every other directory is simply part of the machine",
        replacement: None,
    },
];

/// The entry of a Dockerfile keyword.
pub fn docker_instruction(keyword: &str) -> Option<&'static DockerInstruction> {
    DOCKER_INSTRUCTIONS.iter().find(|instruction| instruction.keyword == keyword)
}
