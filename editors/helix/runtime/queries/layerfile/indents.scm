; Generated from editors/tree-sitter-layerfile/queries/indents.scm, with the names of captures that this editor has.

; The lines that continue an instruction stand one step to the right.
(instruction) @indent
