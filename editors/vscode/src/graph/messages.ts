/** What the extension and the page with the graph say to each other. */
import type { Plan } from './plan';

/** To the page. */
export type ToPage =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'cursor'; readonly path: string; readonly line: number };

/** From the page. */
export type FromPage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reveal'; readonly path: string; readonly line: number }
  | { readonly kind: 'drawn'; readonly cards: number; readonly edges: number }
  | { readonly kind: 'marked'; readonly path: string; readonly line: number };
