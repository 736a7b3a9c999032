//! The shipped examples do what their READMEs say: they are free of findings, they run, and they run once.

#[cfg(test)]
mod tests {
    use layerc_executor::event::Event;
    use layerc_tests::layerc::{Outcome, layerc};
    use layerc_tests::project_files::root;
    use layerc_tests::workflow::{Ran, run_command};
    use std::path::{Path, PathBuf};

    fn examples() -> Vec<PathBuf> {
        let entries = std::fs::read_dir(root().join("spec/examples")).unwrap();
        let mut directories: Vec<PathBuf> =
            entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        directories.sort();
        assert!(!directories.is_empty(), "there are no examples");
        directories
    }

    #[test]
    fn every_example_is_free_of_findings() {
        for example in examples() {
            let outcome = Outcome::of(layerc(["check", "--format", "json"]).arg(&example));
            assert_eq!(outcome.code(), 0, "{}\n{}", example.display(), outcome.everything());
        }
    }

    fn run(example: &Path, store: &Path) -> (u32, u32, Ran) {
        let ran = Ran::of(&mut run_command(example, store)).expect_success();
        let last = ran.events.last();
        let Some(Event::RunFinished { steps_run, steps_cached, .. }) = last else {
            panic!("the last event is {last:?}");
        };
        (*steps_run, *steps_cached, ran)
    }

    #[test]
    fn every_example_runs_and_then_has_nothing_to_do() {
        for example in examples() {
            let store = tempfile::tempdir().unwrap();
            let (first_run, _, _) = run(&example, store.path());
            assert!(first_run > 0, "{} ran nothing", example.display());
            let (second_run, cached, ran) = run(&example, store.path());
            assert_eq!(second_run, 0, "{}: {}", example.display(), ran.outcome.stdout);
            assert!(
                cached >= first_run,
                "{}: {cached} of {first_run} steps were cached",
                example.display()
            );
        }
    }
}
