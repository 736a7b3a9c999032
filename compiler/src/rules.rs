//! The table of diagnostic rules: every code, its name, its default severity and its page.
//!
//! Knows nothing of how a rule is checked. A row without a page does not compile. Codes are never reused:
//! LF0001–LF0099 are about syntax, LF0100–LF0199 about the project, LF0200–LF0299 about one well-formed file.

use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::span::{FileId, Span};

/// One kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The stable code, `LF0123`.
    pub code: Code,
    /// A short kebab-case name, stable too.
    pub name: &'static str,
    /// How bad it is unless the configuration says otherwise.
    pub severity: Severity,
    /// One line that says what is wrong.
    pub title: &'static str,
    /// The Markdown page that explains it, with examples.
    pub page: &'static str,
}

impl Rule {
    /// A finding of this rule: `message` is one sentence, lower case, no final dot, the user's words in backticks.
    pub fn at(&self, file: FileId, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code: self.code,
            severity: self.severity,
            message: message.into(),
            primary: Label { file, span, text: String::new() },
            related: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }
}

/// The rule of a code.
pub fn by_code(code: Code) -> Option<&'static Rule> {
    RULES
        .binary_search_by(|rule| rule.code.cmp(&code))
        .ok()
        .and_then(|index| RULES.get(index))
        .copied()
}

/// The rule of a name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.name == name)
}

