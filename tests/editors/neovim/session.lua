-- One session in a real Neovim with the plugin and the server: what a user sees, checked step by step.
--
-- Started by the test with the plugin on the runtime path and the repository as the current directory. Prints a line
-- for each check; the exit code says whether all held.

local failures = 0

local function check(name, holds, details)
  if holds then
    print('ok      ' .. name .. '\n')
  else
    failures = failures + 1
    print('NOT OK  ' .. name .. ': ' .. vim.inspect(details) .. '\n')
  end
end

--- Waits until a function gives something, at most ten seconds.
local function await(get)
  local value
  vim.wait(10000, function()
    value = get()
    return value and true or false
  end, 20)
  return value
end

local function request(method, parameters)
  local answers = vim.lsp.buf_request_sync(0, method, parameters, 10000) or {}
  local _, answer = next(answers)
  return answer and answer.result
end

local function position(line, column)
  return {
    textDocument = vim.lsp.util.make_text_document_params(),
    position = { line = line, character = column },
  }
end

local function lines_of(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer or 0, 0, -1, false), '\n')
end

-- The plugin by itself ---------------------------------------------------------------------------------------------

local function plugin()
  vim.cmd.edit('tests/Layerfile')
  check('the file type is known', vim.bo.filetype == 'layerfile', vim.bo.filetype)
  check('comments are known', vim.bo.commentstring == '# %s', vim.bo.commentstring)
  local group = vim.fn.synIDattr(vim.fn.synID(1, 1, true), 'name')
  check('keywords have a colour without a parser', group == 'layerfileKeyword', group)
  local shell = vim.fn.synIDattr(vim.fn.synID(5, 5, true), 'name')
  check('the shell inside RUN has colours without a parser', shell:match('^sh') ~= nil, shell)
  vim.fn.append(vim.fn.line('$'), { 'RUN a \\', 'b \\', 'c', 'RUN d' })
  vim.cmd('silent normal! Gkkk=G')
  local indented = vim.api.nvim_buf_get_lines(0, -5, -1, false)
  local step = (' '):rep(vim.fn.shiftwidth())
  check('continued lines are indented', vim.deep_equal(indented, { 'RUN a \\', step .. 'b \\', step .. 'c', 'RUN d' }), indented)
  vim.cmd('silent edit!')
  check('there is help', pcall(vim.cmd.help, 'layerc'))
  vim.cmd('silent! helpclose')
  local folder = vim.env.LAYERC_PLUGIN .. '/doc'
  local shipped = vim.fn.readfile(folder .. '/tags')
  vim.cmd('silent helptags ' .. vim.fn.fnameescape(folder))
  check('its tags are those of its text', vim.deep_equal(shipped, vim.fn.readfile(folder .. '/tags')), shipped)
end

-- The server -------------------------------------------------------------------------------------------------------

local function findings()
  local found = await(function()
    local all = vim.diagnostic.get(0)
    return #all > 0 and all
  end)
  local codes = vim.tbl_map(function(finding)
    return finding.code .. ':' .. finding.lnum + 1
  end, found or {})
  check('findings have their code and line', vim.tbl_contains(codes, 'LF0010:6'), codes)
end

