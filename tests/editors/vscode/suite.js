// Runs inside VS Code's extension host: what a user of the extension sees, checked step by step.
//
// Opened is a copy of the example `web-service` with one broken line; see the test that starts this.
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

let failures = 0;
let graphs = () => undefined;

function check(name, holds, details) {
  if (holds) {
    console.log(`ok      ${name}`);
  } else {
    failures += 1;
    console.log(`NOT OK  ${name}: ${JSON.stringify(details)}`);
  }
}

/** Waits until a function gives something, at most fifteen seconds. */
async function until(get) {
  const end = Date.now() + 15_000;
  for (;;) {
    const value = await get();
    if (value || Date.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** Asks whoever drives the browser for a picture and waits for it. */
async function screenshot(name, height = '') {
  const taken = path.join(process.env.LAYERC_WORK, `screenshot-${name}`);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  console.log(`screenshot ${name} ${height}`);
  await until(() => fs.existsSync(taken));
}

const folder = () => vscode.workspace.workspaceFolders[0].uri;
const file = (name) => vscode.Uri.joinPath(folder(), name);
const ask = (command, ...values) => vscode.commands.executeCommand(`vscode.execute${command}`, ...values);

async function open(name, line = 0) {
  const document = await vscode.workspace.openTextDocument(file(name));
  const place = new vscode.Range(line, 0, line, 0);
  return vscode.window.showTextDocument(document, { selection: place, viewColumn: vscode.ViewColumn.One });
}

async function language(api) {
  const editor = await open('http-tests/Layerfile');
  check('the language is known', editor.document.languageId === 'layerfile', editor.document.languageId);
  check('the server runs', await until(() => api.server.running !== undefined));
  const findings = await until(() => {
    const all = vscode.languages.getDiagnostics(editor.document.uri);
    return all.length > 0 && all;
  });
  const codes = (findings || []).map((finding) => `${finding.code?.value ?? finding.code}:${finding.range.start.line + 1}`);
  check('findings have their code and line', codes.includes('LF0010:6'), codes);
  const hovers = await ask('HoverProvider', editor.document.uri, new vscode.Position(3, 1));
  const text = hovers.flatMap((hover) => hover.contents.map((content) => content.value)).join('\n');
  check('hover explains a keyword', text.includes('Duplicates the machine'), text);
  const words = await ask('CompletionItemProvider', editor.document.uri, new vscode.Position(6, 0));
  const labels = words.items.map((item) => item.label.label ?? item.label);
  check('completion offers directives', labels.includes('SECRET ENV'), labels.slice(0, 20));
}

/** What the manifest declares holds in the editor. */
async function manifest() {
  const extension = vscode.extensions.getExtension('layerc.layerfile');
  const declared = extension.packageJSON;
  const suggestions = vscode.workspace.getConfiguration('editor', { languageId: 'layerfile' }).get('quickSuggestions');
  check('suggestions come inside quotes', suggestions?.strings === 'on', suggestions);
  const { untrustedWorkspaces: untrusted, virtualWorkspaces: virtual } = declared.capabilities;
  check('untrusted and virtual workspaces are served in part', untrusted.supported === 'limited' && virtual.supported === 'limited');
  const unknown = untrusted.restrictedConfigurations.filter((name) => !declared.contributes.configuration.properties[name]);
  check('what counts in trusted workspaces only is a setting', unknown.length === 0, unknown);
  const commands = await vscode.commands.getCommands();
  const steps = declared.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
  const linked = steps.flatMap((step) => [...step.description.matchAll(/command:([\w.]+)/g)].map((found) => found[1]));
  const dead = linked.filter((name) => !commands.includes(name));
  check('the walkthrough leads to commands', linked.length === steps.length && dead.length === 0, { linked, dead });
  const missing = steps.filter((step) => !fs.existsSync(path.join(extension.extensionPath, step.media.markdown)));
  check('and shows pages', missing.length === 0, missing);
}

async function enter() {
  const scratch = await vscode.workspace.openTextDocument({ language: 'layerfile', content: 'RUN a && \\' });
  const editor = await vscode.window.showTextDocument(scratch);
  editor.selection = new vscode.Selection(0, 10, 0, 10);
  await vscode.commands.executeCommand('type', { text: '\n' });
  await vscode.commands.executeCommand('type', { text: 'b' });
  check('Enter behind a backslash indents', scratch.getText() === 'RUN a && \\\n    b', scratch.getText());
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
}

async function graph(api) {
  await vscode.commands.executeCommand('layerfile.showGraph');
  const said = (kind) => api.graph()?.said.get(kind);
  const drawn = await until(() => said('drawn'));
  check('an error is told in the graph', drawn?.cards === 0, drawn);
  const editor = await open('http-tests/Layerfile', 5);
  await editor.edit((edit) => edit.delete(new vscode.Range(5, 0, 6, 0)));
  await editor.document.save();
  const cards = await until(() => said('drawn')?.cards > 0 && said('drawn'));
  check('the graph has a card for each Layerfile', cards?.cards === 5 && cards?.edges === 5, cards);
  await open('http-tests/Layerfile', 4);
  const marked = await until(() => said('marked')?.line === 5 && said('marked'));
  check('the step under the cursor is marked', marked?.path === 'http-tests/Layerfile', said('marked'));
  api.graph().hear({ kind: 'reveal', path: 'base/Layerfile', line: 5 });
  const revealed = await until(() => {
    const active = vscode.window.activeTextEditor;
    return active?.document.uri.path.endsWith('base/Layerfile') && active.selection.active.line === 4;
  });
  check('a click on a step goes to its line', revealed);
  api.graph().dispose();
}

async function flattened() {
  await open('http-tests/Layerfile');
  await vscode.commands.executeCommand('layerfile.showFlattened');
  const shown = vscode.window.activeTextEditor.document;
  const line = shown.getText().split('\n').findIndex((text) => text.startsWith('WORKDIR'));
  check('the flattened view has what is inherited', shown.uri.scheme === 'layerc-flattened' && line > 0, shown.getText());
  const places = await ask('DefinitionProvider', shown.uri, new vscode.Position(Math.max(line, 0), 0));
  check('and leads to where it is written', places[0]?.uri.path.endsWith('base/Layerfile'), places);
  await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
}

async function plan() {
  const editor = await open('http-tests/Layerfile');
  const whole = new vscode.Range(0, 0, editor.document.lineCount, 0);
  const hints = await until(async () => {
    const all = await ask('InlayHintProvider', editor.document.uri, whole);
    return all?.length > 0 && all;
  });
  check('inlay hints are shown', hints?.length > 0, hints);
  const lenses = await ask('CodeLensProvider', editor.document.uri, 100);
  const titles = lenses.map((lens) => lens.command?.title);
  check('a lens runs the layer', lenses.some((lens) => lens.command?.command === 'layerc.run'), titles);
  check('a lens plans the layer', lenses.some((lens) => lens.command?.command === 'layerc.plan'), titles);
  check('a lens tells who inherits and who waits', titles.some((title) => /\d inherit/.test(title)), titles);
  await vscode.commands.executeCommand('layerc.showCopy', editor.document.uri.toString(), 1);
  const copied = await until(async () => JSON.stringify(await ask('InlayHintProvider', editor.document.uri, whole)).includes('SPLIT=1'));
  check('the values of one copy are shown', copied);
  await vscode.commands.executeCommand('layerc.showCopy', editor.document.uri.toString(), null);
  const tokens = await vscode.commands.executeCommand('vscode.provideDocumentSemanticTokens', editor.document.uri);
  check('the server colours words', tokens?.data.length > 0);
  const parents = await ask('DefinitionProvider', editor.document.uri, new vscode.Position(1, 8));
  const parent = parents[0]?.targetUri ?? parents[0]?.uri;
  check('FROM leads to the parent', parent?.path.endsWith('base/Layerfile'), parents);
}

async function pictures() {
  const editor = await open('http-tests/Layerfile', 4);
  await vscode.commands.executeCommand('workbench.action.closeSidebar');
  await vscode.commands.executeCommand('workbench.action.closePanel');
  await editor.edit((edit) => edit.insert(new vscode.Position(5, 0), 'MEMORY 2G\n'));
  const late = await until(() => vscode.languages.getDiagnostics(editor.document.uri)[0]);
  check('a late MEMORY is a finding', late !== undefined, late);
  editor.selection = new vscode.Selection(5, 0, 5, 0);
  await vscode.commands.executeCommand('editor.action.marker.next');
  await screenshot('hints', 380);
  await vscode.commands.executeCommand('closeMarkersNavigation');
  await editor.edit((edit) => edit.delete(new vscode.Range(5, 0, 6, 0)));
  await editor.document.save();
  await vscode.commands.executeCommand('layerfile.showGraph');
  await until(() => (graphs()?.said.get('drawn')?.cards ?? 0) > 0);
  await open('http-tests/Layerfile', 4);
  await screenshot('graph');
}

async function explain() {
  await vscode.commands.executeCommand('layerfile.explain', 'LF0010');
  const shown = await until(() => vscode.window.tabGroups.all.flatMap((group) => group.tabs).find((tab) => tab.label.includes('LF0010')));
  check('Explain shows the page of a finding', shown !== undefined);
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
}

/** Runs a layer as its user would; gives back the exit code. */
async function runTask(name) {
  await open(name);
  const ended = new Promise((resolve) => {
    const listening = vscode.tasks.onDidEndTaskProcess((event) => {
      listening.dispose();
      resolve(event.exitCode);
    });
  });
  await vscode.commands.executeCommand('layerfile.runLayer');
  return ended;
}

async function tasks() {
  const all = await vscode.tasks.fetchTasks({ type: 'layerc' });
  const names = all.map((task) => task.name).sort();
  check('run, plan and check are tasks', JSON.stringify(names) === '["check","plan","run"]', names);
  check('a layer runs', (await runTask('http-tests/Layerfile')) === 0);
  const code = await runTask('failing/Layerfile');
  check('a failing step fails the task', code === 1, code);
  const problem = await until(() =>
    vscode.languages.getDiagnostics(file('failing/Layerfile')).find((finding) => finding.source === 'layerc run'));
  check('and is a problem on its line', problem?.range.start.line === 1, vscode.languages.getDiagnostics());
  fs.writeFileSync(file('failing/Layerfile').fsPath, 'FROM vm/ubuntu:22.04\nRUNN false\n');
  await vscode.tasks.executeTask(all.find((task) => task.name === 'check'));
  const inFile = () => vscode.languages.getDiagnostics(file('failing/Layerfile'));
  const found = await until(() => {
    const alike = inFile().filter((finding) => (finding.code?.value ?? finding.code) === 'LF0010');
    return alike.length === 2 && alike;
  });
  check('what a task finds is a problem on its line', found?.every((finding) => finding.range.start.line === 1), inFile());
  fs.writeFileSync(file('failing/Layerfile').fsPath, 'FROM vm/ubuntu:22.04\nRUN false\n');
}

async function restart(api) {
  const before = api.server.running;
  await vscode.commands.executeCommand('layerfile.restartServer');
  const after = await until(() => api.server.running);
  check('the server can be restarted', after !== undefined && after !== before);
}

exports.run = async () => {
  console.log(`VS Code ${vscode.version}, Node ${process.version}`);
  const api = await vscode.extensions.getExtension('layerc.layerfile').activate();
  graphs = () => api.graph();
  for (const part of [language, manifest, enter, graph, plan, flattened, explain, tasks, restart, pictures]) {
    try {
      await part(api);
    } catch (error) {
      check(`no error in ${part.name}`, false, String(error.stack ?? error));
    }
  }
  if (failures > 0) throw new Error(`${failures} checks failed`);
};
