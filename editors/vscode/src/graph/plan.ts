/**
 * The plan as the graph shows it: Layerfiles with their steps, who starts from whom and who waits for whom.
 *
 * Read from `layerc plan --format json`, whose form is the specification's; nothing here knows how it is drawn.
 */
import { execFile } from 'child_process';
import { promisify } from 'util';
import * as vscode from 'vscode';
import { layercProgram } from '../program';

/** What the next run would do: take the stored result, run, pass over (SKIP REMAINING IF), or only the run can tell. */
export type Outlook = 'cached' | 'runs' | 'left-out' | 'unknown';

/** A line of a Layerfile that the plan has a node for. */
export interface Step {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** What the next run would do with it, where that is known. */
  readonly outlook?: Outlook;
  /** Why it would run or can't be told, in the words of `layerc plan`. */
  readonly reason?: string;
}

/** A Layerfile of the plan. */
export interface Layer {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly name: string;
  /** The base image, for those that start from none of the others. */
  readonly image?: string;
  /** Path of the Layerfile that it starts from. */
  readonly parent?: string;
  /** Paths of the Layerfiles that it waits for. */
  readonly waitsFor: readonly string[];
  /** How many copies run after its SPLITs. */
  readonly copies: number;
  readonly steps: readonly Step[];
}

/** What the graph shows: layers, or why there are none. */
export type Plan = { readonly layers: readonly Layer[] } | { readonly problem: string };

/** What the document calls each outlook. */
const OUTLOOKS = { cached: 'cached', willRun: 'runs', leftOut: 'left-out', unknown: 'unknown' } as const;

interface PlanNode {
  readonly index: number;
  readonly text: string;
  readonly annotation?: { kind: keyof typeof OUTLOOKS; reason?: string; cause?: string };
  readonly Base?: { image: string };
  readonly Step?: { layerfile: number; line: number };
  readonly Fork?: { layerfile: number; line: number };
  readonly Join?: { layerfile: number; line: number; targets: number[] };
  readonly Gate?: { layerfile: number; line: number };
}

interface PlanDocument {
  readonly layerfiles: { path: string; runnerName: string; parent: string | null; copies: number; nodes: number[] }[];
  readonly nodes: PlanNode[];
  readonly edges: { from: number; to: number; kind: 'State' | 'Order' }[];
}

/** Asks `layerc` for the plan of a repository. */
export class PlanReader {
  constructor(private readonly context: vscode.ExtensionContext) {}

  async read(folder: vscode.Uri): Promise<Plan> {
    const program = layercProgram(this.context);
    try {
      const arguments_ = ['plan', '--format', 'json', '--outlook', '--color', 'never'];
      const result = await promisify(execFile)(program, arguments_, { cwd: folder.fsPath, maxBuffer: 64 << 20 });
      return { layers: layersOf(JSON.parse(result.stdout) as PlanDocument) };
    } catch (error) {
      const said = (error as { stderr?: string }).stderr;
      return { problem: (said ?? String(error)).trim() };
    }
  }
}

/** The layers of a plan document. */
export function layersOf(document: PlanDocument): Layer[] {
  const nodes = new Map(document.nodes.map((node) => [node.index, node]));
  return document.layerfiles.map((file) => {
    const own = file.nodes.map((index) => nodes.get(index)).filter((node) => node !== undefined);
    const joined = own.flatMap((node) => node.Join?.targets ?? []);
    return {
      path: file.path,
      name: file.runnerName,
      image: own.find((node) => node.Base)?.Base?.image,
      parent: file.parent ?? undefined,
      waitsFor: joined.map((target) => document.layerfiles[target]?.path).filter((path) => path !== undefined),
      copies: file.copies,
      steps: own.flatMap(stepOf),
    };
  });
}

function stepOf(node: PlanNode): Step[] {
  const place = node.Step ?? node.Fork ?? node.Join ?? node.Gate;
  if (!place) return [];
  const { kind, reason, cause } = node.annotation ?? {};
  return [{ line: place.line, text: node.text, outlook: kind && OUTLOOKS[kind], reason: reason ?? cause }];
}
