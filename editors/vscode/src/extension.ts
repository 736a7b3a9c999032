/**
 * The extension: a client of `layerc lsp`, and what only an editor can show of a plan.
 */
import * as vscode from 'vscode';
import { registerExplain } from './explain';
import { registerFlattened } from './flattened';
import { GraphPanel } from './graph/panel';
import { PlanReader } from './graph/plan';
import { registerLenses } from './lenses';
import { Server } from './server';
import { registerTasks } from './tasks';

/** What `activate` hands to other extensions, and to the tests. */
export interface Api {
  /** The connection to the server. */
  readonly server: Server;
  /** The graph, once it was shown. */
  readonly graph: () => GraphPanel | undefined;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const server = new Server(context);
  const plans = new PlanReader(context);
  const command = (name: string, action: (...values: never[]) => unknown) =>
    context.subscriptions.push(vscode.commands.registerCommand(`layerfile.${name}`, action));

  context.subscriptions.push(server);
  command('showGraph', () => GraphPanel.show(context, plans));
  command('restartServer', () => server.restart());
  command('showOutput', () => server.showOutput());
  registerExplain(context);
  registerFlattened(context, server);
  registerLenses(context);
  registerTasks(context);
  context.subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(() => server.settingsChanged()));

  await server.start();
  return { server, graph: () => GraphPanel.current };
}
