/**
 * Where the cards of a graph stand: in ranks by who has to be there first, and in a rank near those they follow.
 *
 * Pure numbers; knows nothing of the screen but the sizes it is told.
 */
import type { Layer } from './plan';

/** A card's place, in pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** Sizes, in pixels. */
export interface Sizes {
  readonly width: number;
  readonly head: number;
  readonly row: number;
  readonly foot: number;
  readonly gapX: number;
  readonly gapY: number;
}

/** Places by path of the Layerfile, and the size of the whole. */
export interface Layout {
  readonly places: ReadonlyMap<string, Place>;
  readonly width: number;
  readonly height: number;
}

/** Whether those that come later stand to the right or below. */
export type Direction = 'right' | 'down';

/** Lays out layers. Those that wait for each other in a circle get a rank all the same. */
export function layOut(layers: readonly Layer[], sizes: Sizes, direction: Direction): Layout {
  const along = direction === 'down' ? sizes.width + sizes.gapY : 0;
  const ranks = ranksOf(layers);
  const lengths = ranks.map((rank) => lengthOf(rank, sizes, direction));
  const longest = Math.max(0, ...lengths);
  const places = new Map<string, Place>();
  let across = 0;
  ranks.forEach((rank, index) => {
    const ordered = [...rank].sort((left, right) => centre(left, places, direction) - centre(right, places, direction));
    let position = (longest - (lengths[index] ?? 0)) / 2;
    for (const layer of ordered) {
      const height = cardHeight(layer, sizes);
      places.set(layer.path, direction === 'down' ? { x: position, y: across, height } : { x: across, y: position, height });
      position += direction === 'down' ? along : height + sizes.gapY;
    }
    const thickest = Math.max(0, ...rank.map((layer) => cardHeight(layer, sizes)));
    across += direction === 'down' ? thickest + sizes.gapX : sizes.width + sizes.gapX;
  });
  const total = Math.max(0, across - sizes.gapX);
  return direction === 'down' ? { places, width: longest, height: total } : { places, width: total, height: longest };
}

/** What a layer follows: its parent and those it waits for. */
export function followed(layer: Layer): string[] {
  return layer.parent === undefined ? [...layer.waitsFor] : [layer.parent, ...layer.waitsFor];
}

function ranksOf(layers: readonly Layer[]): Layer[][] {
  const byPath = new Map(layers.map((layer) => [layer.path, layer]));
  const depths = new Map<string, number>();
  const depth = (layer: Layer, above: ReadonlySet<string>): number => {
    const known = depths.get(layer.path);
    if (known !== undefined) return known;
    const before = followed(layer).filter((path) => !above.has(path)).map((path) => byPath.get(path));
    const within = new Set(above).add(layer.path);
    const own = Math.max(-1, ...before.map((other) => (other ? depth(other, within) : -1))) + 1;
    depths.set(layer.path, own);
    return own;
  };
  const ranks: Layer[][] = [];
  for (const layer of layers) (ranks[depth(layer, new Set([layer.path]))] ??= []).push(layer);
  return Array.from(ranks, (rank) => rank ?? []);
}

/** Where on average those stand that a layer follows, as far as they have their places already. */
function centre(layer: Layer, places: ReadonlyMap<string, Place>, direction: Direction): number {
  const before = followed(layer).map((path) => places.get(path)).filter((place) => place !== undefined);
  if (before.length === 0) return 0;
  const middle = (place: Place) => (direction === 'down' ? place.x : place.y + place.height / 2);
  return before.reduce((sum, place) => sum + middle(place), 0) / before.length;
}

function cardHeight(layer: Layer, sizes: Sizes): number {
  return sizes.head + layer.steps.length * sizes.row + sizes.foot;
}

/** How much room a rank takes where its cards stand side by side. */
function lengthOf(rank: readonly Layer[], sizes: Sizes, direction: Direction): number {
  const gaps = Math.max(0, rank.length - 1) * sizes.gapY;
  if (direction === 'down') return rank.length * sizes.width + gaps;
  return rank.reduce((sum, layer) => sum + cardHeight(layer, sizes), 0) + gaps;
}
