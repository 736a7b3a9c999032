; Continued instructions and runs of comments.
(instruction) @fold
(comment)+ @fold
