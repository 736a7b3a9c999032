//! The view for a terminal: a board that moves at the bottom, what is over scrolling away above it.

mod board;
mod frame;

use super::estimates::Estimates;
use super::unkept::Unkept;
use crate::screen;
use crate::wording;
use anstream::{AutoStream, ColorChoice};
use board::Board;
use frame::frame;
use layerc_executor::event::{Event, StepResult, TimedEvent};
use layerc_planner::plan::Plan;
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the board moves.
const TICK: Duration = Duration::from_millis(120);

/// Between these a terminal that knows them shows nothing half done; others pass them over.
const BEGIN_UPDATE: &str = "\x1b[?2026h";
const END_UPDATE: &str = "\x1b[?2026l";

/// See the module.
pub(super) struct Live {
    screen: Arc<Mutex<Screen>>,
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    unkept: Unkept,
}

/// What is on the terminal.
struct Screen {
    board: Board,
    started: Instant,
    ticks: usize,
    /// Lines of the board that stand there now.
    drawn: usize,
}

impl Live {
    pub(super) fn new(plan: &Plan, estimates: Estimates, started: Instant) -> Self {
        let board = Board::new(plan, estimates);
        let screen = Arc::new(Mutex::new(Screen { board, started, ticks: 0, drawn: 0 }));
        let (done, is_done) = channel::<()>();
        let ticking = Arc::clone(&screen);
        let thread = std::thread::Builder::new().name("live view".to_owned()).spawn(move || {
            while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let mut screen = lock(&ticking);
                screen.ticks += 1;
                screen.draw("");
            }
        });
        Self { screen, done: Some(done), thread: thread.ok(), unkept: Unkept::default() }
    }

    /// Shows an event.
    pub(super) fn show(&mut self, timed: &TimedEvent) {
        let tail = {
            let mut screen = lock(&self.screen);
            let tail = screen.board.tail_of(&timed.event);
            screen.board.hear(timed);
            tail
        };
        match &timed.event {
            Event::StepFinished { runner, step, result, duration_ms, snapshot, .. } => {
                let how = wording::result(result, *duration_ms);
                let mut text = format!("{}  {how}", wording::step(runner, step));
                if *result != StepResult::Success {
                    tail.iter().for_each(|line| text.push_str(&format!("\n  | {line}")));
                }
                if let Some(note) = self.unkept.news(runner, snapshot) {
                    text.push_str(&format!("\n{runner}: {note}"));
                }
                self.above(&text);
            }
            Event::BasePreparing { image, text } => self.above(&format!("{image}: {text}")),
            Event::RunFinished { .. } => self.end(),
            _ => {}
        }
    }

    /// Writes lines above the board.
    pub(super) fn above(&self, text: &str) {
        lock(&self.screen).draw(&format!("{text}\n"));
    }

    /// Removes the board.
    fn end(&mut self) {
        self.done = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
        let mut screen = lock(&self.screen);
        screen.board.clear();
        screen.draw("");
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Screen {
    /// Draws the board anew, below some more text.
    fn draw(&mut self, above: &str) {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let lines = frame(&self.board, now_ms, self.ticks, screen::size());
        let mut text = String::from(BEGIN_UPDATE);
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}F", self.drawn));
        }
        text.push_str("\x1b[J");
        let stderr = std::io::stderr();
        let is_plain = AutoStream::choice(&stderr) == ColorChoice::Never;
        for line in above.lines().chain(lines.iter().map(String::as_str)) {
            if is_plain {
                text.push_str(&anstream::adapter::strip_str(line).to_string());
            } else {
                text.push_str(line);
            }
            text.push('\n');
        }
        text.push_str(END_UPDATE);
        self.drawn = lines.len();
        let mut stderr = stderr.lock();
        // A terminal that went away is no reason to stop the run.
        let _gone = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}
