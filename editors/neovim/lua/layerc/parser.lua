-- Compiling the tree-sitter parser, whose C text comes with the plugin. Knows paths and `cc`, no Layerfiles.

local parser = {}

--- The folder of the plugin that has a path, found from where this file is.
---@param path string relative to the plugin's folder
---@return string
local function beside(path)
  local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
  return vim.fs.normalize(here .. '/../../' .. path)
end

--- Where the parser's C text is: in the repository next to the plugin.
---@return string
function parser.source()
  return beside('../tree-sitter-layerfile/src')
end

--- Compiles `parser.c` to where Neovim looks for parsers.
---@return boolean built
function parser.build()
  local target = beside('parser')
  vim.fn.mkdir(target, 'p')
  local source = parser.source()
  local compiler = vim.env.CC or 'cc'
  local command = { compiler, '-O2', '-fPIC', '-shared', '-I', source, '-o', target .. '/layerfile.so', source .. '/parser.c' }
  local started, job = pcall(vim.system, command, { text = true })
  local result = started and job:wait() or { code = 1, stderr = 'cannot start `' .. compiler .. '`' }
  if result.code ~= 0 then
    vim.notify('layerc: the parser could not be compiled: ' .. (result.stderr or ''), vim.log.levels.ERROR)
    return false
  end
  vim.notify('layerc: compiled ' .. target .. '/layerfile.so; reopen Layerfiles to use it')
  return true
end

return parser
