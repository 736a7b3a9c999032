//! How large the terminal is.

use rustix::stdio::stderr;
use rustix::termios::tcgetwinsize;

/// Characters across and lines down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The size of a terminal that doesn't tell.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// Of the terminal behind standard error.
pub(crate) fn size() -> Size {
    match tcgetwinsize(stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        Ok(_) | Err(_) => USUAL,
    }
}
