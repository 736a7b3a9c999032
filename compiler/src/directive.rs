//! What one instruction says, once its words are understood: the typed result of parsing.
//!
//! Only syntax is settled here: names are as written, paths unresolved, nothing evaluated.
//! Every text is logical text, that is, after continuation removal; spans are of the original text.

use crate::span::{Span, Spanned};

/// A word as written.
pub type Word = Spanned<String>;

/// One instruction of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// What it says.
    pub instruction: Instruction,
    /// The keyword (all its words).
    pub keyword: Span,
    /// From the keyword to the end of the last argument, comment excluded.
    pub span: Span,
}

/// Every instruction of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruction {
    /// `FROM source`: what the machine starts as.
    From(FromSource),
    /// `RUN …`: a shell command.
    Run(Run),
    /// `COPY source… destination`: repository files appear in the machine.
    Copy(Copy),
    /// `ENV …`: variables for later instructions; values are shell text.
    Env(Vec<EnvPair>),
    /// `BUILD ENV name…`: these variables' values become part of the cache key.
    BuildEnv(Vec<Word>),
    /// `SECRET ENV name…`: secrets become variables.
    SecretEnv(Vec<Word>),
    /// `CACHE path…`: directories shared between runs.
    Cache(Vec<Word>),
    /// `CHECKPOINT …`: snapshot policy.
    Checkpoint(Checkpoint),
    /// `EXPOSE WEBSITE …`: a public site of this machine.
    ExposeWebsite(ExposeWebsite),
    /// `EXPOSE TCP …`: a forwarded port.
    ExposeTcp(ExposeTcp),
    /// `MEMORY n`: at least this much memory.
    Memory(Memory),
    /// `SETUP FILE path…`: sourced before every later RUN.
    SetupFile(Vec<Word>),
    /// `SPLIT n`: the machine is duplicated.
    Split(Split),
    /// `USER name`: later commands run as this user.
    User(Word),
    /// `WAIT layerfile…`: blocks until these succeeded. Never empty.
    Wait(Vec<Word>),
    /// `WORKDIR path`: directory of later commands.
    Workdir(Word),
    /// `BUTTON message`: blocks until pressed.
    Button(Word),
    /// `CLONE url source… destination`: files of another repository.
    Clone(Clone_),
    /// `LABEL key=value…`: how the runner is shown.
    Label(Vec<LabelPair>),
    /// `SKIP REMAINING IF …`: ends the file early, successfully. All conditions must hold.
    SkipIf(Vec<Condition>),
    /// `AWS subcommand --key=value…`: vendor-hosted only.
    Aws(Aws),
    /// `ARTIFACT path…`: removed from the language in 2020.
    Artifact(Vec<Word>),
}

/// What FROM names, told apart by its spelling alone (language rules: a leading `/` or `.` is a path, a `:` an image).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromSource {
    /// `vm/ubuntu:18.04`, `webapp.io/node:16`, `ubuntu:18.04`, `github/…@sha`.
    Image(Word),
    /// `../base`, `/base/Layerfile`: another Layerfile or its directory.
    Path(Word),
    /// `base`: a directory if there is one, else a mistake.
    Bare(Word),
}

/// How a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunMode {
    /// To its end.
    Plain,
    /// Detached; later instructions go on.
    Background,
    /// To its end, starting from what it left the last time.
    Repeatable,
}

/// `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How.
    pub mode: RunMode,
    /// The rest of the logical line, trimmed; bash text. Not empty.
    pub command: Word,
}

/// `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// At least one.
    pub sources: Vec<Word>,
    /// Where to; with several sources it ends with `/`.
    pub destination: Word,
}

/// One `key=value` of ENV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvPair {
    /// The variable.
    pub key: Word,
    /// Shell text, its quotes kept; empty for `KEY=`.
    pub value: Word,
}

/// `CHECKPOINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoint {
    /// Snapshot here, and automatic ones from here on.
    Here,
    /// A named snapshot.
    Named(Word),
    /// No snapshots from here on.
    Disabled,
}

/// Scheme of an exposed website inside the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// TLS, certificate not checked.
    Https,
}

/// `EXPOSE WEBSITE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposeWebsite {
    /// How the machine's server speaks.
    pub scheme: Scheme,
    /// Its port on localhost, 1–65535 (80 or 443 when not written).
    pub port: u16,
    /// The target as written.
    pub target: Word,
    /// Prefix routed here, normalised to start with `/` and not to end with one (but `/` itself).
    pub path: Spanned<String>,
    /// What replaces the prefix, if anything.
    pub rewrite: Option<Word>,
}

/// `EXPOSE TCP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExposeTcp {
    /// The port outside.
    pub source: Spanned<u16>,
    /// The port inside the machine.
    pub destination: Spanned<u16>,
}

/// `MEMORY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Bytes (K, M, G are powers of 1024).
    pub bytes: u64,
    /// As written: `2G`.
    pub text: Word,
}

/// Whether split copies know their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SplitOrder {
    /// `SPLIT` is 0…n-1 in the copies.
    Ordered,
    /// All copies have the same environment.
    Unordered,
}

/// `SPLIT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Number of copies, at least 1.
    pub copies: Spanned<u32>,
    /// Whether they know their index.
    pub order: SplitOrder,
}

/// `CLONE` (the underscore keeps it apart from the trait).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clone_ {
    /// The other repository.
    pub url: Word,
    /// `DEFAULT=branch`, when not empty.
    pub default_branch: Option<Word>,
    /// Paths in the other repository; empty means all of it.
    pub sources: Vec<Word>,
    /// Where to.
    pub destination: Word,
}

/// One `key=value` of LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPair {
    /// `display_name`, `status` or unknown; as written.
    pub key: Word,
    /// Its value.
    pub value: Word,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`: unanchored regular expression.
    Matches,
    /// `!=~`
    NotMatches,
}

/// One condition of SKIP REMAINING IF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The variable, without `$`.
    pub name: Word,
    /// How.
    pub comparison: Comparison,
    /// With what; all quote characters are removed, as the vendor does.
    pub value: Word,
}

/// `AWS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws {
    /// `link`, `install`, …
    pub subcommand: Word,
    /// The `--key=value` options.
    pub options: Vec<LabelPair>,
}
