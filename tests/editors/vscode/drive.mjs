// Drives a real VS Code: its server with an extension host, its workbench in a browser without a screen.
//
//   drive.mjs BIN EXTENSION SUITE REPOSITORY WORK [SCREENSHOTS]
//
// BIN has `code-server` and `chromium`; EXTENSION is the built extension, SUITE a module with `run()` that runs inside
// the extension host, REPOSITORY the folder to open, WORK an empty folder for everything that gets written.
// The suite prints lines; `screenshot NAME [HEIGHT]` asks for a picture of the upper part of the window, which lies in
// SCREENSHOTS when WORK has a file `screenshot-NAME`.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createRequire } from 'node:module';

const [bin, extension, suite, repository, work, screenshots] = process.argv.slice(2);
const require = createRequire(path.join(bin, '../npm/'));
const { chromium } = require('playwright-core');

const DEADLINE_MILLISECONDS = 120_000;
const VIEW = { width: 1200, height: 700 };

const settings = {
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.colorTheme': process.env.LAYERC_THEME ?? 'Default Dark Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'editor.minimap.enabled': false,
  'editor.fontSize': 14,
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
  'window.commandCenter': false,
};

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function startServer(port) {
  const user = path.join(work, 'data', 'data', 'User');
  fs.mkdirSync(user, { recursive: true });
  fs.writeFileSync(path.join(user, 'settings.json'), JSON.stringify(settings));
  const server = spawn(path.join(bin, 'code-server'), [
    '--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms',
    '--telemetry-level', 'off', '--enable-smoke-test-driver', '--server-data-dir', path.join(work, 'data'),
  ], { env: { ...process.env, HOME: work }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = fs.createWriteStream(path.join(work, 'server.log'));
  server.stdout.pipe(log);
  server.stderr.pipe(log);
  return new Promise((resolve, reject) => {
    server.stdout.on('data', (data) => String(data).includes('Extension host agent listening') && resolve(server));
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}, see ${work}/server.log`)));
  });
}

function address(port) {
  const remote = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
  const payload = [['extensionDevelopmentPath', remote(extension)], ['extensionTestsPath', remote(suite)]];
  return `http://127.0.0.1:${port}/?folder=${encodeURIComponent(repository)}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
}

async function takePicture(page, name, height = VIEW.height) {
  if (screenshots === undefined) return;
  const clip = { x: 0, y: 0, width: VIEW.width, height };
  await page.screenshot({ path: path.join(screenshots, `${name}.png`), clip });
}

async function main() {
  const port = await freePort();
  const server = await startServer(port);
  const browser = await chromium.launch({ executablePath: path.join(bin, 'chromium'), args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: VIEW });
  const outcome = await new Promise((resolve) => {
    const deadline = setTimeout(async () => {
      await takePicture(page, 'deadline').catch(() => {});
      console.log('NOT OK  the suite did not end in time');
      resolve(1);
    }, DEADLINE_MILLISECONDS);
    page.exposeFunction('codeAutomationLog', async (_kind, values) => {
      const line = values.map(String).join(' ');
      if (line.startsWith('screenshot ')) {
        const [, name, height] = line.split(' ');
        await takePicture(page, name, height ? Number(height) : undefined);
        fs.writeFileSync(path.join(work, `screenshot-${name}`), '');
      } else if (/^(ok|NOT OK|VS Code) /.test(line)) {
        console.log(line);
      }
    });
    page.exposeFunction('codeAutomationExit', (code) => {
      clearTimeout(deadline);
      resolve(code);
    });
    page.goto(address(port)).catch((error) => {
      console.log(`NOT OK  the workbench opens: ${error}`);
      resolve(1);
    });
  });
  await browser.close();
  server.kill();
  process.exit(outcome);
}

await main();
