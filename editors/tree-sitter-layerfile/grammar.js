/**
 * Layerfiles for tree-sitter. The directives come from `directives.js`, which is generated; this file knows the shapes
 * of what follows a keyword, and lines, continuations and comments.
 *
 * A line is a logical line: continuations (a backslash, blanks, a line end) are passed over between words and belong to
 * the word inside words. Known limit: a continuation inside a keyword makes it an unknown word.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

const { prefix, directives } = require('./directives');

const LINE_END = /\r\n|\r|\n/;
const CONTINUATION = /\\[ \t]*(\r\n|\r|\n)/;

/** Zero or more of a character class, continuations among them. */
const many = (characters) => repeat(choice(characters, CONTINUATION));

/** Text between quotes that may hold escapes. */
const quoted = (quote, inside) => seq(quote, many(choice(inside, /\\[^\r\n]/)), quote);

/** What stands between the parentheses of `$(…)`, parentheses in it nested up to a depth. */
const substituted = (depth) => {
  const pieces = [
    /[^()"'\\\r\n]/,
    /\\[^\r\n]/,
    quoted('"', /[^"\\\r\n]/),
    seq("'", many(/[^'\r\n]/), "'"),
  ];
  if (depth > 0) pieces.push(seq('(', substituted(depth - 1), ')'));
  return many(choice(...pieces));
};

const VALUE = choice(
  quoted('"', /[^"\\\r\n]/),
  seq("'", many(/[^'\r\n]/), "'"),
  quoted('`', /[^`\\\r\n]/),
  seq('$(', substituted(3), ')', many(/[^ \t\r\n]/)),
  seq(/[^ \t\r\n]/, many(/[^ \t\r\n]/)),
);

/** What follows the keyword, by shape. `#` starts a comment except where the text is taken whole. */
const arguments_of = {
  shell: ($) => $.shell_command,
  text: ($) => $.text,
  words: ($) => seq(repeat($.argument), optional($.comment)),
  clone: ($) => seq(repeat(choice($.argument, alias($._default, $.argument))), optional($.comment)),
  assignments: ($) => seq(
    repeat(choice(
      seq($.name, $.operator, optional($.value)),
      alias($._bare_argument, $.argument),
    )),
    optional($.comment),
  ),
  conditions: ($) => seq($._condition, repeat(seq($.connector, $._condition)), optional($.comment)),
};

/** The rule of each directive. */
const instructions = Object.fromEntries(directives.map(({ rule, words, shape }) => [
  rule,
  ($) => seq(
    optional(alias(prefix, $.keyword)),
    ...words.map((word) => alias(word, $.keyword)),
    arguments_of[shape]($),
  ),
]));

module.exports = grammar({
  name: 'layerfile',

  extras: ($) => [/[ \t]/, $._continuation],

  word: ($) => $._word,

  supertypes: ($) => [$.instruction],

  rules: {
    source_file: ($) => seq(
      repeat(choice(seq($._line, LINE_END), LINE_END)),
      optional($._line),
    ),

    _line: ($) => choice($.instruction, $.comment),

    instruction: ($) => choice(...directives.map(({ rule }) => $[rule])),

    ...instructions,

    // Words, so that BACKGROUND behind RUN is found by the same rule that finds RUN; the words themselves are no nodes.
    shell_command: ($) => repeat1($._piece),
    text: ($) => repeat1($._piece),
    _piece: ($) => choice($._word, $._number_sign),

    argument: ($) => $._word,
    _word: () => token(seq(/[^ \t\r\n#]/, many(/[^ \t\r\n]/))),
    _number_sign: () => token(seq('#', many(/[^ \t\r\n]/))),
    _default: () => token(prec(1, seq('DEFAULT=', choice(/"[^"\r\n]*"/, /'[^'\r\n]*'/)))),

    // In ENV. A name is a word until an equals sign follows.
    _bare: () => token(seq(/[^ \t\r\n#=]/, many(/[^ \t\r\n=]/))),
    name: ($) => $._bare,
    _bare_argument: ($) => $._bare,
    operator: () => token.immediate('='),
    value: () => token.immediate(VALUE),

    _condition: ($) => seq(
      alias($._compared_name, $.name),
      alias($._comparison, $.operator),
      alias($._compared_value, $.value),
    ),
    _compared_name: () => token(prec(2, /[0-9A-Za-z_-]+/)),
    _comparison: () => token(prec(2, /!?=~?/)),
    _compared_value: () => token(prec(1, choice(/"[^"\r\n]*"/, /'[^'\r\n]*'/, seq(/[^ \t\r\n#]/, many(/[^ \t\r\n]/))))),
    connector: () => token(prec(3, 'AND')),

    _continuation: () => token(CONTINUATION),

    comment: () => token(seq('#', many(/[^\r\n]/))),
  },
});
