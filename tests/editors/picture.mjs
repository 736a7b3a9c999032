// Turns a page of HTML into a picture: `picture.mjs BIN PAGE PNG`, BIN having chromium.
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [bin, source, target] = process.argv.slice(2);
const { chromium } = createRequire(path.join(bin, '../npm/'))('playwright-core');
const browser = await chromium.launch({ executablePath: path.join(bin, 'chromium'), args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 580 } });
await page.goto(pathToFileURL(path.resolve(source)).href);
await page.locator('pre').screenshot({ path: target });
await browser.close();
