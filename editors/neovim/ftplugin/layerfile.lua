-- Settings of a buffer with a Layerfile. Colours come from tree-sitter where its parser is installed (see
-- `:LayercBuildParser`), else from `syntax/layerfile.vim`; the server adds its own on top.

if vim.b.did_ftplugin then
  return
end
vim.b.did_ftplugin = 1

vim.bo.commentstring = '# %s'
vim.bo.comments = ':#'
vim.opt_local.formatoptions:remove('t')
vim.opt_local.formatoptions:append('croql')
vim.opt_local.iskeyword:append('-')
vim.bo.expandtab = true
vim.bo.shiftwidth = 4
vim.bo.softtabstop = 4
vim.bo.suffixesadd = '/Layerfile'
vim.bo.include = [[^\s*\%(FROM\|WAIT\)\s\+\zs\S*]]

vim.b.undo_ftplugin = 'setlocal commentstring< comments< formatoptions< iskeyword< suffixesadd< include< expandtab< shiftwidth< softtabstop<'

if vim.treesitter.language.add('layerfile') then
  vim.treesitter.start()
  vim.b.undo_ftplugin = vim.b.undo_ftplugin .. ' | lua vim.treesitter.stop()'
end
