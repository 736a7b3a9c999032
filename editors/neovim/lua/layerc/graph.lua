-- The plan as a tree of text: Layerfiles below those they start from, their steps, and whom they wait for.
--
-- Reads the document of `layerc plan --format json --outlook`; knows no windows.

local graph = {}

--- Where a node stands in its Layerfile, for the kinds that have a line.
local function place_of(node)
  return node.Step or node.Fork or node.Join or node.Gate
end

---@class layerc.Drawn
---@field lines string[]
---@field places table<integer, { path: string, line: integer }> by line number of the tree
---@field reasons table<integer, string> by line number from 0: why a step would run
---@field marks { [1]: integer, [2]: integer, [3]: integer, [4]: string }[] line, from, to (bytes), highlight group

local function children_of(document)
  local children = {}
  for _, file in ipairs(document.layerfiles) do
    local parent = file.parent or ''
    children[parent] = children[parent] or {}
    table.insert(children[parent], file)
  end
  return children
end

local function add(drawn, indent, text, group, place)
  table.insert(drawn.lines, indent .. text)
  local line = #drawn.lines - 1
  drawn.places[line + 1] = place
  table.insert(drawn.marks, { line, 0, #indent, 'NonText' })
  if group then
    table.insert(drawn.marks, { line, #indent, #indent + #text, group })
  end
  return line
end

--- The capitals that an instruction starts with.
local function keyword_of(text)
  local words = {}
  for word in text:gmatch('%S+') do
    if not word:match('^%u+$') then
      break
    end
    table.insert(words, word)
  end
  return table.concat(words, ' ')
end

local OUTLOOKS = { cached = 'DiagnosticOk', willRun = 'DiagnosticWarn' }
local DOT = '• '

local function add_step(drawn, indent, file, node)
  local place = place_of(node)
  if not place then
    return
  end
  local line = add(drawn, indent, DOT .. node.text, nil, { path = file.path, line = place.line })
  local annotation = node.annotation or {}
  local start = #indent + #DOT
  table.insert(drawn.marks, { line, #indent, start, OUTLOOKS[annotation.kind] or 'NonText' })
  table.insert(drawn.marks, { line, start, start + #keyword_of(node.text), 'Keyword' })
  drawn.reasons[line] = annotation.reason or annotation.cause or (annotation.kind == 'leftOut' and 'left out' or nil)
end

local function add_file(drawn, document, children, file, indent)
  local copies = file.copies > 1 and (' ×' .. file.copies) or ''
  add(drawn, indent, '● ' .. file.runnerName .. copies, 'Title', { path = file.path, line = 1 })
  local below = children[file.path] or {}
  local bar = indent .. (#below > 0 and '│  ' or '   ')
  for _, index in ipairs(file.nodes) do
    add_step(drawn, bar, file, document.nodes[index + 1])
  end
  for position, child in ipairs(below) do
    local last = position == #below
    add(drawn, indent, '│', 'NonText')
    add_file(drawn, document, children, child, indent .. (last and '   ' or '│  '))
  end
end

--- Draws a plan.
---@return layerc.Drawn
function graph.draw(document)
  local drawn = { lines = {}, places = {}, marks = {}, reasons = {} }
  local children = children_of(document)
  for _, file in ipairs(children[''] or {}) do
    add_file(drawn, document, children, file, '')
    add(drawn, '', '')
  end
  return drawn
end

--- Colours what was drawn.
---@param buffer integer
---@param drawn layerc.Drawn
function graph.colour(buffer, drawn)
  local space = vim.api.nvim_create_namespace('layerc.graph')
  for _, mark in ipairs(drawn.marks) do
    vim.api.nvim_buf_set_extmark(buffer, space, mark[1], mark[2], { end_col = mark[3], hl_group = mark[4] })
  end
  for line, reason in pairs(drawn.reasons) do
    vim.api.nvim_buf_set_extmark(buffer, space, line, 0, { virt_text = { { '  ' .. reason, 'Comment' } } })
  end
end

return graph
