//! What is said about the terminal of a command in a virtual machine: how it is set, what is typed, how large it is.
//!
//! A connection for each terminal, beside the one on which commands are asked for: the executor sends [`TerminalSetup`],
//! the guest answers with [`TerminalReply`], then comes a [`Typed`] for each thing that happens on this side, and back
//! come the bytes that are to be shown, as they are. The executor ends its half when the command has ended; the guest ends
//! the other when everything that was written has been sent. Whoever speaks here has said the protocol's version before.

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Winsize,
    tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::AsFd;

/// Most bytes of keys in one message.
pub(crate) const MOST_TYPED_BYTES: usize = 4096;

/// Longest message on the connection of a terminal.
pub(crate) const TERMINAL_FRAME_BYTES: usize = MOST_TYPED_BYTES + 256;

/// The characters that mean something to a terminal, in the order in which they are sent.
const SPECIAL_CODES: [SpecialCodeIndex; 17] = [
    SpecialCodeIndex::VINTR,
    SpecialCodeIndex::VQUIT,
    SpecialCodeIndex::VERASE,
    SpecialCodeIndex::VKILL,
    SpecialCodeIndex::VEOF,
    SpecialCodeIndex::VTIME,
    SpecialCodeIndex::VMIN,
    SpecialCodeIndex::VSWTC,
    SpecialCodeIndex::VSTART,
    SpecialCodeIndex::VSTOP,
    SpecialCodeIndex::VSUSP,
    SpecialCodeIndex::VEOL,
    SpecialCodeIndex::VREPRINT,
    SpecialCodeIndex::VDISCARD,
    SpecialCodeIndex::VWERASE,
    SpecialCodeIndex::VLNEXT,
    SpecialCodeIndex::VEOL2,
];

/// Rows and columns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TerminalSize {
    rows: u16,
    columns: u16,
    width_pixels: u16,
    height_pixels: u16,
}

impl TerminalSize {
    /// Of this terminal.
    pub(crate) fn of(terminal: impl AsFd) -> io::Result<Self> {
        let Winsize { ws_row, ws_col, ws_xpixel, ws_ypixel } = tcgetwinsize(terminal)?;
        Ok(Self {
            rows: ws_row,
            columns: ws_col,
            width_pixels: ws_xpixel,
            height_pixels: ws_ypixel,
        })
    }

    /// Gives it to a terminal; whoever runs in it hears so.
    pub(crate) fn apply(self, terminal: impl AsFd) -> io::Result<()> {
        let Self { rows, columns, width_pixels, height_pixels } = self;
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: width_pixels,
            ws_ypixel: height_pixels,
        };
        Ok(tcsetwinsize(terminal, size)?)
    }
}

/// What a terminal is to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TerminalSetup {
    size: TerminalSize,
    /// Input, output, control and local modes, as the kernel numbers them: the same in all of them.
    modes: [u32; 4],
    /// By [`SPECIAL_CODES`].
    special: [u8; SPECIAL_CODES.len()],
}

impl TerminalSetup {
    /// Like this one.
    pub(crate) fn of(terminal: impl AsFd) -> io::Result<Self> {
        let settings = tcgetattr(&terminal)?;
        Ok(Self {
            size: TerminalSize::of(&terminal)?,
            modes: [
                settings.input_modes.bits(),
                settings.output_modes.bits(),
                settings.control_modes.bits(),
                settings.local_modes.bits(),
            ],
            special: SPECIAL_CODES.map(|code| settings.special_codes[code]),
        })
    }

    /// Makes a terminal like that.
    pub(crate) fn apply(&self, terminal: impl AsFd) -> io::Result<()> {
        let mut settings = tcgetattr(&terminal)?;
        let [input, output, control, local] = self.modes;
        settings.input_modes = InputModes::from_bits_retain(input);
        settings.output_modes = OutputModes::from_bits_retain(output);
        settings.control_modes = ControlModes::from_bits_retain(control);
        settings.local_modes = LocalModes::from_bits_retain(local);
        for (code, character) in SPECIAL_CODES.into_iter().zip(self.special) {
            settings.special_codes[code] = character;
        }
        tcsetattr(&terminal, OptionalActions::Now, &settings)?;
        self.size.apply(terminal)
    }
}

/// What became of a [`TerminalSetup`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TerminalReply {
    /// It is there.
    Made {
        /// Its name in the machine, which only the machine's agent has a use for.
        path: String,
    },
    /// It can't be made, with this error number.
    Failed(i32),
}

/// What somebody does who sits at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Typed {
    /// Presses keys: at most [`MOST_TYPED_BYTES`].
    Keys(Vec<u8>),
    /// Makes it larger or smaller.
    Size(TerminalSize),
}
