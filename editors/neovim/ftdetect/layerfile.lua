vim.filetype.add({
  filename = { Layerfile = 'layerfile', layerfile = 'layerfile', LayerFile = 'layerfile' },
  extension = { layerfile = 'layerfile' },
})
