; The outline of a file: each instruction with its first argument.
(_
  (keyword)+ @context
  .
  [(text) (shell_command) (argument) (name)] @name) @item
