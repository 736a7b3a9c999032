; Generated from editors/tree-sitter-layerfile/queries/folds.scm, with the names of captures that this editor has.

; Continued instructions and runs of comments.
(instruction) @fold
(comment)+ @fold
