//! One planted dependency and how it is checked.

use layerc_tests::repository::Repository;
use layerc_tests::skip::skipped;
use layerc_tests::workflow::{Ran, Workflow};

/// Line of a command that depends on nothing.
const BEFORE: u32 = 4;
/// Line of the command with the dependency.
const STEP: u32 = 5;

/// A change to a repository, and what it is called in messages.
pub(crate) type Change = (&'static str, fn(&Repository));

/// What a case needs beyond bash and the core utilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// A C compiler on this machine, to make the programs of [`crate::compiled`].
    Compiler,
}

/// A step with one way to depend on the repository.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its name among the tests.
    pub(crate) name: &'static str,
    /// What it needs.
    pub(crate) needs: Needs,
    /// The instruction that brings files in.
    pub(crate) copy: &'static str,
    /// Bash text of the step, run in /srv/work.
    pub(crate) step: &'static str,
    /// Changes after which nothing may run.
    pub(crate) unnoticed: Vec<Change>,
    /// Changes after which the step must run; each starts from the files as they were.
    pub(crate) noticed: Vec<Change>,
}

/// The files that every case starts from.
fn prepare(repository: &Repository) {
    for (path, text) in [
        ("data/a.txt", "alpha\n"),
        ("data/b.txt", "beta\n"),
        ("data/nested/deep.txt", "deep\n"),
        ("other/a.txt", "another alpha\n"),
        ("other/b.txt", "another beta\n"),
        ("tool", "#!/bin/bash\necho tool\n"),
        ("environment.sh", "export FROM_SETUP=1\n"),
        ("unrelated.txt", "nobody reads this\n"),
    ] {
        repository.write(path, text);
    }
    repository.set_mode("tool", 0o755);
    repository.link("a.txt", "data/link");
    repository.link("data", "directory-link");
    repository.link("nowhere", "dangling");
}

impl Case {
    fn workflow(&self) -> Result<Workflow, String> {
        let layerfile = format!(
            "FROM vm/ubuntu:22.04\nWORKDIR /srv/work\n{}\nRUN true\nRUN {}\n",
            self.copy, self.step
        );
        let workflow = Workflow::with(&[("Layerfile", &layerfile)]);
        prepare(&workflow.repository);
        if self.needs == Needs::Compiler {
            crate::compiled::add(&workflow.repository)?;
        }
        Ok(workflow)
    }

    /// Checks it; says what went wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.needs == Needs::Compiler && !layerc_tests::ordinary_user::on_path("gcc") {
            skipped(self.name, "there is no gcc to make its program with");
            return Ok(());
        }
        let workflow = self.workflow()?;
        expect(&workflow.run(), &[BEFORE, STEP], "the first run", Ending::Success)?;
        expect(&workflow.run(), &[], "a second run without a change", Ending::Success)?;
        for (name, change) in &self.unnoticed {
            change(&workflow.repository);
            expect(
                &workflow.run(),
                &[],
                &format!("after `{name}`, which it can't have noticed"),
                Ending::Success,
            )?;
        }
        self.noticed.iter().try_for_each(|change| self.check_noticed(change))
    }

    /// In a repository of its own, so that each change is the only one.
    fn check_noticed(&self, (name, change): &Change) -> Result<(), String> {
        let workflow = self.workflow()?;
        expect(&workflow.run(), &[BEFORE, STEP], "the first run", Ending::Success)?;
        change(&workflow.repository);
        expect(
            &workflow.run(),
            &[STEP],
            &format!("after `{name}`, which it depends on"),
            Ending::Any,
        )
    }
}

/// How a run may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Success,
    /// A step may fail because of the change; it ran, and that is what counts.
    Any,
}

fn expect(ran: &Ran, lines: &[u32], when: &str, ending: Ending) -> Result<(), String> {
    if ending == Ending::Success && !ran.outcome.status.success() {
        return Err(format!("{when}: the run failed\n{}", ran.outcome.everything()));
    }
    let executed = ran.executed_commands("Layerfile");
    if executed != lines {
        return Err(format!(
            "{when}: the commands of these lines should have run: {lines:?}, but these did: {executed:?}\n{}",
            ran.outcome.everything()
        ));
    }
    Ok(())
}
