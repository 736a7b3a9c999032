-- `:checkhealth layerc`: whether everything the plugin uses is there, and what to do where it isn't.

local health = {}

local function check_neovim()
  vim.health.start('Neovim')
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('is ' .. tostring(vim.version()))
  else
    vim.health.error('is ' .. tostring(vim.version()), 'Install Neovim 0.11 or newer: `vim.lsp.enable` is not in this one.')
  end
end

local function check_server()
  vim.health.start('Server')
  local command = vim.lsp.config.layerc and vim.lsp.config.layerc.cmd or { 'layerc', 'lsp' }
  local program = type(command) == 'table' and command[1] or nil
  if not program then
    vim.health.info('is started by a function of your configuration')
    return
  end
  if vim.fn.executable(program) == 0 then
    vim.health.error(
      '`' .. program .. '` is not on the PATH',
      "Install layerc, or name it: vim.lsp.config('layerc', { cmd = { '/path/to/layerc', 'lsp' } })"
    )
    return
  end
  local version = vim.system({ program, '--version' }, { text = true }):wait()
  vim.health.ok('is ' .. vim.trim(version.stdout or '') .. ' (' .. vim.fn.exepath(program) .. ')')
  local clients = vim.lsp.get_clients({ name = 'layerc' })
  if vim.lsp.is_enabled and not vim.lsp.is_enabled('layerc') then
    vim.health.warn('is not enabled', "Put vim.lsp.enable('layerc') into your init.lua.")
  elseif #clients == 0 then
    vim.health.info('is enabled and starts with the first Layerfile')
  end
  for _, client in ipairs(clients) do
    vim.health.ok('runs for ' .. (client.root_dir or 'single files') .. ', positions in ' .. client.offset_encoding)
  end
end

local function check_colours()
  vim.health.start('Colours')
  if vim.treesitter.language.add('layerfile') then
    vim.health.ok('the tree-sitter parser is installed')
    local bash = vim.treesitter.language.add('bash')
    local report = bash and vim.health.ok or vim.health.info
    report(bash and 'shell inside RUN is coloured by the bash parser' or 'no bash parser: shell inside RUN is coloured by the server')
  else
    vim.health.info('no tree-sitter parser: `syntax/layerfile.vim` is used. `:LayercBuildParser` compiles one.')
  end
end

local function check_shellcheck()
  vim.health.start('Shell in RUN')
  if vim.fn.executable('shellcheck') == 1 then
    vim.health.ok('ShellCheck is at ' .. vim.fn.exepath('shellcheck'))
  else
    vim.health.info('ShellCheck is not installed: the server checks the syntax of RUN itself, and no more')
  end
end

function health.check()
  check_neovim()
  check_server()
  check_colours()
  check_shellcheck()
end

return health
