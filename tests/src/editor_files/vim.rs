//! Syntax of Vim and Neovim: colours where neither a tree-sitter parser nor the server is there.
//!
//! Knows Vim's region rules; shell inside RUN is Vim's own `syntax/sh.vim`.

use super::NOTICE;
use super::patterns::{alternatives, of_shape, shell_directives, variables};
use layerc_compiler::catalog::{ArgumentShape, DirectiveInfo, THEN_PREFIX};
use std::fmt::Write as _;

/// The syntax file.
pub(super) fn syntax() -> String {
    let mut text = format!("\" Vim syntax file of Layerfiles.\n\" {NOTICE}\n");
    text.push_str(HEAD);
    let assignments = of_shape(ArgumentShape::Assignments);
    let conditions = of_shape(ArgumentShape::Conditions);
    let mut words = of_shape(ArgumentShape::Words);
    words.extend(of_shape(ArgumentShape::CloneWords));
    let plain = of_shape(ArgumentShape::Text);
    keyword(&mut text, &shell_directives(), "layerfileShell");
    keyword(&mut text, &assignments, "layerfileAssignments");
    keyword(&mut text, &conditions, "layerfileConditions");
    keyword(&mut text, &words, "layerfileWords");
    keyword(&mut text, &plain, "layerfileText");
    let names = variables().join("\\|");
    let _ =
        writeln!(text, "syntax match layerfileBuiltin contained /\\${{\\?\\%({names}\\)\\>}}\\?/");
    text.push_str(TAIL);
    text
}

/// A keyword at the start of a line and the region that comes behind it.
fn keyword(text: &mut String, infos: &[&DirectiveInfo], next: &str) {
    let names = alternatives(infos, "[ \\t]+");
    let _ = writeln!(
        text,
        "syntax match layerfileKeyword /\\v^\\s*%({THEN_PREFIX}\\s+)?%({names})\\ze%(\\s|\\\\|$)/ nextgroup={next} skipwhite",
    );
}

const HEAD: &str = r#"
if exists('b:current_syntax')
  finish
endif
let s:save = &cpoptions
set cpoptions&vim

let b:is_bash = 1
syntax include @layerfileBash syntax/sh.vim
unlet! b:current_syntax
syntax case match
syntax sync minlines=50

syntax match layerfileUnknown /^\s*\zs[^# \t]\S*/
syntax match layerfileComment /^\s*#.*$/ contains=layerfileMark,@Spell
syntax match layerfileTrailing contained /\s\zs#.*$/ contains=layerfileMark,@Spell
syntax match layerfileMark contained /layerc: ignore\>.*$/
syntax match layerfileContinuation contained /\\\s*$/
"#;

const TAIL: &str = r#"syntax match layerfileVariable contained /\$\%({[^}]*}\|\h\w*\)/
syntax match layerfileName contained /[^ \t#=]\+\ze=/
syntax match layerfileOperator contained /!\?=\~\?/
syntax keyword layerfileConnector contained AND
syntax match layerfileNumber contained /\<\d\+[KMG]\?\>/
syntax keyword layerfileModifier contained UNORDERED disabled
syntax region layerfileString contained start=/"/ skip=/\\./ end=/"/ oneline contains=layerfileVariable,layerfileBuiltin
syntax region layerfileString contained start=/'/ end=/'/ oneline

syntax region layerfileShell contained start=/\S/ skip=/\\\s*$/ end=/$/ contains=@layerfileBash,layerfileContinuation keepend
syntax region layerfileAssignments contained start=/\S/ skip=/\\\s*$/ end=/$/ contains=layerfileName,layerfileOperator,layerfileString,layerfileVariable,layerfileBuiltin,layerfileTrailing,layerfileContinuation keepend
syntax region layerfileConditions contained start=/\S/ skip=/\\\s*$/ end=/$/ contains=layerfileName,layerfileOperator,layerfileConnector,layerfileString,layerfileTrailing,layerfileContinuation keepend
syntax region layerfileWords contained start=/\S/ skip=/\\\s*$/ end=/$/ contains=layerfileName,layerfileNumber,layerfileModifier,layerfileTrailing,layerfileContinuation keepend
syntax region layerfileText contained start=/\S/ skip=/\\\s*$/ end=/$/ contains=layerfileContinuation keepend

highlight default link layerfileKeyword Keyword
highlight default link layerfileUnknown Error
highlight default link layerfileComment Comment
highlight default link layerfileTrailing Comment
highlight default link layerfileMark SpecialComment
highlight default link layerfileContinuation SpecialChar
highlight default link layerfileVariable Identifier
highlight default link layerfileBuiltin Special
highlight default link layerfileName Identifier
highlight default link layerfileOperator Operator
highlight default link layerfileConnector Conditional
highlight default link layerfileNumber Number
highlight default link layerfileModifier StorageClass
highlight default link layerfileString String
highlight default link layerfileWords String
highlight default link layerfileText String

let b:current_syntax = 'layerfile'
let &cpoptions = s:save
unlet s:save
"#;
