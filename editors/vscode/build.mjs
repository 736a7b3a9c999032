// Bundles the extension and the script of its graph. `node build.mjs`; with `--watch` it goes on.
import fs from 'node:fs';
import path from 'node:path';
import { context } from 'esbuild';

const common = { bundle: true, minify: true, logLevel: 'warning', target: 'es2022', legalComments: 'none', metafile: true };
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

/** The packages whose files a bundle holds. */
function packagesOf(metafile) {
  const folders = Object.keys(metafile.inputs).map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]);
  return folders.filter((folder) => folder !== undefined);
}

/** What the licences of others want to be told with the bundle: their names and texts. */
function notices(folders) {
  return folders.sort().map((folder) => {
    const { name, version, license } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const file = fs.readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (file === undefined) throw new Error(`${name} has no licence file`);
    return `${name} ${version} (${license})\n\n${fs.readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
  }).join('\n' + '-'.repeat(80) + '\n\n');
}

const bundled = new Set();
for (const options of builds) {
  const build = await context(options);
  if (process.argv.includes('--watch')) {
    await build.watch();
  } else {
    const { metafile } = await build.rebuild();
    for (const folder of packagesOf(metafile)) bundled.add(folder);
    await build.dispose();
  }
}
if (bundled.size > 0) fs.writeFileSync('dist/third-party-notices.txt', notices([...bundled]));
