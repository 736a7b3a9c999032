-- What the plugin adds to a buffer that the server is attached to: commands that show the plan, run it, explain it.
--
-- Everything about Layerfiles is asked of `layerc`; this file knows windows and terminals.

local layerc = {}

--- The program that the server was started with, so that commands use the same one.
---@param client vim.lsp.Client
---@return string
local function program(client)
  local command = client.config.cmd
  return type(command) == 'table' and command[1] or 'layerc'
end

--- `layerc` reads the disk: says so where something isn't written yet.
local function mention_unsaved()
  local unsaved = vim.tbl_filter(function(buffer)
    return buffer.changed == 1 and vim.bo[buffer.bufnr].filetype == 'layerfile'
  end, vim.fn.getbufinfo({ bufloaded = 1 }))
  if #unsaved > 0 then
    local names = vim.tbl_map(function(buffer)
      return vim.fn.fnamemodify(buffer.name, ':.')
    end, unsaved)
    vim.notify('Shown is what is on disk; not written yet: ' .. table.concat(names, ', '), vim.log.levels.WARN)
  end
end

--- Runs `layerc` in a terminal below; `q` closes it.
---@param client vim.lsp.Client
---@param arguments string[]
local function in_terminal(client, arguments)
  vim.cmd('botright 15new')
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].bufhidden = 'wipe'
  vim.fn.jobstart(vim.list_extend({ program(client) }, arguments), { term = true, cwd = client.root_dir })
  -- A terminal follows its output while the cursor is in the last line: right for what goes on, not for a page to read.
  if arguments[1] == 'run' then
    vim.cmd('normal! G')
  end
  vim.keymap.set('n', 'q', '<cmd>close<cr>', { buffer = buffer })
end

--- Shows text in a scratch buffer beside; `q` closes it.
---@param name string
---@param filetype string
---@param lines string[]
---@return integer buffer
local function beside(name, filetype, lines)
  local old = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?') .. '$')
  if old ~= -1 then
    vim.api.nvim_buf_delete(old, { force = true })
  end
  vim.cmd('vertical new')
  local buffer = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_name(buffer, name)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].bufhidden = 'wipe'
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = filetype
  vim.keymap.set('n', 'q', '<cmd>close<cr>', { buffer = buffer })
  return buffer
end

--- What `layerc` prints, line by line; a message and nothing when it fails.
---@param client vim.lsp.Client
---@param arguments string[]
---@return string[]?
local function output(client, arguments)
  local command = vim.list_extend({ program(client) }, arguments)
  local result = vim.system(command, { text = true, cwd = client.root_dir }):wait()
  if result.code ~= 0 then
    vim.notify(vim.trim(result.stderr or ''), vim.log.levels.ERROR)
    return nil
  end
  return vim.split(vim.trim(result.stdout or ''), '\n')
end

--- The codes of the findings on a line, or of the whole buffer if there is none on it.
---@param buffer integer
---@return string[]
local function codes(buffer)
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local found = vim.diagnostic.get(buffer, { lnum = line })
  found = #found > 0 and found or vim.diagnostic.get(buffer)
  local distinct = {}
  for _, finding in ipairs(found) do
    local code = tostring(finding.code or '')
    if code:match('^LF%d%d%d%d$') and not vim.tbl_contains(distinct, code) then
      table.insert(distinct, code)
    end
  end
  return distinct
end

--- Shows the page of a finding.
---@param client vim.lsp.Client
---@param code string
local function explain(client, code)
  local lines = output(client, { 'explain', '--color', 'never', code })
  if lines then
    beside('layerc://explain/' .. code, 'markdown', lines)
  end
end

--- Goes from a line of the graph to the line of the Layerfile that it is about.
---@param client vim.lsp.Client
---@param places table<integer, { path: string, line: integer }>
local function jump(client, places)
  local place = places[vim.api.nvim_win_get_cursor(0)[1]]
  if place then
    vim.cmd('wincmd p')
    vim.cmd.edit(vim.fn.fnameescape(vim.fs.joinpath(client.root_dir, place.path)))
    vim.api.nvim_win_set_cursor(0, { place.line, 0 })
  end
end

--- Shows the plan of the repository as a tree; <CR> on a line goes to the Layerfile it is about.
---@param client vim.lsp.Client
local function graph(client)
  local document = output(client, { 'plan', '--format', 'json', '--outlook', '--color', 'never' })
  if not document then
    return
  end
  mention_unsaved()
  local name = 'layerc://plan'
  local drawn = require('layerc.graph').draw(vim.json.decode(table.concat(document, '\n'), { luanil = { object = true } }))
  local buffer = beside(name, 'layercplan', drawn.lines)
  vim.wo.number = false
  vim.wo.wrap = false
  require('layerc.graph').colour(buffer, drawn)
  vim.keymap.set('n', '<CR>', function()
    jump(client, drawn.places)
  end, { buffer = buffer, desc = 'Go to the line of the Layerfile' })
end

--- Shows the whole inherited machine of a Layerfile; <CR> on a line goes to where that is written.
---@param client vim.lsp.Client
---@param buffer integer
local function flatten(client, buffer)
  local about = { textDocument = vim.lsp.util.make_text_document_params(buffer) }
  local answer = client:request_sync('layerc/flattened', about, 5000, buffer)
  local flattened = answer and answer.result
  if not flattened or flattened == vim.NIL then
    return vim.notify('The server knows nothing of this file', vim.log.levels.WARN)
  end
  local lines = vim.split(flattened.text, '\n', { trimempty = true })
  local shown = beside('layerc://flattened/' .. vim.fs.basename(vim.fs.dirname(vim.uri_to_fname(about.textDocument.uri))), 'layerfile', lines)
  vim.keymap.set('n', '<CR>', function()
    local place = flattened.lines[vim.api.nvim_win_get_cursor(0)[1]]
    if place and place ~= vim.NIL then
      vim.cmd('wincmd p')
      vim.lsp.util.show_document(place, client.offset_encoding, { focus = true })
    end
  end, { buffer = shown, desc = 'Go to where this is written' })
