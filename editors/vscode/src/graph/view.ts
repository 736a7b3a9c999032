/**
 * The page with the graph: cards of Layerfiles, lines between them, the step under the cursor marked.
 *
 * Runs in the webview; knows nothing of VS Code but the messages.
 */
import { layOut, type Direction, type Layout, type Place, type Sizes } from './layout';
import type { FromPage, ToPage } from './messages';
import type { Layer, Plan, Step } from './plan';

declare function acquireVsCodeApi(): { postMessage(message: FromPage): void };

const SIZES: Sizes = { width: 280, head: 46, row: 23, foot: 9, gapX: 68, gapY: 26 };
const MARGIN = 20;
/** `legible` is where fitting by itself ends: what is smaller has to be asked for. */
const ZOOMS = { smallest: 0.2, legible: 0.65, largest: 2 };

const PROBLEM_SIZE = { width: 640, height: 320 };

const host = acquireVsCodeApi();
const view = element('view');
const stage = element('stage');
const cards = element('cards');
const edges = document.getElementById('edges') as unknown as SVGSVGElement;

let layout: Layout = { places: new Map(), width: 0, height: 0 };
let direction: Direction = 'right';
let shown: Plan = { layers: [] };
let zoom = 1;
let zoomChosen = false;
let cursor = { path: '', line: 0 };

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

function make(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Draws a plan, or says why there is none. */
function draw(plan: Plan): void {
  shown = plan;
  cards.replaceChildren();
  edges.replaceChildren();
  if ('problem' in plan) {
    layout = { places: new Map(), ...PROBLEM_SIZE };
    const box = make('div', 'problem');
    box.append(make('strong', '', 'There is no plan yet'), make('pre', '', plan.problem));
    cards.append(box);
  } else {
    layout = betterLayout(plan.layers);
    for (const layer of plan.layers) drawCard(layer);
    for (const layer of plan.layers) drawEdges(layer);
  }
  if (zoomChosen) setZoom(zoom);
  else fit(ZOOMS.legible);
  mark();
  host.postMessage({ kind: 'drawn', cards: layout.places.size, edges: edges.querySelectorAll('path.edge').length });
}

/** To the right or downwards, whichever can be shown larger. */
function betterLayout(layers: readonly Layer[]): Layout {
  const right = layOut(layers, SIZES, 'right');
  const down = layOut(layers, SIZES, 'down');
  direction = zoomToFit(down) > zoomToFit(right) ? 'down' : 'right';
  return direction === 'down' ? down : right;
}

function drawCard(layer: Layer): void {
  const place = layout.places.get(layer.path);
  if (!place) return;
  const card = make('article', 'card');
  card.dataset.path = layer.path;
  Object.assign(card.style, { left: `${place.x}px`, top: `${place.y}px`, width: `${SIZES.width}px`, height: `${place.height}px` });
  const head = make('button', 'head');
  head.append(make('span', 'name', layer.name), make('span', 'origin', layer.image ?? layer.path));
  if (layer.copies > 1) head.append(make('span', 'copies', `×${layer.copies}`));
  head.addEventListener('click', () => host.postMessage({ kind: 'reveal', path: layer.path, line: 1 }));
  card.append(head, ...layer.steps.map((step) => drawStep(layer, step)));
  cards.append(card);
}

function drawStep(layer: Layer, step: Step): HTMLElement {
  const row = make('button', `step ${step.outlook ?? 'unknown'}`);
  row.dataset.line = String(step.line);
  row.title = step.reason === undefined ? step.text : `${step.text}\n${step.reason}`;
  const [keyword, rest] = splitKeyword(step.text);
  row.append(make('span', 'dot'), make('span', 'keyword', keyword), make('span', 'rest', rest));
  row.addEventListener('click', () => host.postMessage({ kind: 'reveal', path: layer.path, line: step.line }));
  return row;
}

/** The capitals that an instruction starts with, and what follows. */
function splitKeyword(text: string): [string, string] {
  const keyword = /^(?:[A-Z]+ )*[A-Z]+(?= |$)/.exec(text)?.[0] ?? '';
  return [keyword, text.slice(keyword.length).trim()];
}

function drawEdges(layer: Layer): void {
  if (layer.parent !== undefined) drawEdge(layer.parent, layer.path, 'from');
  for (const waited of layer.waitsFor) drawEdge(waited, layer.path, 'wait');
}

function drawEdge(from: string, to: string, kind: 'from' | 'wait'): void {
  const [start, end] = [layout.places.get(from), layout.places.get(to)];
  if (!start || !end) return;
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const [x1, y1] = exit(start);
  const [x2, y2] = entry(end, kind);
  const bend = direction === 'down' ? [0, Math.max(28, (y2 - y1) / 2)] : [Math.max(28, (x2 - x1) / 2), 0];
  const [bendX = 0, bendY = 0] = bend;
  path.setAttribute('d', `M${x1},${y1} C${x1 + bendX},${y1 + bendY} ${x2 - bendX},${y2 - bendY} ${x2},${y2}`);
  path.setAttribute('class', `edge ${kind}`);
  path.dataset.from = from;
  path.dataset.to = to;
  const head = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  head.setAttribute('d', direction === 'down' ? `M${x2},${y2 + 7} l-4,-8 h8 z` : `M${x2 + 7},${y2} l-8,-4 v8 z`);
  head.setAttribute('class', `arrow ${kind}`);
  edges.append(path, head);
}

/** Where lines leave a card: behind its last step. */
function exit(card: Place): [number, number] {
  if (direction === 'down') return [card.x + SIZES.width / 2, card.y + card.height];
  return [card.x + SIZES.width, card.y + card.height - SIZES.foot - SIZES.row / 2];
}

/** Where lines reach a card. FROM and WAIT apart, so that two lines into one card stay two lines. */
function entry(card: Place, kind: 'from' | 'wait'): [number, number] {
  if (direction === 'down') return [card.x + SIZES.width * (kind === 'from' ? 0.4 : 0.6), card.y - 7];
  return [card.x - 7, card.y + SIZES.head * (kind === 'from' ? 0.3 : 0.7)];
}

/** Marks the step that the cursor is on, and the lines of its card. */
function mark(): void {
  for (const old of document.querySelectorAll('.here')) old.classList.remove('here');
  const card = [...cards.querySelectorAll<HTMLElement>('.card')].find((one) => one.dataset.path === cursor.path);
  if (!card) return;
  card.classList.add('here');
  for (const edge of edges.querySelectorAll<SVGPathElement>('path.edge')) {
    const touches = edge.dataset.from === cursor.path || edge.dataset.to === cursor.path;
    edge.classList.toggle('here', touches);
  }
  const steps = [...card.querySelectorAll<HTMLElement>('.step')];
  // A continued instruction is marked on each of its lines.
  const step = steps.filter((one) => Number(one.dataset.line) <= cursor.line).pop();
  step?.classList.add('here');
  (step ?? card).scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'smooth' });
  host.postMessage({ kind: 'marked', path: cursor.path, line: Number(step?.dataset.line ?? 0) });
}

