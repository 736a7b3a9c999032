" Vim syntax file of Layerfiles.
" Generated from compiler/src/catalog. Change that, then: UPDATE_EDITOR_FILES=1 cargo test --package layerc-tests --test editor_files

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
syntax match layerfileKeyword /\v^\s*%(THEN\s+)?%(RUN[ \t]+BACKGROUND|RUN[ \t]+REPEATABLE|RUN)\ze%(\s|\\|$)/ nextgroup=layerfileShell skipwhite
syntax match layerfileKeyword /\v^\s*%(THEN\s+)?%(ENV)\ze%(\s|\\|$)/ nextgroup=layerfileAssignments skipwhite
syntax match layerfileKeyword /\v^\s*%(THEN\s+)?%(SKIP[ \t]+REMAINING[ \t]+IF)\ze%(\s|\\|$)/ nextgroup=layerfileConditions skipwhite
syntax match layerfileKeyword /\v^\s*%(THEN\s+)?%(EXPOSE[ \t]+WEBSITE|CHECKPOINT|EXPOSE[ \t]+TCP|SECRET[ \t]+ENV|SETUP[ \t]+FILE|BUILD[ \t]+ENV|ARTIFACT|WORKDIR|MEMORY|CACHE|CLONE|LABEL|SPLIT|COPY|USER|WAIT|AWS)\ze%(\s|\\|$)/ nextgroup=layerfileWords skipwhite
syntax match layerfileKeyword /\v^\s*%(THEN\s+)?%(BUTTON|FROM)\ze%(\s|\\|$)/ nextgroup=layerfileText skipwhite
syntax match layerfileBuiltin contained /\${\?\%(API_EXTRA\|CI\|CI_MACHINE\|DEBIAN_FRONTEND\|DEPLOYMENT_HOST\|EXPOSE_WEBSITE_HOST\|EXPOSE_WEBSITE_URL\|GIT_BRANCH\|GIT_CLONE_URL\|GIT_CLONE_USER\|GIT_COMMIT\|GIT_COMMIT_TITLE\|GIT_SHORT_COMMIT\|GIT_TAG\|IN_CI\|IN_CI_MACHINE\|IS_CI_MACHINE\|JOB_ID\|LAYERCI\|LAYERCI_BRANCH\|LAYERCI_JOB_ID\|LAYERCI_ORG_NAME\|LAYERCI_PULL_REQUEST\|LAYERCI_REPO_NAME\|LAYERCI_REPO_OWNER\|LAYERCI_RUNNER_ID\|ORGANIZATION_NAME\|PULL_REQUEST_URL\|REPOSITORY_NAME\|REPOSITORY_OWNER\|RETRY_INDEX\|RUNNER_ID\|SPLIT\|SPLIT_NUM\|SUBDOMAIN\|WEBAPPIO\)\>}\?/
syntax match layerfileVariable contained /\$\%({[^}]*}\|\h\w*\)/
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
