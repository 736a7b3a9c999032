/**
 * `Explain Finding`: the page of a rule, as `layerc explain` prints it, in a preview beside the editor.
 */
import { execFile } from 'child_process';
import { promisify } from 'util';
import * as vscode from 'vscode';
import { layercProgram } from './program';

const SCHEME = 'layerc-explain';

export function registerExplain(context: vscode.ExtensionContext): void {
  const pages: vscode.TextDocumentContentProvider = {
    provideTextDocumentContent: async (uri) => {
      const code = uri.path.replace(/^\//, '').replace(/\.md$/, '');
      const page = await promisify(execFile)(layercProgram(context), ['explain', '--color', 'never', code]);
      return page.stdout;
    },
  };
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, pages),
    vscode.commands.registerCommand('layerfile.explain', explain),
  );
}

/** Opens the page of a code; asks which one where several are possible. */
async function explain(code?: string): Promise<void> {
  const chosen = code ?? (await chooseCode());
  if (chosen === undefined) return;
  const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${chosen}.md` });
  await vscode.commands.executeCommand('markdown.showPreviewToSide', uri);
}

/** The code at the cursor, else one that the user picks from those of the file. */
async function chooseCode(): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return undefined;
  const findings = vscode.languages.getDiagnostics(editor.document.uri);
  const here = findings.filter((finding) => finding.range.contains(editor.selection.active));
  const candidates = here.length > 0 ? here : findings;
  const items = candidates
    .map((finding) => ({ label: codeOf(finding), description: finding.message }))
    .filter((item) => /^LF\d{4}$/.test(item.label));
  if (items.length === 0) {
    void vscode.window.showInformationMessage('This Layerfile has no findings to explain.');
    return undefined;
  }
  const distinct = [...new Map(items.map((item) => [item.label, item])).values()];
  if (distinct.length === 1) return distinct[0]?.label;
  return (await vscode.window.showQuickPick(distinct, { placeHolder: 'Which finding?' }))?.label;
}

function codeOf(finding: vscode.Diagnostic): string {
  const code = typeof finding.code === 'object' ? finding.code.value : finding.code;
  return String(code ?? '');
}
