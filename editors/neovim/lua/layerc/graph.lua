-- The plan as a tree of text: Layerfiles below those they start from, their steps, and whom they wait for.
--
-- Reads the document of `layerc plan --format json`; knows no windows.

local graph = {}

--- Where a node stands in its Layerfile, for the kinds that have a line.
local function place_of(node)
  return node.Step or node.Fork or node.Join or node.Gate
end

---@class layerc.Drawn
---@field lines string[]
---@field places table<integer, { path: string, line: integer }> by line number of the tree
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
  local line = #drawn.lines
  drawn.places[line] = place
  if group then
    table.insert(drawn.marks, { line - 1, #indent, #indent + #text, group })
  end
  return line
end

local function add_step(drawn, indent, file, node)
  local place = place_of(node)
  if not place then
    return
  end
  local line = add(drawn, indent, node.text, nil, { path = file.path, line = place.line })
  local keyword = node.text:match('^[A-Z ]*[A-Z]%f[^A-Z]') or ''
  table.insert(drawn.marks, { line - 1, #indent, #indent + #keyword, 'Keyword' })
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
    local line = #drawn.lines
    drawn.last = line
  end
end

--- Draws a plan.
---@return layerc.Drawn
function graph.draw(document)
  local drawn = { lines = {}, places = {}, marks = {} }
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
  for number, line in ipairs(drawn.lines) do
    local bar = line:match('^[│ ]+')
    if bar then
      vim.api.nvim_buf_set_extmark(buffer, space, number - 1, 0, { end_col = #bar, hl_group = 'NonText' })
    end
  end
end

return graph
