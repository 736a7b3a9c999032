//! The directives: keyword, shape of the arguments, one line for people.
//!
//! Size: one table, a row for each directive; cutting it would hide that it is complete.

/// Every directive that the parser tells apart by its keyword alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectiveKind {
    /// `FROM`
    From,
    /// `RUN`
    Run,
    /// `RUN BACKGROUND`
    RunBackground,
    /// `RUN REPEATABLE`
    RunRepeatable,
    /// `COPY`
    Copy,
    /// `ENV`
    Env,
    /// `BUILD ENV`
    BuildEnv,
    /// `SECRET ENV`
    SecretEnv,
    /// `CACHE`
    Cache,
    /// `CHECKPOINT`
    Checkpoint,
    /// `EXPOSE WEBSITE`
    ExposeWebsite,
    /// `EXPOSE TCP`
    ExposeTcp,
    /// `MEMORY`
    Memory,
    /// `SETUP FILE`
    SetupFile,
    /// `SPLIT` (and `SPLIT UNORDERED`: the word belongs to its arguments)
    Split,
    /// `USER`
    User,
    /// `WAIT`
    Wait,
    /// `WORKDIR`
    Workdir,
    /// `BUTTON`
    Button,
    /// `CLONE`
    Clone,
    /// `LABEL`
    Label,
    /// `SKIP REMAINING IF`
    SkipIf,
    /// `AWS`
    Aws,
    /// `ARTIFACT`
    Artifact,
}

impl DirectiveKind {
    /// The row of the table.
    pub fn info(self) -> &'static DirectiveInfo {
        // The table lists the kinds in the order of the enumeration; a test holds that.
        DIRECTIVES.get(self as usize).unwrap_or(&FROM)
    }
}

/// How the rest of the logical line is cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentShape {
    /// One text to the end of the line, trimmed.
    Text,
    /// Words between blanks; no quoting.
    Words,
    /// Words, but a `DEFAULT=` may have a quoted value.
    CloneWords,
    /// `NAME=value` pairs whose values may be quoted, or bare words.
    Assignments,
    /// `NAME operator value` joined by `AND`.
    Conditions,
}

/// Whether a directive still belongs to the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Documented and current.
    Current,
    /// The vendor's parser knows it, its documentation never did.
    Undocumented,
    /// Only means something on the vendor's hosts.
    VendorHosted,
    /// Taken out of the language.
    Removed,
}

/// What is known about a directive without parsing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectiveInfo {
    /// Which.
    pub kind: DirectiveKind,
    /// Its keyword; words separated by one space.
    pub keyword: &'static str,
    /// How its arguments are cut.
    pub shape: ArgumentShape,
    /// Keyword and arguments as a pattern: `COPY source… destination`.
    pub usage: &'static str,
    /// A complete example line.
    pub example: &'static str,
    /// One line for hover and completion.
    pub doc: &'static str,
    /// Year and month of its first public mention, as `2020-09`.
    pub since: &'static str,
    /// Whether it still belongs to the language.
    pub standing: Standing,
    /// Page under `spec/language/`, without `.md`.
    pub page: &'static str,
}