end

--- The path of a Layerfile as `layerc` wants it.
---@param client vim.lsp.Client
---@param file string
local function target(client, file)
  return vim.fs.relpath(client.root_dir or vim.fn.getcwd(), file) or 'Layerfile'
end

--- Plans or runs one Layerfile in a terminal.
---@param client vim.lsp.Client
---@param action 'plan'|'run'
---@param file string
---@param more string[]?
local function start(client, action, file, more)
  if action == 'run' then
    vim.cmd('silent update')
  end
  mention_unsaved()
  in_terminal(client, vim.list_extend({ action, '--target', target(client, file) }, more or {}))
end

--- The commands of a buffer.
---@param client vim.lsp.Client
---@param buffer integer
local function commands(client, buffer)
  local function command(name, description, action, options)
    local all = vim.tbl_extend('force', { desc = description }, options or {})
    vim.api.nvim_buf_create_user_command(buffer, name, action, all)
  end
  command('LayercGraph', 'Show the plan of the repository', function()
    graph(client)
  end)
  command('LayercFlatten', 'Show this Layerfile with all that it inherits', function()
    flatten(client, buffer)
  end)
  command('LayercPlan', 'Plan this Layerfile', function()
    start(client, 'plan', vim.api.nvim_buf_get_name(buffer))
  end)
  command('LayercRun', 'Run this Layerfile; arguments are those of `layerc run`', function(call)
    start(client, 'run', vim.api.nvim_buf_get_name(buffer), call.fargs)
  end, { nargs = '*' })
  command('LayercExplain', 'Explain a finding: the given code, or the one of the cursor', function(call)
    local candidates = call.fargs[1] and call.fargs or codes(buffer)
    if #candidates == 0 then
      return vim.notify('No finding here to explain')
    elseif #candidates == 1 then
      return explain(client, candidates[1])
    end
    vim.ui.select(candidates, { prompt = 'Explain which finding?' }, function(code)
      if code then
        explain(client, code)
      end
    end)
  end, { nargs = '?' })
  command('LayercRestart', 'Restart the server', function()
    vim.lsp.enable('layerc', false)
    vim.defer_fn(function()
      vim.lsp.enable('layerc', true)
    end, 300)
  end)
end

--- What a click on the server's lens does, which Neovim can't do by itself.
vim.lsp.commands['layerc.showReferences'] = function(command, context)
  local uri, position, places = unpack(command.arguments)
  local client = vim.lsp.get_client_by_id(context.client_id)
  if client and places and #places > 0 then
    vim.fn.setqflist({}, ' ', { title = command.title, items = vim.lsp.util.locations_to_items(places, client.offset_encoding) })
    vim.cmd('botright copen')
  elseif client then
    vim.lsp.util.show_document({ uri = uri, range = { start = position, ['end'] = position } }, client.offset_encoding)
    vim.lsp.buf.references({ includeDeclaration = false })
  end
end

for _, action in ipairs({ 'plan', 'run' }) do
  vim.lsp.commands['layerc.' .. action] = function(command, context)
    local client = vim.lsp.get_client_by_id(context.client_id)
    if client then
      start(client, action, vim.uri_to_fname(command.arguments[1]))
    end
  end
end

--- Lets the user choose the copy of a SPLIT whose values are shown.
vim.lsp.commands['layerc.pickCopy'] = function(command, context)
  local uri, copies = unpack(command.arguments)
  local client = vim.lsp.get_client_by_id(context.client_id)
  local choices = { 'all copies' }
  for copy = 0, copies - 1 do
    table.insert(choices, 'copy ' .. copy)
  end
  vim.ui.select(choices, { prompt = 'Show the values of which copy?' }, function(_, index)
    if client and index then
      local copy = index > 1 and index - 2 or vim.NIL
      client:exec_cmd({ title = 'Show copy', command = 'layerc.showCopy', arguments = { uri, copy } })
    end
  end)
end

--- Shows the lenses of a buffer, and again after edits, after saves, when its window is entered and when nothing happens.
---@param client vim.lsp.Client
---@param buffer integer
local function keep_lenses(client, buffer)
  local group = vim.api.nvim_create_augroup('layerc.lenses.' .. buffer, {})
  local function refresh()
    if #vim.lsp.get_clients({ bufnr = buffer, name = client.name }) == 0 then
      vim.lsp.codelens.clear(nil, buffer)
      return true
    end
    vim.lsp.codelens.refresh({ bufnr = buffer })
  end
  local events = { 'BufEnter', 'BufWritePost', 'CursorHold', 'FocusGained', 'InsertLeave', 'TextChanged' }
  vim.api.nvim_create_autocmd(events, { group = group, buffer = buffer, callback = refresh })
  refresh()
end

--- Called by `lsp/layerc.lua` for each buffer.
---@param client vim.lsp.Client
---@param buffer integer
function layerc.attach(client, buffer)
  commands(client, buffer)
  if vim.g.layerc_inlay_hints ~= false and client:supports_method('textDocument/inlayHint', buffer) then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  end
  if vim.g.layerc_code_lens ~= false and client:supports_method('textDocument/codeLens', buffer) then
    -- 0.12 keeps lenses up to date by itself, 0.11 has to be told when.
    if vim.lsp.codelens.enable then
      vim.lsp.codelens.enable(true, { bufnr = buffer })
    else
      keep_lenses(client, buffer)
    end
  end
end

return layerc
