//! The headers of FUSE's requests and answers (`linux/fuse.h`): lengths, kinds and numbers. The rest is the server's.

/// Bytes of a request's header.
pub(super) const HEADER_BYTES: usize = 40;

/// Bytes of an answer's header.
pub(super) const ANSWER_HEADER_BYTES: usize = 16;

/// Most bytes of a request: the file system is read-only, so the longest have two names of 4 KiB.
pub(super) const MOST_REQUEST_BYTES: usize = 16 * 1024;

/// Most bytes of an answer: what the kernel reads at once, which no server here lets it raise, and a header.
pub(super) const MOST_ANSWER_BYTES: usize = 128 * 1024 + 4096;

const FORGET: u32 = 2;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const DESTROY: u32 = 38;
const BATCH_FORGET: u32 = 42;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// The first one; it tells what the guest's kernel can do.
    Begin,
    /// The server answers.
    Answered,
    /// Nobody answers.
    Unanswered,
    /// The guest is done with the file system. It may begin anew, so the server doesn't hear of it.
    End,
}

/// What is known of a request here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) treatment: Treatment,
}

impl Header {
    /// The header of a request, if it is as long as it says.
    pub(super) fn of(request: &[u8]) -> Option<Self> {
        let length = u32_at(request, 0)?;
        if request.len() < HEADER_BYTES || usize::try_from(length).ok()? != request.len() {
            return None;
        }
        let number = u64::from_le_bytes(*request.get(8..)?.first_chunk()?);
        let treatment = match u32_at(request, 4)? {
            INIT => Treatment::Begin,
            FORGET | BATCH_FORGET | INTERRUPT => Treatment::Unanswered,
            DESTROY => Treatment::End,
            _ => Treatment::Answered,
        };
        Some(Self { number, treatment })
    }
}

/// The number of the request that an answer is for, if it is as long as it says.
pub(super) fn answered_number(answer: &[u8]) -> Option<u64> {
    let length = u32_at(answer, 0)?;
    let whole = usize::try_from(length).ok()? == answer.len();
    let number = u64::from_le_bytes(*answer.get(8..)?.first_chunk()?);
    whole.then_some(number)
}

/// An answer without content: an error, or 0.
pub(super) fn bare_answer(number: u64, error: i32) -> [u8; ANSWER_HEADER_BYTES] {
    let mut answer = [0; ANSWER_HEADER_BYTES];
    let length = (ANSWER_HEADER_BYTES as u32).to_le_bytes();
    let fields = length.into_iter().chain((-error).to_le_bytes()).chain(number.to_le_bytes());
    for (place, byte) in answer.iter_mut().zip(fields) {
        *place = byte;
    }
    answer
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
