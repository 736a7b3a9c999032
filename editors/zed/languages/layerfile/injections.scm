; Generated from editors/tree-sitter-layerfile/queries/injections.scm, with the names of captures that this editor has.

; RUN speaks bash, continuations included: bash joins lines the same way.
((shell_command) @injection.content
  (#set! injection.language "bash"))

((comment) @injection.content
  (#set! injection.language "comment"))
