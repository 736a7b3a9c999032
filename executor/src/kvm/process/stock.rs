//! Which processes are prepared before anybody asks for them: pure bookkeeping, with no process in it.
//!
//! A machine is most often followed by another of its shape: the next step's, a child's, a copy's. What a machine needs of KVM
//! is made ahead for it, and thrown away for what is asked for more.

use crate::kvm::machine::Shape;
use std::collections::VecDeque;

/// Most that stand ready, of all shapes: each holds half a MiB and what the kernel keeps for a machine.
pub(super) const MOST_READY: usize = 10;

/// What stands ready, the longest first.
#[derive(Debug)]
pub(super) struct Stock<T> {
    ready: VecDeque<(Shape, T)>,
}

impl<T> Default for Stock<T> {
    fn default() -> Self {
        Self { ready: VecDeque::new() }
    }
}

impl<T> Stock<T> {
    /// Takes one of this shape: the one that has been there longest, which is ready if any is.
    pub(super) fn take(&mut self, shape: Shape) -> Option<T> {
        let place = self.ready.iter().position(|(other, _)| *other == shape)?;
        self.ready.remove(place).map(|(_, taken)| taken)
    }

    /// How many of this shape are to be made so that there are as many as wanted.
    pub(super) fn missing(&self, shape: Shape, wanted: usize) -> usize {
        let there = self.ready.iter().filter(|(other, _)| *other == shape).count();
        wanted.min(MOST_READY).saturating_sub(there)
    }

    /// Adds one that was missing. What has to go for it is the answer: the oldest of another shape.
    pub(super) fn add(&mut self, shape: Shape, made: T) -> Option<T> {
        let is_full = self.ready.len() >= MOST_READY;
        let place = self.ready.iter().position(|(other, _)| *other != shape);
        let oldest = place.filter(|_| is_full).and_then(|place| self.ready.remove(place));
        self.ready.push_back((shape, made));
        oldest.map(|(_, oldest)| oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm::memory::MemorySize;
    use proptest::prelude::*;

    fn shape(mebibytes: u64, processors: usize) -> Shape {
        Shape { memory: MemorySize::from_bytes(mebibytes << 20).unwrap(), processors }
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        (1..3_u64, 1..3_usize).prop_map(|(mebibytes, processors)| shape(mebibytes, processors))
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_had_twice_and_there_are_never_too_many(
            steps in prop::collection::vec((shapes(), 0..14_usize, 0..4_usize), 1..30),
        ) {
            let (mut stock, mut there, mut next) = (Stock::default(), Vec::new(), 0);
            for (shape, wanted, taken) in steps {
                for _ in 0..stock.missing(shape, wanted) {
                    if let Some(gone) = stock.add(shape, next) {
                        let oldest = there.iter().position(|(other, _)| *other != shape).unwrap();
                        prop_assert_eq!(there.remove(oldest).1, gone, "the oldest of others goes");
                    }
                    there.push((shape, next));
                    next += 1;
                }
                prop_assert!(there.len() <= MOST_READY);
                prop_assert_eq!(stock.missing(shape, wanted), 0);
                for _ in 0..taken {
                    let oldest = there.iter().position(|(other, _)| *other == shape);
                    let expected = oldest.map(|place| there.remove(place).1);
                    prop_assert_eq!(stock.take(shape), expected);
                }
            }
        }
    }
}
