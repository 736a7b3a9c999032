/**
 * The panel with the graph of a repository's plan: keeps it up to date, and keeps cursor and marked step together.
 */
import * as vscode from 'vscode';
import type { FromPage, ToPage } from './messages';
import type { PlanReader } from './plan';

/** The one panel there is. */
export class GraphPanel implements vscode.Disposable {
  static current: GraphPanel | undefined;

  /** The last thing the page said of each kind; the tests look here. */
  readonly said = new Map<FromPage['kind'], FromPage>();
  private readonly disposables: vscode.Disposable[] = [];
  private pending: NodeJS.Timeout | undefined;

  static show(context: vscode.ExtensionContext, plans: PlanReader): void {
    const editor = vscode.window.activeTextEditor;
    const uri = editor?.document.uri;
    const folder = (uri && vscode.workspace.getWorkspaceFolder(uri)) ?? vscode.workspace.workspaceFolders?.[0];
    if (!folder) {
      void vscode.window.showInformationMessage('The plan graph needs an open folder with Layerfiles.');
      return;
    }
    if (GraphPanel.current?.folder.uri.toString() === folder.uri.toString()) {
      GraphPanel.current.panel.reveal(undefined, true);
      return;
    }
    GraphPanel.current?.dispose();
    GraphPanel.current = new GraphPanel(context, plans, folder);
  }

  private readonly panel: vscode.WebviewPanel;

  private constructor(
    context: vscode.ExtensionContext,
    private readonly plans: PlanReader,
    private readonly folder: vscode.WorkspaceFolder,
  ) {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.panel = vscode.window.createWebviewPanel('layerc.graph', `Plan: ${folder.name}`, column, {
      enableScripts: true,
      retainContextWhenHidden: true,
      localResourceRoots: [vscode.Uri.joinPath(context.extensionUri, 'dist'), vscode.Uri.joinPath(context.extensionUri, 'media')],
    });
    this.panel.iconPath = vscode.Uri.joinPath(context.extensionUri, 'media', 'layerfile.svg');
    this.panel.webview.html = page(this.panel.webview, context.extensionUri);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(folder, '**/{Layerfile,layerc.toml}'));
    this.disposables.push(
      this.panel.onDidDispose(() => this.dispose()),
      this.panel.webview.onDidReceiveMessage((message: FromPage) => this.hear(message)),
      vscode.window.onDidChangeTextEditorSelection((event) => this.follow(event.textEditor)),
      vscode.workspace.onDidSaveTextDocument((document) => document.languageId === 'layerfile' && this.refreshSoon()),
      watcher,
      watcher.onDidChange(() => this.refreshSoon()),
      watcher.onDidCreate(() => this.refreshSoon()),
      watcher.onDidDelete(() => this.refreshSoon()),
    );
  }

  dispose(): void {
    if (GraphPanel.current === this) GraphPanel.current = undefined;
    clearTimeout(this.pending);
    for (const disposable of this.disposables.splice(0)) disposable.dispose();
    this.panel.dispose();
  }

  private refreshSoon(): void {
    clearTimeout(this.pending);
    this.pending = setTimeout(() => void this.refresh(), 150);
  }

  private async refresh(): Promise<void> {
    this.tell({ kind: 'plan', plan: await this.plans.read(this.folder.uri) });
    const editor = vscode.window.visibleTextEditors.find((one) => one.document.languageId === 'layerfile');
    if (editor) this.follow(editor);
  }

  private hear(message: FromPage): void {
    this.said.set(message.kind, message);
    if (message.kind === 'ready') void this.refresh();
    if (message.kind === 'reveal') void this.reveal(message.path, message.line);
  }

  /** Puts the cursor where a step of the graph stands. */
  private async reveal(path: string, line: number): Promise<void> {
    const uri = vscode.Uri.joinPath(this.folder.uri, path);
    const place = new vscode.Range(line - 1, 0, line - 1, 0);
    const besides = vscode.window.visibleTextEditors.find((editor) => editor.document.languageId === 'layerfile');
    const viewColumn = besides?.viewColumn ?? vscode.ViewColumn.One;
    await vscode.window.showTextDocument(uri, { viewColumn, selection: place });
  }

  /** Marks the step that the cursor is on. */
  private follow(editor: vscode.TextEditor): void {
    const { document, selection } = editor;
    if (document.languageId !== 'layerfile') return;
    if (vscode.workspace.getWorkspaceFolder(document.uri)?.uri.toString() !== this.folder.uri.toString()) return;
    const path = vscode.workspace.asRelativePath(document.uri, false);
    this.tell({ kind: 'cursor', path, line: selection.active.line + 1 });
  }

  private tell(message: ToPage): void {
    void this.panel.webview.postMessage(message);
  }
}

function page(webview: vscode.Webview, extension: vscode.Uri): string {
  const local = (...parts: string[]) => webview.asWebviewUri(vscode.Uri.joinPath(extension, ...parts)).toString();
  const nonce = crypto.randomUUID();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src ${webview.cspSource} 'unsafe-inline'; script-src 'nonce-${nonce}'">
<link rel="stylesheet" href="${local('media', 'graph.css')}">
<title>Plan</title>
</head>
<body>
<header>
  <span class="key from">starts from</span>
  <span class="key wait">waits for</span>
  <span class="key cached"><span class="dot"></span>cached</span>
  <span class="key runs"><span class="dot"></span>would run</span>
  <span class="space"></span>
  <button id="smaller" title="Smaller" aria-label="Smaller">−</button>
  <button id="fit" title="Fit into the panel">Fit</button>
  <button id="larger" title="Larger" aria-label="Larger">+</button>
</header>
<main id="view"><div id="stage"><svg id="edges" aria-hidden="true"></svg><div id="cards"></div></div></main>
<script nonce="${nonce}" src="${local('dist', 'graph.js')}"></script>
</body>
</html>`;
}
