/**
 * Which `layerc` is started: the one of the settings, the one inside the extension, or the one on the PATH.
 */
import * as fs from 'fs';
import * as path from 'path';
import * as vscode from 'vscode';

/** The path of the program, or its bare name where the PATH has to find it. */
export function layercProgram(context: vscode.ExtensionContext): string {
  // Of machine scope, so a workspace can't choose what gets started.
  const chosen = vscode.workspace.getConfiguration('layerc').get<string>('server.path', '').trim();
  if (chosen !== '') return chosen;
  const name = process.platform === 'win32' ? 'layerc.exe' : 'layerc';
  const bundled = path.join(context.extensionPath, 'server', name);
  return fs.existsSync(bundled) ? bundled : name;
}
