/**
 * The language server: started, restarted, and what it says shown in the status item.
 */
import * as vscode from 'vscode';
import {
  ClientCapabilities,
  ConfigurationParams,
  FeatureState,
  LanguageClient,
  LanguageClientOptions,
  RevealOutputChannelOn,
  ServerOptions,
  State,
  StaticFeature,
} from 'vscode-languageclient/node';
import { layercProgram } from './program';

/** Where Layerfiles are that somebody works on; what is shown of old versions or made up is none. */
const SCHEMES = ['file', 'untitled', 'vscode-vfs'];

/** What the extension does with the server. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly output = vscode.window.createOutputChannel('Layerfile', { log: true });
  private readonly status = vscode.languages.createLanguageStatusItem('layerc', { language: 'layerfile' });
  private readonly changed = new vscode.EventEmitter<State>();

  /** Fires when the server starts, runs or stops. */
  readonly onState = this.changed.event;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.status.name = 'Layerfile';
    this.status.command = { command: 'layerfile.restartServer', title: 'Restart' };
  }

  /** The client, while the server runs. */
  get running(): LanguageClient | undefined {
    return this.client?.state === State.Running ? this.client : undefined;
  }

  async start(): Promise<void> {
    const command = layercProgram(this.context);
    const client = new LanguageClient('layerc', 'Layerfile', executable(command), this.options());
    client.registerFeature(new LensCommands());
    this.client = client;
    this.context.subscriptions.push(client.onDidChangeState((change) => this.show(change.newState, command)));
    try {
      await client.start();
    } catch (error) {
      this.show(State.Stopped, command);
      this.output.error(`cannot start ${command}: ${String(error)}`);
      void this.offerSettings(command);
    }
  }

  async restart(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client) await client.dispose().catch((error) => this.output.warn(String(error)));
    await this.start();
  }

  /** Tells the server that settings mean something else now: trust was granted. */
  async settingsChanged(): Promise<void> {
    await this.running?.sendNotification('workspace/didChangeConfiguration', { settings: settings() });
  }

  showOutput(): void {
    this.output.show();
  }

  dispose(): void {
    void this.client?.dispose();
    this.changed.dispose();
    this.status.dispose();
    this.output.dispose();
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: SCHEMES.map((scheme) => ({ scheme, language: 'layerfile' })),
      initializationOptions: settings(),
      outputChannel: this.output,
      traceOutputChannel: this.output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      synchronize: { configurationSection: 'layerc' },
      markdown: { isTrusted: true, supportHtml: false },
      middleware: {
        workspace: {
          configuration: (parameters: ConfigurationParams) =>
            parameters.items.map((item) => (item.section === 'layerc' ? settings().layerc : null)),
        },
      },
    };
  }

  private show(state: State, command: string): void {
    const version = this.client?.initializeResult?.serverInfo?.version ?? '';
    const texts: Record<State, [string, vscode.LanguageStatusSeverity, boolean]> = {
      [State.Starting]: ['$(layers) layerc', vscode.LanguageStatusSeverity.Information, true],
      [State.StartFailed]: ['$(layers) layerc could not start', vscode.LanguageStatusSeverity.Error, false],
      [State.Running]: [`$(layers) layerc ${version}`, vscode.LanguageStatusSeverity.Information, false],
      [State.Stopped]: ['$(layers) layerc has stopped', vscode.LanguageStatusSeverity.Error, false],
    };
    const [text, severity, busy] = texts[state];
    Object.assign(this.status, { text, severity, busy, detail: command });
    this.changed.fire(state);
  }

  private async offerSettings(command: string): Promise<void> {
    const settingsButton = 'Choose Another';
    const answer = await vscode.window.showErrorMessage(
      `layerc could not be started as "${command}". Is it installed?`,
      settingsButton,
    );
    if (answer === settingsButton) {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'layerc.server.path');
    }
  }
}

/** Tells the server which commands of its lenses this extension carries out by itself; the protocol has no field for it. */
class LensCommands implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, commands: { commands: ['layerc.run', 'layerc.plan'] } };
  }

  initialize(): void {}

  getState(): FeatureState {
    return { kind: 'static' };
  }

  clear(): void {}
}

function executable(command: string): ServerOptions {
  return { command, args: ['lsp'], options: { env: process.env } };
}

/** The settings as the server reads them. A workspace that isn't trusted starts no programs. */
function settings(): { layerc: Record<string, unknown> } {
  const own = vscode.workspace.getConfiguration('layerc');
  const layerc: Record<string, unknown> = JSON.parse(JSON.stringify(own));
  if (!vscode.workspace.isTrusted) layerc.shellcheck = { path: '' };
  return { layerc };
}
