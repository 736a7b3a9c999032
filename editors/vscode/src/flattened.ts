/**
 * The whole inherited machine of a Layerfile as one text, read only; *Go to Definition* leads from each of its lines to
 * where that is written.
 */
import * as vscode from 'vscode';
import type { Server } from './server';

const SCHEME = 'layerc-flattened';

interface Place {
  readonly uri: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

interface Flattened {
  readonly text: string;
  readonly lines: readonly (Place | null)[];
}

export function registerFlattened(context: vscode.ExtensionContext, server: Server): void {
  const views = new FlattenedViews(server);
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, views),
    vscode.languages.registerDefinitionProvider({ scheme: SCHEME }, views),
    vscode.workspace.onDidChangeTextDocument((change) => views.sourceChanged(change.document)),
    vscode.commands.registerCommand('layerfile.showFlattened', (uri?: vscode.Uri) => views.show(uri)),
  );
}

class FlattenedViews implements vscode.TextDocumentContentProvider, vscode.DefinitionProvider {
  private readonly lines = new Map<string, Flattened['lines']>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private pending: NodeJS.Timeout | undefined;

  readonly onDidChange = this.changed.event;

  constructor(private readonly server: Server) {}

  async show(chosen?: vscode.Uri): Promise<void> {
    const source = chosen ?? vscode.window.activeTextEditor?.document.uri;
    if (!source || source.scheme === SCHEME) return;
    const name = vscode.workspace.asRelativePath(source, false);
    const view = vscode.Uri.from({ scheme: SCHEME, path: `/${name} (flattened)`, query: source.toString() });
    const document = await vscode.workspace.openTextDocument(view);
    await vscode.languages.setTextDocumentLanguage(document, 'layerfile');
    await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside, preview: true });
  }

  async provideTextDocumentContent(view: vscode.Uri): Promise<string> {
    const parameters = { textDocument: { uri: view.query } };
    const flattened = await this.server.running?.sendRequest<Flattened | null>('layerc/flattened', parameters);
    this.lines.set(view.toString(), flattened?.lines ?? []);
    return flattened?.text ?? '# The server knows nothing of this file.\n';
  }

  provideDefinition(document: vscode.TextDocument, position: vscode.Position): vscode.Location | undefined {
    const place = this.lines.get(document.uri.toString())?.[position.line];
    const start = place?.range.start;
    return start && new vscode.Location(vscode.Uri.parse(place.uri), new vscode.Position(start.line, start.character));
  }

  /** What is shown may be inherited from the file that was changed. */
  sourceChanged(document: vscode.TextDocument): void {
    if (document.languageId !== 'layerfile' || document.uri.scheme === SCHEME) return;
    clearTimeout(this.pending);
    this.pending = setTimeout(() => {
      for (const shown of vscode.workspace.textDocuments.filter((one) => one.uri.scheme === SCHEME)) {
        this.changed.fire(shown.uri);
      }
    }, 200);
  }
}