local function server()
  vim.lsp.config('layerc', { cmd = { vim.env.LAYERC_PROGRAM, 'lsp' } })
  vim.lsp.enable('layerc')
  vim.cmd.edit('tests/Layerfile')
  local client = await(function()
    return vim.lsp.get_clients({ bufnr = 0, name = 'layerc' })[1]
  end)
  check('the server attaches', client ~= nil)
  if not client then
    return
  end
  check('the root is the repository', vim.uv.fs_realpath(client.root_dir) == vim.uv.fs_realpath(vim.fn.getcwd()), client.root_dir)
  check('positions are in UTF-8', client.offset_encoding == 'utf-8', client.offset_encoding)
  findings()
  local hover = request('textDocument/hover', position(4, 1))
  local text = hover and hover.contents and hover.contents.value or ''
  check('hover explains a keyword', text:find('bash command', 1, true) ~= nil, text)
  if client:supports_method('textDocument/inlayHint') then
    local hints = await(function()
      local all = vim.lsp.inlay_hint.get({ bufnr = 0 })
      return #all > 0 and all
    end)
    check('inlay hints are shown', hints ~= nil)
  end
  if client:supports_method('textDocument/codeLens') then
    local lenses = request('textDocument/codeLens', { textDocument = vim.lsp.util.make_text_document_params() }) or {}
    local names = vim.tbl_map(function(lens)
      return lens.command.command
    end, lenses)
    check('lenses run and plan the layer', vim.list_contains(names, 'layerc.run') and vim.list_contains(names, 'layerc.plan'), names)
    local known = vim.tbl_filter(function(name)
      return name ~= '' and vim.lsp.commands[name] == nil
    end, names)
    check('and the plugin knows what they name', #known == 0, known)
  end
  if client:supports_method('textDocument/definition') then
    local definition = request('textDocument/definition', position(0, 8))
    local first = definition and (definition[1] or definition)
    local uri = first and (first.uri or first.targetUri) or ''
    check('FROM leads to the parent', uri:match('base/Layerfile$') ~= nil, definition)
  end
end

--- A layer's new name moves its directory, with everything in it, and the references follow. There and back.
local function renaming()
  for _, names in ipairs({ { 'base', 'core' }, { 'core', 'base' } }) do
    local old, new = unpack(names)
    vim.cmd.edit('tests/Layerfile')
    vim.api.nvim_win_set_cursor(0, { 1, 9 })
    vim.lsp.buf.rename(new)
    local moved = await(function()
      return vim.uv.fs_stat(new .. '/Layerfile') and vim.fn.getline(1) == 'FROM ../' .. new
    end)
    check(old .. ' and its directory get the name ' .. new, moved and not vim.uv.fs_stat(old), vim.fn.getline(1))
    vim.cmd('silent wall')
    -- The server sees what was moved a moment later.
    await(function()
      local renamable = request('textDocument/prepareRename', position(0, 9))
      return renamable and renamable.placeholder == new
    end)
  end
end

-- What the plugin adds to a buffer with a server -------------------------------------------------------------------

local function commands()
  vim.api.nvim_win_set_cursor(0, { 6, 0 })
  vim.cmd('LayercExplain')
  local page = await(function()
    return vim.api.nvim_buf_get_name(0):match('explain/LF0010$') and lines_of()
  end)
  check(':LayercExplain shows the page of a finding', page and page:find('not a directive', 1, true) ~= nil, page)
  vim.cmd('close')

  vim.cmd('LayercFlatten')
  local inherited = vim.fn.search('^WORKDIR')
  check(':LayercFlatten shows what is inherited', inherited > 0, lines_of())
  vim.cmd.normal(vim.keycode('<CR>'))
  local origin = { vim.fn.fnamemodify(vim.api.nvim_buf_get_name(0), ':.'), vim.fn.line('.') }
  check('<CR> goes to where it is written', vim.deep_equal(origin, { 'base/Layerfile', 3 }), origin)
  vim.cmd('silent! bwipeout layerc://flattened/tests')
  vim.cmd.edit('tests/Layerfile')

  -- The plan wants a repository without errors.
  vim.cmd('silent 6delete | silent write')
  vim.cmd('LayercGraph')
  local tree = lines_of()
  check(':LayercGraph shows the plan', tree:find('base', 1, true) ~= nil and tree:find('RUN', 1, true) ~= nil, tree)
  local step = vim.fn.search('RUN echo')
  vim.cmd.normal(vim.keycode('<CR>'))
  local place = { vim.fn.fnamemodify(vim.api.nvim_buf_get_name(0), ':.'), vim.fn.line('.') }
  check('<CR> goes to the line of a step', step > 0 and vim.deep_equal(place, { 'tests/Layerfile', 5 }), place)
  vim.cmd('silent! bwipeout layerc://plan')
end

local function health()
  vim.cmd('silent checkhealth layerc')
  local report = lines_of()
  check(':checkhealth has no complaint', not report:find('ERROR', 1, true) and report:find('layerc', 1, true) ~= nil, report)
  check(':checkhealth knows that the server runs', report:find('positions in utf', 1, true) ~= nil, report)
  vim.cmd('bwipeout!')
end

-- Tree-sitter ------------------------------------------------------------------------------------------------------

local function captured(line, column)
  local captures = vim.treesitter.get_captures_at_pos(0, line, column)
  return vim.tbl_map(function(capture)
    return capture.capture
  end, captures)
end

local function tree_sitter()
  vim.cmd('silent LayercBuildParser')
  vim.cmd('silent edit! tests/Layerfile')
  vim.treesitter.get_parser(0, 'layerfile'):parse(true)
  check('the compiled parser colours keywords', vim.tbl_contains(captured(0, 0), 'keyword'), captured(0, 0))
  local captures = captured(1, 6)
  check('and names', vim.tbl_contains(captures, 'variable'), captures)
  for _, name in ipairs({ 'highlights', 'injections', 'folds', 'indents' }) do
    local ok, query = pcall(vim.treesitter.query.get, 'layerfile', name)
    check('the query ' .. name .. ' fits the parser', ok and query ~= nil, query)
  end
end

local function stops()
  vim.lsp.enable('layerc', false)
  local gone = await(function()
    return #vim.lsp.get_clients({ name = 'layerc' }) == 0
  end)
  check('the server ends when it is disabled', gone)
end

for _, part in ipairs({ plugin, server, renaming, commands, health, tree_sitter, stops }) do
  local ok, problem = xpcall(part, debug.traceback)
  if not ok then
    check('no error', false, problem)
  end
end
vim.cmd(failures == 0 and 'qall!' or 'cquit!')
