//! The one table of what a directive or a built-in variable is called and for.
//!
//! Keywords of the lexer, usage lines of the parser, completion, hover, editor grammars and the index of the
//! specification come from here. It refuses to know how an argument is parsed or what an instruction does.

mod directives;
mod docker;
mod keywords;
mod variables;

pub use directives::{ArgumentShape, DIRECTIVES, DirectiveInfo, DirectiveKind, Standing};
pub use docker::{DOCKER_INSTRUCTIONS, DockerInstruction, docker_instruction};
pub use keywords::{KeywordWords, keyword_at};
pub use variables::{BuildEnvUse, VARIABLES, VariableInfo, variable};

/// Words that only ever follow another keyword of the language: `IF`, `ENV` after BUILD, and so on are part of keywords;
/// this is the prefix of 2019 that tied an instruction to the layer before it.
pub const THEN_PREFIX: &str = "THEN";
