//! Cycles over FROM and WAIT: which files can never start because they wait for themselves.
//!
//! Plain graph work over file ids; knows nothing of Layerfiles. Iterative, so that depth costs no stack.

use crate::span::FileId;

/// Files that wait for each other: every one reaches every other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Knot {
    /// All of them, in order.
    pub(crate) files: Vec<FileId>,
    /// A shortest cycle that begins at the first file; each needs the next, the last needs the first.
    pub(crate) cycle: Vec<FileId>,
}

/// The knots of a graph, given what each file needs, in order of their first file.
pub(crate) fn knots(needs: &[Vec<FileId>]) -> Vec<Knot> {
    let mut found: Vec<Knot> = components(needs)
        .into_iter()
        .filter_map(|mut files| {
            files.sort_unstable();
            let first = *files.first()?;
            let cycle = shortest_cycle(needs, &files, first)?;
            Some(Knot { files, cycle })
        })
        .collect();
    found.sort_unstable_by(|one, other| one.files.cmp(&other.files));
    found
}

/// What a file needs.
fn needs_of(needs: &[Vec<FileId>], file: FileId) -> &[FileId] {
    needs.get(file.index()).map_or(&[], Vec::as_slice)
}

/// A shortest way from `first` back to itself inside `files`; `None` if there is none.
fn shortest_cycle(needs: &[Vec<FileId>], files: &[FileId], first: FileId) -> Option<Vec<FileId>> {
    let mut came_from: Vec<Option<FileId>> = vec![None; files.len()];
    let mut queue = std::collections::VecDeque::from([first]);
    while let Some(file) = queue.pop_front() {
        for next in needs_of(needs, file) {
            if *next == first {
                return Some(way_back(files, &came_from, first, file));
            }
            let Ok(slot) = files.binary_search(next) else { continue };
            if let Some(unseen @ None) = came_from.get_mut(slot) {
                *unseen = Some(file);
                queue.push_back(*next);
            }
        }
    }
    None
}

/// The files from `first` to `last` along the links that the search left.
fn way_back(
    files: &[FileId],
    came_from: &[Option<FileId>],
    first: FileId,
    last: FileId,
) -> Vec<FileId> {
    let mut way = vec![last];
    let mut at = last;
    while at != first {
        let slot = files.binary_search(&at).ok();
        let Some(previous) = slot.and_then(|slot| came_from.get(slot).copied().flatten()) else {
            break;
        };
        way.push(previous);
        at = previous;
    }
    way.reverse();
    way
}

/// Strongly connected components (Tarjan), with an explicit stack.
fn components(needs: &[Vec<FileId>]) -> Vec<Vec<FileId>> {
    let mut search = Search {
        order: vec![None; needs.len()],
        lowest: vec![0; needs.len()],
        open: vec![false; needs.len()],
        stack: Vec::new(),
        components: Vec::new(),
        next_order: 0,
    };
    for start in (0..).map(FileId::new).take(needs.len()) {
        search.visit(needs, start);
    }
    search.components
}

/// Tarjan's bookkeeping; the lists are indexed by file.
struct Search {
    order: Vec<Option<usize>>,
    lowest: Vec<usize>,
    open: Vec<bool>,
    stack: Vec<FileId>,
    components: Vec<Vec<FileId>>,
    next_order: usize,
}

#[expect(clippy::indexing_slicing, reason = "all lists have one entry for each file of the graph")]
impl Search {
    fn visit(&mut self, needs: &[Vec<FileId>], start: FileId) {
        if self.order[start.index()].is_some() {
            return;
        }
        let mut path: Vec<(FileId, usize)> = vec![(start, 0)];
        self.enter(start);
        while let Some((file, edge)) = path.last_mut() {
            let file = *file;
            let next =
                needs_of(needs, file).get(*edge).copied().filter(|next| next.index() < needs.len());
            *edge += 1;
            match next {
                Some(next) if self.order[next.index()].is_none() => {
                    self.enter(next);
                    path.push((next, 0));
                }
                Some(next) => self.reach(file, next),
                None => {
                    path.pop();
                    self.leave(file, path.last().map(|(above, _)| *above));
                }
            }
        }
    }

    fn enter(&mut self, file: FileId) {
        self.order[file.index()] = Some(self.next_order);
        self.lowest[file.index()] = self.next_order;
        self.open[file.index()] = true;
        self.stack.push(file);
        self.next_order += 1;
    }

    fn reach(&mut self, file: FileId, next: FileId) {
        if let (true, Some(order)) = (self.open[next.index()], self.order[next.index()]) {
            self.lowest[file.index()] = self.lowest[file.index()].min(order);
        }
    }

    fn leave(&mut self, file: FileId, above: Option<FileId>) {
        let lowest = self.lowest[file.index()];
        if let Some(above) = above {
            self.lowest[above.index()] = self.lowest[above.index()].min(lowest);
        }
        if self.order[file.index()] != Some(lowest) {
            return;
        }
        let from = self.stack.iter().rposition(|open| *open == file).unwrap_or(0);
        let component = self.stack.split_off(from);
        for member in &component {
            self.open[member.index()] = false;
        }
        self.components.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::knots;
    use crate::span::FileId;

    fn check_knots(needs: &[&[u32]], expected: &[(&[u32], &[u32])]) {
        let ids = |list: &[u32]| list.iter().copied().map(FileId::new).collect::<Vec<_>>();
        let needs: Vec<_> = needs.iter().map(|list| ids(list)).collect();
        let found: Vec<_> =
            knots(&needs).into_iter().map(|knot| (knot.files, knot.cycle)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(files, cycle)| (ids(files), ids(cycle))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn finds_each_knot_once() {
        check_knots(&[&[1], &[2], &[]], &[]);
        check_knots(&[&[0]], &[(&[0], &[0])]);
        check_knots(&[&[1], &[2], &[0]], &[(&[0, 1, 2], &[0, 1, 2])]);
        check_knots(&[&[1], &[0], &[3, 0], &[2]], &[(&[0, 1], &[0, 1]), (&[2, 3], &[2, 3])]);
    }

    #[test]
    fn names_a_shortest_cycle() {
        check_knots(&[&[1], &[2], &[0, 3], &[1]], &[(&[0, 1, 2, 3], &[0, 1, 2])]);
        check_knots(&[&[1], &[2, 1], &[1]], &[(&[1, 2], &[1])]);
    }

    #[test]
    fn depth_costs_no_stack() {
        let count = 200_000;
        let needs: Vec<Vec<FileId>> =
            (0..count).map(|file| vec![FileId::new((file + 1) % count)]).collect();
        let found = knots(&needs);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].cycle.len(), count as usize);
    }
}
