/**
 * What the server's lenses do when clicked: commands that only an editor can carry out.
 */
import * as vscode from 'vscode';

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Location {
  readonly uri: string;
  readonly range: { readonly start: Position; readonly end: Position };
}

export function registerLenses(context: vscode.ExtensionContext): void {
  context.subscriptions.push(
    vscode.commands.registerCommand('layerc.showReferences', showReferences),
    vscode.commands.registerCommand('layerc.pickCopy', pickCopy),
  );
}

const position = ({ line, character }: Position) => new vscode.Position(line, character);

/** Shows the places that the lens counted. */
async function showReferences(uri: string, at: Position, places?: readonly Location[]): Promise<void> {
  const document = vscode.Uri.parse(uri);
  const locations = places?.map(
    ({ uri: file, range }) => new vscode.Location(vscode.Uri.parse(file), new vscode.Range(position(range.start), position(range.end))),
  );
  const found = locations ?? (await vscode.commands.executeCommand('vscode.executeReferenceProvider', document, position(at)));
  await vscode.commands.executeCommand('editor.action.showReferences', document, position(at), found);
}

/** Lets the user choose the copy of a SPLIT whose values are shown. */
async function pickCopy(uri: string, copies: number, shown: number | null): Promise<void> {
  const none = { label: 'All copies', copy: null as number | null };
  const numbered = Array.from({ length: copies }, (_, copy) => ({
    label: `Copy ${copy}`,
    description: copy === shown ? 'shown now' : '',
    copy: copy as number | null,
  }));
  const chosen = await vscode.window.showQuickPick([none, ...numbered], { placeHolder: 'Show the values of which copy?' });
  if (chosen) await vscode.commands.executeCommand('layerc.showCopy', uri, chosen.copy);
}
