//! When many layers become one. The kernel takes 500 directories in an overlay, and each of them makes mounting and
//! every search for a missing name a little slower.
//!
//! Only neighbours are folded; layers between which COPY made one stay apart, since what a COPY shows is not the store's.
//! A layer says in its name how many steps are in it, and none is folded with fewer steps than it has itself: so a file is
//! linked anew a few times at most, and the cost of a step stays proportional to what it changed.

use super::store_layout::StoreLayout;
use crate::backend::{Layer, LayerId};
use std::ops::Range;

/// A state of fewer layers is left alone: up to here they cost less than folding.
const MANY_LAYERS: usize = 96;

/// From here on even a few neighbours are worth it.
const TOO_MANY_LAYERS: usize = 250;

/// Neighbours that are folded at least.
const FOLD_LAYERS: usize = 16;

/// Stands in the names of folded layers before the number of steps.
const FOLDED: &str = "-folded-";

/// Which layers are to be folded now: the most neighbours that may be.
pub(super) fn due(layers: &[Layer]) -> Option<Range<usize>> {
    if layers.len() < MANY_LAYERS {
        return None;
    }
    let mut most = 0..0;
    let mut start = 0;
    for run in layers.split(|layer| matches!(layer, Layer::Copied(_))) {
        let lightest = start + heavy_beginning(run)..start + run.len();
        if lightest.len() > most.len() {
            most = lightest;
        }
        start += run.len() + 1;
    }
    let least = if layers.len() < TOO_MANY_LAYERS { FOLD_LAYERS } else { 2 };
    (most.len() >= least).then_some(most)
}

/// How many layers at the beginning have more steps than all behind them together. Heavy ones lie at the bottom, since
/// what is on top was folded least often.
fn heavy_beginning(run: &[Layer]) -> usize {
    let steps: Vec<usize> = run.iter().map(steps_in).collect();
    let is_heavy = |place: &usize| {
        let rest = steps.get(*place..).unwrap_or_default();
        rest.iter().max().is_some_and(|heaviest| 2 * heaviest > rest.iter().sum())
    };
    (0..run.len()).take_while(is_heavy).count()
}

fn steps_in(layer: &Layer) -> usize {
    let Layer::Frozen(id) = layer else { return 0 };
    id.0.split_once(FOLDED).and_then(|(_, steps)| steps.parse().ok()).unwrap_or(1)
}

/// A name for what is made of these.
pub(super) fn folded_layer(layers: &[Layer]) -> LayerId {
    let steps: usize = layers.iter().map(steps_in).sum();
    LayerId(format!("{}{FOLDED}{steps}", StoreLayout::new_layer().0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::CopiedFiles;

    /// The layers behind so many steps with a COPY before each so many, and how often a step was folded on average.
    fn state_after(steps: usize, copy_each: usize) -> (usize, usize) {
        let (mut layers, mut links) = (Vec::new(), 0);
        for step in 1..=steps {
            if step % copy_each == 0 {
                layers.push(Layer::Copied(CopiedFiles::default()));
            }
            layers.push(Layer::Frozen(LayerId(step.to_string())));
            if let Some(which) = due(&layers) {
                let folded = folded_layer(&layers[which.clone()]);
                links += steps_in(&Layer::Frozen(folded.clone()));
                layers.splice(which, [Layer::Frozen(folded)]);
            }
        }
        (layers.len(), links / steps)
    }

    #[test]
    fn depth_stays_far_below_the_kernel_s_limit_and_few_things_are_folded_often() {
        assert_eq!(state_after(95, usize::MAX), (95, 0));
        for (steps, copy_each, most) in
            [(500, usize::MAX, 96), (10_000, usize::MAX, 96), (5_000, 100, 250), (600, 5, 300)]
        {
            let (depth, links) = state_after(steps, copy_each);
            assert!(depth <= most, "{steps} steps: {depth} layers");
            assert!(links <= 12, "{steps} steps: each folded {links} times");
        }
    }
}
