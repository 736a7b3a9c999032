// Bundles the extension and the script of its graph. `node build.mjs`; with `--watch` it goes on.
import { context } from 'esbuild';

const common = { bundle: true, minify: true, logLevel: 'warning', target: 'es2022', legalComments: 'linked' };
const builds = [
  {
    ...common,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    platform: 'node',
    format: 'cjs',
    external: ['vscode'],
  },
  { ...common, entryPoints: ['src/graph/view.ts'], outfile: 'dist/graph.js', platform: 'browser', format: 'iife' },
];

for (const options of builds) {
  const build = await context(options);
  if (process.argv.includes('--watch')) {
    await build.watch();
  } else {
    await build.rebuild();
    await build.dispose();
  }
}
