/**
 * `layerc run`, `plan` and `check` as tasks, with what they find as problems on their lines.
 */
import * as vscode from 'vscode';
import { layercProgram } from './program';

const TYPE = 'layerc';
const MATCHERS = ['$layerc', '$layerc-step'];

type Action = 'run' | 'plan' | 'check';

interface Definition extends vscode.TaskDefinition {
  command: Action;
  layerfile?: string;
}

export function registerTasks(context: vscode.ExtensionContext): void {
  const provider: vscode.TaskProvider = {
    provideTasks: () =>
      (vscode.workspace.workspaceFolders ?? []).flatMap((folder) =>
        (['run', 'plan', 'check'] as const).map((command) => task(context, folder, { type: TYPE, command })),
      ),
    resolveTask: (unresolved) => {
      const folder = typeof unresolved.scope === 'object' ? unresolved.scope : vscode.workspace.workspaceFolders?.[0];
      return folder && task(context, folder, unresolved.definition as Definition);
    },
  };
  const start = (command: Action) => (target?: vscode.Uri | string) => startOn(context, command, target);
  context.subscriptions.push(
    vscode.tasks.registerTaskProvider(TYPE, provider),
    vscode.commands.registerCommand('layerfile.runLayer', start('run')),
    vscode.commands.registerCommand('layerfile.planLayer', start('plan')),
    // What the server's lenses name.
    vscode.commands.registerCommand('layerc.run', start('run')),
    vscode.commands.registerCommand('layerc.plan', start('plan')),
  );
}

/** Starts the task for a Layerfile: the given one, or the one in the active editor. */
async function startOn(
  context: vscode.ExtensionContext,
  command: Action,
  target?: vscode.Uri | string,
): Promise<vscode.TaskExecution | undefined> {
  if (command === 'run' && !vscode.workspace.isTrusted) {
    void vscode.window.showInformationMessage('Layers are run in trusted workspaces only.');
    return undefined;
  }
  const given = typeof target === 'string' ? vscode.Uri.parse(target) : target;
  const uri = given ?? vscode.window.activeTextEditor?.document.uri;
  const folder = uri && vscode.workspace.getWorkspaceFolder(uri);
  if (!folder) {
    void vscode.window.showInformationMessage('Open a Layerfile of a workspace folder first.');
    return undefined;
  }
  // The command reads the disk, not the editor.
  await vscode.workspace.openTextDocument(uri).then((document) => document.save());
  const layerfile = vscode.workspace.asRelativePath(uri, false);
  return vscode.tasks.executeTask(task(context, folder, { type: TYPE, command, layerfile }));
}

function task(context: vscode.ExtensionContext, folder: vscode.WorkspaceFolder, definition: Definition): vscode.Task {
  const { command, layerfile } = definition;
  const more = command === 'run' ? vscode.workspace.getConfiguration('layerc').get<string[]>('run.arguments', []) : [];
  const plain = command === 'run' ? ['--format', 'plain'] : [];
  const target = layerfile === undefined ? [] : command === 'check' ? [layerfile] : ['--target', layerfile];
  const execution = new vscode.ProcessExecution(layercProgram(context), [command, ...plain, ...target, ...more], {
    cwd: folder.uri.fsPath,
  });
  const name = layerfile === undefined ? command : `${command} ${layerfile}`;
  const made = new vscode.Task(definition, folder, name, 'layerc', execution, MATCHERS);
  made.group = command === 'run' ? vscode.TaskGroup.Build : undefined;
  made.presentationOptions = { clear: true, showReuseMessage: false };
  return made;
}