const fn row(
    kind: DirectiveKind,
    keyword: &'static str,
    shape: ArgumentShape,
    [usage, example, doc]: [&'static str; 3],
    since: &'static str,
    standing: Standing,
    page: &'static str,
) -> DirectiveInfo {
    DirectiveInfo { kind, keyword, shape, usage, example, doc, since, standing, page }
}

use ArgumentShape::{Assignments, CloneWords, Conditions, Text, Words};
use DirectiveKind as Kind;
use Standing::{Current, Removed, Undocumented, VendorHosted};

const FROM: DirectiveInfo = row(
    Kind::From,
    "FROM",
    Text,
    [
        "FROM image-or-layerfile",
        "FROM vm/ubuntu:18.04",
        "What the machine starts as: a base image, or the final state of another Layerfile. Always the first instruction.",
    ],
    "2019",
    Current,
    "from",
);

/// All directives, in the order of [`DirectiveKind`].
pub const DIRECTIVES: &[DirectiveInfo] = &[
    FROM,
    row(
        Kind::Run,
        "RUN",
        Text,
        [
            "RUN command",
            "RUN npm ci",
            "Runs a bash command to its end. Files and processes stay; shell variables and `cd` do not.",
        ],
        "2019",
        Current,
        "run",
    ),
    row(
        Kind::RunBackground,
        "RUN BACKGROUND",
        Text,
        [
            "RUN BACKGROUND command",
            "RUN BACKGROUND npm start",
            "Starts a command and goes on while it runs.",
        ],
        "2020-09",
        Current,
        "run",
    ),
    row(
        Kind::RunRepeatable,
        "RUN REPEATABLE",
        Text,
        [
            "RUN REPEATABLE command",
            "RUN REPEATABLE docker build -t app .",
            "Runs a command starting from the state it left behind the last time it ran.",
        ],
        "2020-09",
        Current,
        "run",
    ),
    row(
        Kind::Copy,
        "COPY",
        Words,
        [
            "COPY source… destination",
            "COPY . .",
            "Makes files of the repository appear in the machine. Later steps depend only on the files they read.",
        ],
        "2019",
        Current,
        "copy",
    ),
    row(
        Kind::Env,
        "ENV",
        Assignments,
        [
            "ENV NAME=value…",
            "ENV NODE_ENV=production",
            "Sets environment variables for the following instructions and for children. Values are shell text.",
        ],
        "2019",
        Current,
        "env",
    ),
    row(
        Kind::BuildEnv,
        "BUILD ENV",
        Words,
        [
            "BUILD ENV NAME…",
            "BUILD ENV GIT_BRANCH",
            "Makes the values of these variables part of the cache key of every later step.",
        ],
        "2021-01",
        Current,
        "build-env",
    ),
    row(
        Kind::SecretEnv,
        "SECRET ENV",
        Words,
        [
            "SECRET ENV NAME…",
            "SECRET ENV NPM_TOKEN",
            "Makes stored secrets available as variables from here on.",
        ],
        "2020-09",
        Current,
        "secret-env",
    ),
    row(
        Kind::Cache,
        "CACHE",
        Words,
        [
            "CACHE path…",
            "CACHE ~/.npm",
            "Keeps directories of the machine from one run to the next.",
        ],
        "2019",
        Current,
        "cache",
    ),
    row(
        Kind::Checkpoint,
        "CHECKPOINT",
        Words,
        [
            "CHECKPOINT [name | disabled]",
            "CHECKPOINT",
            "Takes a snapshot here, names one, or turns automatic snapshots off until the next CHECKPOINT.",
        ],
        "2019",
        Current,
        "checkpoint",
    ),
    row(
        Kind::ExposeWebsite,
        "EXPOSE WEBSITE",
        Words,
        [
            "EXPOSE WEBSITE target [path [rewrite]]",
            "EXPOSE WEBSITE localhost:3000 /api",
            "Gives a web server in the machine a public address.",
        ],
        "2020-09",
        Current,
        "expose-website",
    ),
    row(
        Kind::ExposeTcp,
        "EXPOSE TCP",
        Words,
        [
            "EXPOSE TCP port [machine-port]",
            "EXPOSE TCP 5432",
            "Forwards a TCP port to the machine.",
        ],
        "2022-11",
        Undocumented,
        "expose-tcp",
    ),
    row(
        Kind::Memory,
        "MEMORY",
        Words,
        ["MEMORY number[K|M|G]", "MEMORY 2G", "Asks for at least this much memory."],
        "2020-09",
        Current,
        "memory",
    ),
    row(
        Kind::SetupFile,
        "SETUP FILE",
        Words,
        [
            "SETUP FILE path…",
            "SETUP FILE setup.sh",
            "Sources these files of the repository before every later RUN.",
        ],
        "2020-09",
        Current,
        "setup-file",
    ),
    row(
        Kind::Split,
        "SPLIT",
        Words,
        [
            "SPLIT [UNORDERED] copies",
            "SPLIT 4",
            "Duplicates the machine; each copy runs the rest of the file with its own `$SPLIT`.",
        ],
        "2020-09",
        Current,
        "split",
    ),
    row(
        Kind::User,
        "USER",
        Words,
        ["USER name", "USER www-data", "Runs the following commands as this user."],
        "2020-09",
        Current,
        "user",
    ),
    row(
        Kind::Wait,
        "WAIT",
        Words,
        [
            "WAIT layerfile…",
            "WAIT ../unit-tests",
            "Blocks until the named Layerfiles have succeeded.",
        ],
        "2020-10",
        Current,
        "wait",
    ),
    row(
        Kind::Workdir,
        "WORKDIR",
        Words,
        [
            "WORKDIR path",
            "WORKDIR /app",
            "Sets the directory that later commands start in, and creates it.",
        ],
        "2019",
        Current,
        "workdir",
    ),
    row(
        Kind::Button,
        "BUTTON",
        Text,
        [
            "BUTTON message",
            "BUTTON deploy to production?",
            "Stops until somebody presses the button.",
        ],
        "2020-09",
        Current,
        "button",
    ),
    row(
        Kind::Clone,
        "CLONE",
        CloneWords,
        [
            "CLONE url [DEFAULT=branch] [source…] destination",
            "CLONE https://example.com/team/library.git DEFAULT=main / /library",
            "Makes files of another repository appear, from the branch of the same name if it exists.",
        ],
        "2022-06",
        Current,
        "clone",
    ),
    row(
        Kind::Label,
        "LABEL",
        Words,
        [
            "LABEL key=value…",
            "LABEL display_name=unit-tests",
            "Says how the run of this file is shown.",
        ],
        "2021-12",
        Current,
        "label",
    ),
    row(
        Kind::SkipIf,
        "SKIP REMAINING IF",
        Conditions,
        [
            "SKIP REMAINING IF NAME=value [AND …]",
            "SKIP REMAINING IF GIT_BRANCH!=main",
            "Ends the file here, successfully, when all conditions hold.",
        ],
        "2021-04",
        Current,
        "skip-remaining-if",
    ),
    row(
        Kind::Aws,
        "AWS",
        Words,
        [
            "AWS subcommand --key=value…",
            "AWS link --region=us-east-1",
            "Connects the machine to an AWS account. Works on the vendor's hosts only.",
        ],
        "2022-06",
        VendorHosted,
        "aws",
    ),
    row(
        Kind::Artifact,
        "ARTIFACT",
        Words,
        [
            "ARTIFACT path…",
            "ARTIFACT /dist/app.tar",
            "Offered files for download. Removed from the language in 2020.",
        ],
        "2020-09",
        Removed,
        "artifact",
    ),
];

#[cfg(test)]
mod tests {
    use super::DIRECTIVES;

    #[test]
    fn the_table_is_in_the_order_of_the_enumeration() {
        for (index, info) in DIRECTIVES.iter().enumerate() {
            assert_eq!(info.kind as usize, index, "{}", info.keyword);
            assert!(info.usage.starts_with(info.keyword) && info.example.starts_with(info.keyword));
        }
    }
}
