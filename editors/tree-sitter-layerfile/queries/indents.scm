; The lines that continue an instruction stand one step to the right.
(instruction) @indent.begin
