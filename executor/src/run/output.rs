//! A step's output on its way to the world: secrets masked, cut at whole characters, its tail kept for the record.

use crate::event::OutputStream;
use crate::secrets::{Masker, Seam, Secrets};
use std::collections::VecDeque;

/// How much of a step's output a record keeps: the end, where failures are explained.
const MOST_KEPT_BYTES: usize = 256 << 10;

/// Bytes that are looked back on when what a step left running has ended.
const LOOK_BACK_BYTES: usize = 8 << 10;

/// One step's output.
pub(super) struct StepOutput {
    stdout: Channel,
    stderr: Channel,
    seam: Seam,
    kept: VecDeque<u8>,
}

struct Channel {
    masker: Masker,
    /// The beginning of a character whose rest hasn't come yet.
    partial: Vec<u8>,
}

impl StepOutput {
    pub(super) fn new(secrets: &Secrets) -> Self {
        let channel = || Channel { masker: secrets.masker(), partial: Vec::new() };
        Self { stdout: channel(), stderr: channel(), seam: secrets.seam(), kept: VecDeque::new() }
    }

    /// Takes bytes; returns the text to show, if there is any.
    pub(super) fn push(&mut self, stream: OutputStream, bytes: &[u8]) -> Option<String> {
        let channel = self.channel(stream);
        let masked = channel.masker.push(bytes);
        let text = channel.whole_characters(&masked);
        self.keep(text)
    }

    /// What was held back at the end of a stream.
    pub(super) fn finish(&mut self, stream: OutputStream) -> Option<String> {
        let channel = self.channel(stream);
        let masked = channel.masker.finish();
        let mut text = channel.whole_characters(&masked);
        text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut channel.partial)));
        self.keep(text)
    }

    /// The end of what the record will keep.
    pub(super) fn kept_end(&mut self) -> &[u8] {
        let kept = self.kept.make_contiguous();
        kept.get(kept.len().saturating_sub(LOOK_BACK_BYTES)..).unwrap_or_default()
    }

    /// What the record keeps.
    pub(super) fn into_kept(self) -> Vec<u8> {
        self.kept.into()
    }

    const fn channel(&mut self, stream: OutputStream) -> &mut Channel {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }

    fn keep(&mut self, text: String) -> Option<String> {
        let text = self.seam.join(text);
        self.kept.extend(text.as_bytes());
        let surplus = self.kept.len().saturating_sub(MOST_KEPT_BYTES);
        self.kept.drain(..surplus);
        (!text.is_empty()).then_some(text)
    }
}

impl Channel {
    fn whole_characters(&mut self, bytes: &[u8]) -> String {
        let mut input = std::mem::take(&mut self.partial);
        input.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&input) {
            // Only a character cut off at the very end waits; other damage is replaced below.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => incomplete_tail(&input),
        };
        self.partial = input.split_off(whole);
        String::from_utf8_lossy(&input).into_owned()
    }
}

/// Where a character begins that the end of the bytes cuts off; the length if none does.
fn incomplete_tail(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let start = bytes.len() - length;
        let tail = bytes.get(start..).unwrap_or_default();
        if let Err(error) = std::str::from_utf8(tail)
            && error.valid_up_to() == 0
            && error.error_len().is_none()
        {
            return start;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::StepOutput;
    use crate::event::OutputStream::{Stderr, Stdout};
    use crate::secrets::Secrets;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// A secret of two letters, so that its pieces often are beginnings of it again.
        #[test]
        fn no_two_streams_make_a_secret_together(
            secret in "[ab]{2,6}", pieces in proptest::collection::vec(("[ab]{1,3}", any::<bool>()), 1..12)
        ) {
            let secrets = Secrets::new(BTreeMap::from([("T".to_owned(), secret.clone())]));
            let mut output = StepOutput::new(&secrets);
            let mut shown = String::new();
            for (piece, is_error) in pieces {
                let stream = if is_error { Stderr } else { Stdout };
                shown.extend(output.push(stream, piece.as_bytes()));
            }
            shown.extend(output.finish(Stdout));
            shown.extend(output.finish(Stderr));
            prop_assert!(!shown.contains(&secret), "{} in {}", secret, shown);
        }
    }

    #[test]
    fn characters_and_secrets_survive_being_cut() {
        let secrets = Secrets::new(BTreeMap::from([("T".to_owned(), "pässword".to_owned())]));
        let mut output = StepOutput::new(&secrets);
        let text = "a ö pässword b".as_bytes();
        let mut shown = String::new();
        for byte in text {
            shown.extend(output.push(Stdout, &[*byte]));
        }
        shown.extend(output.push(Stderr, b"\xff!"));
        shown.extend(output.push(Stdout, b"\xc3"));
        shown.extend(output.finish(Stdout));
        assert_eq!(shown, "a ö *** b\u{fffd}!\u{fffd}");
        assert_eq!(output.into_kept(), shown.as_bytes());
    }
}
