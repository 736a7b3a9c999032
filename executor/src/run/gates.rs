//! BUTTON in a run: asks, and hears who presses: the terminal, `layerc press` from another process, or an option.
//!
//! Every press goes through the run's memory, so that a resumed run knows it too. What a press leads to is the
//! engine's affair.

use super::Setup;
use super::context::Context;
use super::trouble::with_causes;
use crate::engine::stretch::{StretchGraph, StretchId};
use crate::engine::{Engine, RunnerId};
use crate::event::Event;
use crate::store::StoreError;
use crate::store::history::{AskedButton, History, PressedButtons};
use crossbeam_channel::{Receiver, Sender, after, never, unbounded};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How often the run's memory is looked at while somebody could press from another process.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What becomes of a run that nobody presses a button of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ButtonRule {
    /// Every button counts as pressed.
    Accept,
    /// The run waits for a press, however long it takes.
    Wait,
    /// The run ends as waiting when nothing else is left to do.
    EndWaiting,
}

/// What a person at this run's own terminal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Press(u32),
    NobodyPresses,
}

/// Takes the answers of a person at the terminal; from any thread, at any time.
#[derive(Debug, Clone)]
pub struct Presser(Sender<Answer>);

impl Presser {
    /// Presses a button, by its number.
    pub fn press(&self, number: u32) {
        // A run that is over hears nothing.
        let _ = self.0.send(Answer::Press(number));
    }

    /// Says that nobody is going to press: the run ends as waiting when nothing else is left to do.
    pub fn give_up(&self) {
        let _ = self.0.send(Answer::NobodyPresses);
    }
}

/// How a run deals with buttons.
#[derive(Debug, Clone)]
pub struct Buttons {
    rule: ButtonRule,
    answers: Receiver<Answer>,
}

impl Buttons {
    /// By a rule, and with a place where a person's answers go.
    pub fn new(rule: ButtonRule) -> (Self, Presser) {
        let (sender, answers) = unbounded();
        (Self { rule, answers }, Presser(sender))
    }
}

/// The buttons of a run that goes on.
pub(super) struct Gates {
    rule: ButtonRule,
    all_pressed: PressedButtons,
    numbers: HashMap<StretchId, u32>,
    answers: RefCell<Receiver<Answer>>,
    gave_up: Cell<bool>,
    looked: Cell<Option<Instant>>,
}

impl Gates {
    pub(super) fn new(setup: &Setup<'_>, graph: &StretchGraph) -> Self {
        let gates = graph.stretches.iter().filter(|stretch| stretch.gate.is_some());
        let numbers = gates.map(|stretch| stretch.id).zip(1..).collect();
        Self {
            rule: setup.buttons.rule,
            all_pressed: History::of(&setup.store).pressed(&setup.name),
            numbers,
            answers: RefCell::new(setup.buttons.answers.clone()),
            gave_up: Cell::new(false),
            looked: Cell::new(None),
        }
    }

    /// A runner came to a button.
    pub(super) fn ask(&self, context: &Context<'_>, id: StretchId) {
        let Some(button) = self.button(context, id) else { return };
        let AskedButton { number, runner, layerfile, message } = button;
        match self.rule {
            ButtonRule::Accept => self.press(context, number, "--accept-buttons"),
            ButtonRule::Wait | ButtonRule::EndWaiting => {
                context.emit(Event::ButtonAsked { runner, number, layerfile, message });
            }
        }
        self.looked.set(None);
    }

    fn button(&self, context: &Context<'_>, id: StretchId) -> Option<AskedButton> {
        let stretch = context.graph.get(id)?;
        let runner = RunnerId { layerfile: stretch.layerfile, copy: stretch.copies.first };
        Some(AskedButton {
            number: *self.numbers.get(&id)?,
            runner: context.runner_name(runner),
            layerfile: context.layerfile_path(stretch.layerfile),
            message: stretch.gate.clone()?,
        })
    }

    fn press(&self, context: &Context<'_>, number: u32, by: &str) {
        self.heed(context, self.all_pressed.press(number, by));
        self.looked.set(None);
    }

    fn heed(&self, context: &Context<'_>, written: Result<(), StoreError>) {
        if let Err(error) = written {
            let text = format!("the run's buttons are not remembered: {}", with_causes(&error));
            context.emit(Event::Warning { runner: None, text });
        }
    }

    /// What a person said at the terminal.
    pub(super) fn answers(&self) -> Receiver<Answer> {
        self.answers.borrow().clone()
    }

    /// Takes an answer; `None` when nobody is left to give one.
    pub(super) fn hear(&self, context: &Context<'_>, answer: Option<Answer>) {
        match answer {
            Some(Answer::Press(number)) => self.press(context, number, "the terminal"),
            Some(Answer::NobodyPresses) => self.gave_up.set(true),
            None => drop(self.answers.replace(never())),
        }
    }

    /// When to look for presses again; never while nothing is asked.
    pub(super) fn next_look(&self, engine: &Engine) -> Receiver<Instant> {
        if engine.asking().next().is_some() { after(LOOK_EVERY) } else { never() }
    }

    /// The stretches that somebody pressed the button of.
    pub(super) fn pressed(&self, context: &Context<'_>, engine: &Engine) -> Vec<StretchId> {
        if self.looked.get().is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Vec::new();
        }
        let mut pressed = Vec::new();
        for id in engine.asking() {
            self.looked.set(Some(Instant::now()));
            let Some(button) = self.button(context, id) else { continue };
            let AskedButton { runner, number, .. } = button;
            if let Some(by) = self.all_pressed.by(number) {
                context.emit(Event::ButtonPressed { runner, number, by });
                pressed.push(id);
            }
        }
        pressed
    }

    /// Whether a run that needs a person may as well end.
    pub(super) fn nobody_presses(&self) -> bool {
        match self.rule {
            ButtonRule::EndWaiting => true,
            ButtonRule::Accept | ButtonRule::Wait => self.gave_up.get(),
        }
    }
}
