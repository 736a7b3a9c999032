//! Reports of a run in files: `--report junit.xml`, `--report report.html`, `--events run.jsonl`. Views of the same
//! events as everything else, written when the run has ended.

mod html;
mod junit;
mod parts;
mod waterfall;

use super::listeners::Listener;
use crate::exit::WrongUsage;
use crate::past::Story;
use crate::replace::replace_file;
use crate::terminal;
use anyhow::{Context, Result};
use layerc_executor::event::{Event, TimedEvent};
use layerc_executor::store::history::Header;
use layerc_planner::plan::Plan;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// What a file's name says that it is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    JUnit,
    Html,
}

impl Kind {
    fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("xml") => Ok(Self::JUnit),
            Some("html" | "htm") => Ok(Self::Html),
            _ => Err(WrongUsage(format!(
                "`--report {}`: a report ends in .xml (JUnit) or .html",
                path.display()
            ))
            .into()),
        }
    }
}

/// The reports of one run.
pub(super) struct Reports<'run> {
    files: Vec<(Kind, PathBuf)>,
    plan: &'run Plan,
    header: Header,
    story: Story,
}

impl<'run> Reports<'run> {
    /// Reports to these files.
    pub(super) fn new(paths: &[PathBuf], plan: &'run Plan, header: Header) -> Result<Self> {
        let files = paths.iter().map(|path| Ok((Kind::of(path)?, path.clone())));
        Ok(Self { files: files.collect::<Result<_>>()?, plan, header, story: Story::default() })
    }

    fn write(&self) -> Result<()> {
        for (kind, path) in &self.files {
            let text = match kind {
                Kind::JUnit => junit::render(&self.header, &self.story)?,
                Kind::Html => html::render(self.plan, &self.header, &self.story),
            };
            replace_file(path, text.as_bytes())?;
        }
        Ok(())
    }
}

impl Listener for Reports<'_> {
    fn hear(&mut self, timed: &TimedEvent) {
        if self.files.is_empty() {
            return;
        }
        self.story.hear(timed.clone());
        if matches!(timed.event, Event::RunFinished { .. })
            && let Err(error) = self.write()
        {
            terminal::warn(&format!("{error:#}"));
        }
    }
}

/// Every event as a line of JSON, in a file.
pub(super) struct EventsFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventsFile {
    /// Begins the file.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }
}

impl Listener for EventsFile {
    fn hear(&mut self, timed: &TimedEvent) {
        let written = serde_json::to_writer(&mut self.file, timed)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .and_then(|()| match timed.event {
                Event::Output { .. } => Ok(()),
                _ => self.file.flush(),
            });
        if let (Err(error), Event::RunFinished { .. }) = (written, &timed.event) {
            terminal::warn(&format!("cannot write `{}`: {error}", self.path.display()));
        }
    }
}
