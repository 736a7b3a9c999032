//! The end of what a guest printed on its serial line: what is told when it dies. A guest may print for ever, so no more
//! than that is kept.

use crate::kvm::Output;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes that are kept.
const MOST_BYTES: usize = 4096;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<u8>>>);

impl LastWords {
    /// Where the guest's serial line goes.
    pub(super) fn output(&self) -> Output {
        Box::new(self.clone())
    }

    /// As text, printable characters only: the guest chose them.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes).replace('\r', "");
        let printable = |character: &char| *character == '\n' || !character.is_control();
        text.chars().filter(printable).collect::<String>().trim().to_owned()
    }
}

impl Write for LastWords {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let over = kept.len().saturating_sub(MOST_BYTES);
        kept.drain(..over);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_nothing_that_moves_a_cursor() {
        let words = LastWords::default();
        let mut output = words.output();
        output.write_all(&vec![b'x'; 10_000]).unwrap();
        output.write_all(b"\x1b[2Jpanic\r\n").unwrap();
        let text = words.text();
        assert!(text.ends_with("x[2Jpanic") && text.len() < MOST_BYTES, "{text}");
    }
}