macro_rules! rules {
    ($($code:ident $constant:ident $name:literal $severity:ident $title:literal;)*) => {
        $(
            #[doc = concat!(stringify!($code), ": ", $title, ".")]
            pub static $constant: Rule = Rule {
                code: Code::literal(stringify!($code)),
                name: $name,
                severity: Severity::$severity,
                title: $title,
                page: include_str!(concat!("../../spec/diagnostics/", stringify!($code), ".md")),
            };
        )*

        /// Every rule, sorted by code.
        pub static RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    // Syntax: the file as a whole.
    LF0001 FILE_TOO_LARGE "file-too-large" Error "a Layerfile is larger than the limit";
    LF0002 EMPTY_FILE "empty-file" Error "a Layerfile holds no instruction";
    LF0003 FROM_NOT_FIRST "from-not-first" Error "the first instruction is not FROM";
    LF0004 SECOND_FROM "second-from" Error "a Layerfile has more than one FROM";
    LF0005 BYTE_ORDER_MARK "byte-order-mark" Hint "a file starts with a byte order mark";
    LF0006 NUL_CHARACTER "nul-character" Error "a file holds a NUL character";
    LF0007 UNUSUAL_BLANK "unusual-blank" Error "a character looks like a blank and isn't one";

    // Syntax: keywords.
    LF0010 UNKNOWN_DIRECTIVE "unknown-directive" Error "a line starts with a word that is no directive";
    LF0011 KEYWORD_CASE "keyword-case" Error "a directive is not written in capitals";
    LF0012 MISSING_SEPARATOR "missing-separator" Error "a keyword runs into its argument";
    LF0013 RUN_MODIFIER_SPACING "run-modifier-spacing" Warning "blanks before BACKGROUND or REPEATABLE change their meaning elsewhere";
    LF0014 VENDOR_SPACING "vendor-spacing" Warning "blanks around a keyword that the vendor's parser rejects";
    LF0015 REMOVED_THEN "removed-then" Error "the prefix THEN was removed from the language";
    LF0016 REMOVED_ARTIFACT "removed-artifact" Error "ARTIFACT was removed from the language";
    LF0017 VENDOR_HOSTED "vendor-hosted" Warning "a directive that only works on the vendor's hosts";
    LF0018 SECOND_INSTRUCTION "second-instruction" Error "a second instruction stands on the same line";

    // Syntax: habits from Dockerfiles.
    LF0020 DOCKER_INSTRUCTION "docker-instruction" Error "an instruction that only Dockerfiles have";
    LF0021 DOCKER_EXPOSE "docker-expose" Error "EXPOSE with a port, as in a Dockerfile";
    LF0022 DOCKER_FLAG "docker-flag" Error "an option as in a Dockerfile";
    LF0023 JSON_ARRAY "json-array" Error "arguments written as a JSON array";
    LF0024 HEREDOC "heredoc" Error "a here-document, which Layerfiles do not have";
    LF0025 FROM_AS "from-as" Error "a build stage is named with AS";

    // Syntax: continuations and comments.
    LF0030 DOUBLED_BACKSLASH "doubled-backslash" Warning "two backslashes at the end of a line";
    LF0031 COMMENT_SWALLOWS_LINE "comment-swallows-line" Warning "a comment that ends with a backslash swallows the next line";
    LF0032 COMMENT_IN_CONTINUATION "comment-in-continuation" Warning "a comment inside a continued RUN comments out the rest of it";
    LF0033 CONTINUATION_BROKEN "continuation-broken" Error "a line belongs to an instruction that ended before it";
    LF0034 DANGLING_CONTINUATION "dangling-continuation" Warning "a backslash continues onto an empty line";
    LF0035 COMMENT_NOT_ALLOWED "comment-not-allowed" Error "a comment behind an instruction that cannot have one";
    LF0036 VENDOR_COMMENT "vendor-comment" Warning "a comment that the vendor's parser takes for an argument";
    LF0037 RUN_COMMENT "run-comment" Hint "a comment behind a command is part of the command";

    // Syntax: arguments.
    LF0040 MISSING_ARGUMENT "missing-argument" Error "an instruction lacks an argument";
    LF0041 UNEXPECTED_ARGUMENT "unexpected-argument" Error "an instruction has an argument too many";
    LF0042 EMPTY_BUTTON "empty-button" Warning "a BUTTON without a message";
    LF0043 RUN_MODIFIER_TWICE "run-modifier-twice" Warning "a command starts with a second RUN modifier";
    LF0044 COPY_DESTINATION "copy-destination" Error "several files are copied to something that is not a directory";
    LF0045 QUOTED_PATH "quoted-path" Warning "quotes do not group words in a list of paths";
    LF0046 FROM_SOURCE "from-source" Error "what FROM names cannot be an image or a path";
    LF0047 ENV_MISSING_VALUE "env-missing-value" Error "an ENV without a value";
    LF0048 ENV_LEFTOVER "env-leftover" Error "a word in ENV that belongs to no assignment";
    LF0049 ENV_SPACED_EQUALS "env-spaced-equals" Error "blanks around the equals sign of an ENV";
    LF0050 VARIABLE_NAME "variable-name" Error "a name that no environment variable can have";
    LF0051 ENV_UNCLOSED_QUOTE "env-unclosed-quote" Error "a quote in ENV is not closed on its line";
    LF0052 VALUE_NOT_ALLOWED "value-not-allowed" Error "a value where only names of variables may stand";
    LF0053 ENV_NESTED_SUBSTITUTION "env-nested-substitution" Warning "a nested substitution in ENV that the vendor's parser cuts short";
    LF0054 VENDOR_TAB "vendor-tab" Warning "a tab that the vendor's parser does not take for a separator";
    LF0060 WEBSITE_TARGET "website-target" Error "EXPOSE WEBSITE names a target it cannot expose";
    LF0061 PORT_NUMBER "port-number" Error "something that is not a port from 1 to 65535";
    LF0062 MEMORY_AMOUNT "memory-amount" Error "MEMORY with something that is not an amount";
    LF0063 SPLIT_COUNT "split-count" Error "SPLIT with something that is not a number of copies";
    LF0064 USER_NAME "user-name" Error "USER with something that is not a user name";
    LF0065 LABEL_SYNTAX "label-syntax" Error "a LABEL that is not key=value";
    LF0066 LABEL_KEY "label-key" Warning "a LABEL key that nothing reads";
    LF0067 LABEL_STATUS "label-status" Error "a LABEL status that does not exist";
    LF0070 SKIP_CONDITION "skip-condition" Error "a condition that cannot be read";
    LF0071 SKIP_CONNECTOR "skip-connector" Error "conditions that are not joined by AND";
    LF0072 SKIP_PATTERN "skip-pattern" Error "a pattern that is not a regular expression";
    LF0073 AWS_OPTIONS "aws-options" Error "AWS without a subcommand or with something that is not an option";

    // Project and links: LF0100–LF0199.
    LF0100 FROM_NOT_FOUND "from-not-found" Error "FROM names a Layerfile that doesn't exist";
    LF0101 WAIT_NOT_FOUND "wait-not-found" Error "WAIT names a Layerfile that doesn't exist";
    LF0102 REFERENCE_CASE "reference-case" Error "a reference differs from the real path in upper and lower case";
    LF0103 NOT_A_LAYERFILE "not-a-layerfile" Error "a reference names a file that is no Layerfile";
    LF0104 NOT_DISCOVERED "not-discovered" Error "a reference names a file that isn't discovered under its name";
    LF0105 REFERENCE_OUTSIDE "reference-outside" Error "a reference leaves the repository";
    LF0106 SYMLINKED_LAYERFILE "symlinked-layerfile" Error "a reference leads through a symbolic link";
    LF0107 DEPENDENCY_CYCLE "dependency-cycle" Error "Layerfiles need each other in a circle";
    LF0108 SPLIT_IN_PARENT "split-in-parent" Error "FROM names a Layerfile that is split";
    LF0109 SEVERAL_SPLITS "several-splits" Error "a Layerfile has more than one SPLIT";
    LF0110 MEMORY_ABOVE_PARENT "memory-above-parent" Warning "a Layerfile asks for more memory than its parent";
    LF0111 WAIT_ON_PARENT "wait-on-parent" Hint "WAIT names a Layerfile that this one starts from";
    LF0112 UNKNOWN_IMAGE "unknown-image" Hint "no source is known for an image";
    LF0113 COPY_SOURCE_MISSING "copy-source-missing" Warning "a source of COPY doesn't exist";
    LF0114 COPY_OUTSIDE "copy-outside" Error "a path leaves the repository";
    LF0115 SETUP_FILE_MISSING "setup-file-missing" Warning "a SETUP FILE doesn't exist";
    LF0116 SETUP_FILE_FROM_ROOT "setup-file-from-root" Warning "a SETUP FILE is found at the root only";
    LF0117 COPY_GLOB "copy-glob" Hint "a source of COPY is a pattern";
    LF0118 COPY_GIT "copy-git" Warning "COPY names the `.git` directory";
    LF0119 WAIT_REPEATED "wait-repeated" Hint "a Layerfile is waited for twice";
    LF0120 UNKNOWN_VARIABLE "unknown-variable" Warning "a variable isn't one of the built-in ones";
    LF0121 SUDO_NOT_NEEDED "sudo-not-needed" Hint "sudo is used where root runs the steps";

    // One well-formed file: LF0200–LF0299.
    LF0200 MEMORY_LATE "memory-late" Warning "MEMORY stands below the first RUN";
    LF0201 MEMORY_REPEATED "memory-repeated" Warning "a Layerfile has more than one MEMORY";
    LF0202 DEPRECATED_VARIABLE "deprecated-variable" Warning "a variable's name was replaced";
    LF0203 EXPOSE_HOST_IN_BUILD_ENV "expose-host-in-build-env" Error "BUILD ENV names the public host";
    LF0204 SECRET_PRINTED "secret-printed" Warning "a secret is printed to the log";
    LF0205 SECRET_IN_CACHE "secret-in-cache" Warning "a secret is written below a CACHE directory";
    LF0206 ENVIRONMENT_PRINTED "environment-printed" Warning "the environment is printed while secrets are in it";
    LF0207 SECRET_IN_TEXT "secret-in-text" Warning "a secret stands in the file in plain text";
    LF0208 UNREACHABLE "unreachable" Warning "steps can never run";
    LF0209 SKIP_NEVER "skip-never" Hint "a condition of SKIP REMAINING IF never holds";
    LF0210 EXPOSE_REPEATED "expose-repeated" Warning "two websites are exposed at one path";
    LF0211 EXPOSE_SCHEME "expose-scheme" Hint "a port belongs to the other scheme";
    LF0212 CHECKPOINT_STAYS_DISABLED "checkpoint-stays-disabled" Hint "snapshots stay off to the end of the file";
    LF0213 NOT_EXPANDED "not-expanded" Warning "a path holds a shell variable";
    LF0214 DOES_NOT_SURVIVE "does-not-survive" Hint "a RUN only changes its own shell";
    LF0215 BACKGROUND_AMPERSAND "background-ampersand" Hint "a RUN ends in an ampersand";
    LF0216 VENDOR_ONLY "vendor-only" Warning "an instruction works only on the original service";
    LF0217 REPEATED_NAME "repeated-name" Hint "a name is given twice";
    LF0218 SHELL_SYNTAX "shell-syntax" Warning "a command that bash can't read";
    LF0219 ENV_REPLACED "env-replaced" Hint "a value of ENV is replaced before anything uses it";

    // Suppressions.
    LF0290 SUPPRESSION_UNUSED "suppression-unused" Hint "a suppression silences nothing";
    LF0291 SUPPRESSION_WITHOUT_REASON "suppression-without-reason" Hint "a suppression doesn't say why";
    LF0292 SUPPRESSION_UNKNOWN "suppression-unknown" Warning "a suppression names no rule";
    LF0293 SUPPRESSION_OF_ERROR "suppression-of-error" Warning "a suppression names an error";
}

#[cfg(test)]
mod tests {
    use super::{RULES, by_code, by_name};

    #[test]
    fn codes_are_sorted_and_names_unique_and_kebab_case() {
        assert!(RULES.is_sorted_by(|left, right| left.code < right.code));
        for rule in RULES {
            assert_eq!(by_code(rule.code), Some(*rule));
            assert_eq!(by_name(rule.name), Some(*rule), "two rules are called {}", rule.name);
            assert!(
                rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn every_page_starts_with_code_and_name() {
        for rule in RULES {
            let heading = format!("# {}: {}\n", rule.code, rule.name);
            assert!(rule.page.starts_with(&heading), "{} must start with {heading:?}", rule.code);
        }
    }
}
