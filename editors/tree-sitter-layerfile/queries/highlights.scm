; Colours. Each node is caught by one pattern, so that it doesn't matter whether an editor prefers the first or the last.

(keyword) @keyword
(comment) @comment
(operator) @operator
(connector) @keyword.operator

(env_instruction (name) @variable)
(env_instruction (value) @string)
(env_instruction (argument) @string)
(skip_remaining_if_instruction (name) @variable)
(skip_remaining_if_instruction (value) @string)

(from_instruction (text) @module)
(button_instruction (text) @string)

(build_env_instruction (argument) @variable)
(secret_env_instruction (argument) @variable)

(copy_instruction (argument) @string.special.path)
(cache_instruction (argument) @string.special.path)
(setup_file_instruction (argument) @string.special.path)
(wait_instruction (argument) @string.special.path)
(workdir_instruction (argument) @string.special.path)
(artifact_instruction (argument) @string.special.path)
(clone_instruction (argument) @string.special.url)
(expose_website_instruction (argument) @string.special.url)

(expose_tcp_instruction (argument) @number)
(memory_instruction (argument) @number)
((split_instruction (argument) @number)
  (#match? @number "^[0-9]"))
((split_instruction (argument) @keyword.modifier)
  (#eq? @keyword.modifier "UNORDERED"))

((checkpoint_instruction (argument) @constant.builtin)
  (#eq? @constant.builtin "disabled"))
((checkpoint_instruction (argument) @label)
  (#not-eq? @label "disabled"))

(user_instruction (argument) @constant)
(label_instruction (argument) @property)
(aws_instruction (argument) @string)
