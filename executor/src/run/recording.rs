//! Puts what a step did behind its chain and, if it is certain, into the store.

use super::machines::OwnLast;
use super::perform::Performed;
use super::trouble::Trouble;
use super::worker::{Keys, Worker, milliseconds};
use crate::cache::chain::Certainty;
use crate::cache::lookup::differences;
use crate::cache::{Chain, Link, key};
use crate::engine::stretch::StretchStep;
use crate::event::StepInfo;
use crate::read_set::{ReadSet, TrackedPath};
use crate::store::committer::{Commit, Committed};
use crate::store::index::Entry;
use crate::store::record::{NotTaken, Record, Snapshot, StateId, StrongKey};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Worker<'_> {
    /// Puts what a step did behind the chain and, if it is certain, into the store. Returns the state that was recorded.
    #[expect(clippy::too_many_arguments, reason = "everything known about a step that just ended")]
    pub(super) fn record(
        &mut self,
        chain: &mut Chain,
        keys: &Keys,
        planned: &StretchStep,
        info: StepInfo,
        performed: Performed,
        snapshot: Snapshot,
        own_last: Option<OwnLast>,
        took: Duration,
    ) -> Result<Option<StateId>, Trouble> {
        let reads = self.settle_reads(chain, performed.own_reads, own_last.as_ref(), &info)?;
        let started_from = own_last.map(|own_last| own_last.record.strong);
        let lineage = match (chain.is_unsure, started_from) {
            (Certainty::Unsure, _) => self.context.draw(),
            (Certainty::Sure, Some(StrongKey(strong))) => strong.to_vec(),
            (Certainty::Sure, None) => Vec::new(),
        };
        let strong = key::result(keys.weak, &reads, &lineage);
        let link = Link::of_run(
            keys.weak,
            strong,
            Arc::clone(&planned.step),
            info.clone(),
            Arc::clone(&chain.state),
            snapshot.clone(),
            reads.clone(),
        );
        let link = Arc::new(link);
        let record = Record {
            weak: keys.weak,
            strong,
            recorded_at: now(),
            run: self.context.store.run().id(),
            state: performed.state.clone(),
            snapshot,
            milliseconds: milliseconds(took),
            started_from,
        };
        let view = self.context.store.index().view()?;
        let live = self.live()?;
        live.pass(std::slice::from_ref(&link), &view)?;
        let layers = live.take_unsynced();
        drop(view);
        chain.links.push(link);
        chain.strong = strong;
        chain.text = keys.text;
        chain.state = Arc::new(performed.state);
        chain.first_run.get_or_insert(info);
        if chain.is_unsure == Certainty::Sure {
            let branch = self.context.built_ins.branch().map(key::branch);
            let entry = Entry {
                record,
                reads,
                output: performed.output,
                text: keys.text,
                keyed: chain.keyed.clone(),
                branch,
            };
            let turn = self.turn.take();
            let what = Committed::Step(Box::new(entry));
            self.context.committer.commit(Commit { what, layers, turn });
            return Ok(Some(strong.id()));
        }
        Ok(None)
    }

    /// CHECKPOINT: keeps the state of the moment, if it was not kept behind the last step.
    pub(super) fn checkpoint(&mut self, chain: &mut Chain) -> Result<(), Trouble> {
        self.keep_last(chain, &[NotTaken::Forbidden, NotTaken::Cheap])
    }

    /// Keeps the state at the end of a stretch that others start from, or behind which a person is waited for, if only its
    /// price had spoken against it.
    pub(super) fn keep_for_others(&mut self, chain: &mut Chain) -> Result<(), Trouble> {
        let is_branch = self.context.graph.is_branch(self.stretch.id);
        if is_branch { self.keep_last(chain, &[NotTaken::Cheap]) } else { Ok(()) }
    }

    /// Keeps the state of the moment, if one of these reasons had kept it from being kept.
    fn keep_last(&mut self, chain: &mut Chain, reasons: &[NotTaken]) -> Result<(), Trouble> {
        let Some(last) = chain.links.last() else { return Ok(()) };
        if !matches!(&last.snapshot, Snapshot::NotTaken(reason) if reasons.contains(reason)) {
            return Ok(());
        }
        self.keep_now(chain, chain.links.len())
    }

    /// Keeps the state behind so many links after all, if the machine is in it.
    pub(super) fn keep_now(&mut self, chain: &mut Chain, behind: usize) -> Result<(), Trouble> {
        let Some(live) = self.live.as_mut().filter(|live| live.at == behind) else {
            return Ok(());
        };
        let snapshot = live.freeze_for_others()?;
        let layers = live.take_unsynced();
        let snapshot = self.without_secrets(snapshot);
        let Some(link) = behind.checked_sub(1).and_then(|index| chain.links.get_mut(index)) else {
            return Ok(());
        };
        let kept = Arc::new(link.kept(snapshot.clone()));
        self.context.remade.note(kept.strong, snapshot.clone());
        let what = Committed::Snapshot { weak: kept.weak, strong: kept.strong, snapshot };
        if chain.is_unsure == Certainty::Sure {
            self.context.committer.commit(Commit { what, layers, turn: None });
        }
        *link = kept;
        Ok(())
    }

    /// What the step asked beyond its chain, checked against the repository as it is now.
    fn settle_reads(
        &mut self,
        chain: &mut Chain,
        own_reads: ReadSet,
        own_last: Option<&OwnLast>,
        info: &StepInfo,
    ) -> Result<ReadSet, Trouble> {
        let repository = self.context.repository;
        let earlier = match own_last {
            Some(own_last) => self.context.store.index().view()?.reads(own_last.record.strong)?,
            None => None,
        };
        let live = self.live()?;
        let mut delta = live.delta(own_reads);
        let changed =
            differences(repository, &delta.reads).first().map(|(asked, _)| asked.0.clone());
        if let Some(path) = delta.contradicted.pop().or(changed) {
            chain.is_unsure = Certainty::Unsure;
            self.context.warn(
                &self.runner,
                format!(
                    "`{path}` changed while step {} of {} ran: neither it nor what follows is recorded",
                    info.number, info.layerfile
                ),
            );
            return Ok(delta.reads);
        }
        if self.hide_secrets(&mut delta.reads) == Certainty::Unsure {
            chain.is_unsure = Certainty::Unsure;
            let StepInfo { number, layerfile, .. } = info;
            let text = format!(
                "step {number} of {layerfile} looked for a file that is named like a secret: neither it nor what follows is \
                 recorded"
            );
            self.context.warn(&self.runner, text);
            return Ok(delta.reads);
        }
        if let Some(earlier) = earlier {
            let today = |(path, question): &(_, _)| repository.fingerprint(path, *question).ok();
            self.live()?.inherit(&mut delta.reads, &earlier, today);
        }
        Ok(delta.reads)
    }
}

impl Worker<'_> {
    /// Takes secrets out of the names of readers. Where one is in a path, the question can't be kept, and without it
    /// nothing is known for certain.
    fn hide_secrets(&self, reads: &mut ReadSet) -> Certainty {
        let secrets = self.context.secrets;
        if secrets.is_empty() {
            return Certainty::Sure;
        }
        for answer in reads.answers.values_mut() {
            let command = std::mem::take(&mut answer.reader.command);
            answer.reader.command = secrets.masked(command);
        }
        let is_telling = |path: &TrackedPath| secrets.are_in(&path.to_string());
        match reads.answers.keys().any(|(path, _)| is_telling(path)) {
            true => Certainty::Unsure,
            false => Certainty::Sure,
        }
    }

    /// A state's description, which names processes as they call themselves.
    pub(super) fn without_secrets(&self, snapshot: Snapshot) -> Snapshot {
        let masked = |name| self.context.secrets.masked(name);
        match snapshot {
            Snapshot::NotTaken(NotTaken::ProcessesAlive(names)) => Snapshot::NotTaken(
                NotTaken::ProcessesAlive(names.into_iter().map(masked).collect()),
            ),
            other => other,
        }
    }
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
