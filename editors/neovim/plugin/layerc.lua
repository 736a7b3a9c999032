-- Commands that work in every buffer. Those that need a Layerfile are made when the server attaches.

if vim.g.loaded_layerc then
  return
end
vim.g.loaded_layerc = true

vim.api.nvim_create_user_command('LayercBuildParser', function()
  require('layerc.parser').build()
end, { desc = 'Compile the tree-sitter parser of Layerfiles with this machine\'s C compiler' })