function setZoom(value: number): void {
  zoom = Math.min(ZOOMS.largest, Math.max(ZOOMS.smallest, value));
  const [width, height] = [layout.width + 2 * MARGIN, layout.height + 2 * MARGIN];
  stage.style.width = `${width * zoom}px`;
  stage.style.height = `${height * zoom}px`;
  for (const part of [cards, edges]) {
    part.style.transform = `scale(${zoom}) translate(${MARGIN}px, ${MARGIN}px)`;
  }
  edges.setAttribute('width', String(layout.width));
  edges.setAttribute('height', String(layout.height));
}

function zoomToFit(of: Layout): number {
  const wide = view.clientWidth / (of.width + 2 * MARGIN);
  const high = view.clientHeight / (of.height + 2 * MARGIN);
  return Math.min(1, wide, high);
}

function fit(smallest: number): void {
  setZoom(Math.max(smallest, zoomToFit(layout)));
}

function chooseZoom(value: number): void {
  zoomChosen = true;
  setZoom(value);
}

element('smaller').addEventListener('click', () => chooseZoom(zoom / 1.2));
element('larger').addEventListener('click', () => chooseZoom(zoom * 1.2));
element('fit').addEventListener('click', () => {
  zoomChosen = false;
  fit(ZOOMS.smallest);
});
window.addEventListener('resize', () => draw(shown));
view.addEventListener('wheel', (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  chooseZoom(zoom * Math.exp(-event.deltaY / 300));
}, { passive: false });

window.addEventListener('message', (event: MessageEvent<ToPage>) => {
  const message = event.data;
  if (message.kind === 'plan') draw(message.plan);
  if (message.kind === 'cursor') {
    cursor = { path: message.path, line: message.line };
    mark();
  }
});

host.postMessage({ kind: 'ready' });
