; Where pairs of quotes aren't closed by themselves: `not_in` in config.toml names these.
(comment) @comment.inclusive
(value) @string
