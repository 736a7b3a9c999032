-- The language server of `layerc`, for `vim.lsp.enable('layerc')` (Neovim 0.11 or newer).

---@type vim.lsp.Config
return {
  cmd = { 'layerc', 'lsp' },
  filetypes = { 'layerfile' },
  root_markers = { 'layerc.toml', '.git' },
  -- The server reads `layerc.toml` itself; this is for what only an editor can say.
  settings = { layerc = {} },
  -- What lenses name and the plugin carries out.
  capabilities = { experimental = { commands = { commands = { 'layerc.run', 'layerc.plan' } } } },
  on_attach = function(client, buffer)
    require('layerc').attach(client, buffer)
  end,
}
