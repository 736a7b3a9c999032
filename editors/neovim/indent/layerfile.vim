" Lines that continue an instruction stand one step to the right of where it starts.

if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal autoindent
setlocal indentexpr=LayerfileIndent(v:lnum)
setlocal indentkeys=o,O
let b:undo_indent = 'setlocal autoindent< indentexpr< indentkeys<'

if exists('*LayerfileIndent')
  finish
endif

function LayerfileIndent(line) abort
  let l:before = a:line - 1
  if l:before < 1 || getline(l:before) !~# '\\\s*$'
    return l:before > 1 && getline(l:before - 1) =~# '\\\s*$' ? 0 : indent(l:before)
  endif
  " The second line of an instruction is indented, the ones behind it stand below it.
  let l:continues = l:before > 1 && getline(l:before - 1) =~# '\\\s*$'
  return l:continues ? indent(l:before) : indent(l:before) + shiftwidth()
endfunction
