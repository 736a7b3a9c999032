//! How keys are made: BLAKE3 over a purpose and length-prefixed parts, so that no two inputs meet in one key.

use crate::read_set::ReadSet;
use crate::store::record::{FORMAT_VERSION, StrongKey, TextKey, WeakKey};
use layerc_planner::plan::Action;

/// Hashes `parts` for one purpose.
fn hash(purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("layerc cache key");
    hasher.update(&FORMAT_VERSION.to_le_bytes());
    for part in [purpose.as_bytes()].iter().chain(parts) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// The bytes of an instruction that count: all of it, but not where it stands.
pub fn instruction(action: &Action) -> Vec<u8> {
    // An action is plain data, which postcard can always write.
    postcard::to_allocvec(action).unwrap_or_default()
}

/// The key of a base image's state.
pub fn base(identity: &[u8; 32]) -> StrongKey {
    StrongKey(hash("base", &[identity]))
}

/// The text key of a base image.
pub fn base_text(image: &str) -> TextKey {
    TextKey(hash("base text", &[image.as_bytes()]))
}

/// The question "what does this instruction do to that state?".
pub fn step(before: StrongKey, instruction: &[u8]) -> WeakKey {
    WeakKey(hash("step", &[&before.0, instruction]))
}

/// A question that nobody asks: `drawn` is drawn once. Under it the state is kept that a step failed in.
pub fn failed_step(step: WeakKey, drawn: &[u8]) -> WeakKey {
    WeakKey(hash("failed step", &[&step.0, drawn]))
}

/// The texts of a step that failed, which no other step has.
pub fn failed_text(text: TextKey, drawn: &[u8]) -> TextKey {
    TextKey(hash("failed text", &[&text.0, drawn]))
}

/// The state behind an instruction that depends on nothing but its text and `values`.
pub fn plain(before: StrongKey, instruction: &[u8], values: &[u8]) -> StrongKey {
    StrongKey(hash("plain", &[&before.0, instruction, values]))
}

/// The texts up to and including an instruction.
pub fn text(before: TextKey, instruction: &[u8]) -> TextKey {
    TextKey(hash("text", &[&before.0, instruction]))
}

/// The state behind a step that asked and got `reads`. `lineage` tells apart what else its result depends on: the
/// state a repeatable step started from, or a number drawn once when the result must never be found again.
pub fn result(weak: WeakKey, reads: &ReadSet, lineage: &[u8]) -> StrongKey {
    let mut hasher = blake3::Hasher::new();
    for ((path, question), answer) in &reads.answers {
        hasher.update(&(path.as_bytes().len() as u64).to_le_bytes());
        hasher.update(path.as_bytes()).update(&[*question as u8]).update(&answer.fingerprint.0);
    }
    StrongKey(hash("result", &[&weak.0, hasher.finalize().as_bytes(), lineage]))
}

/// A short hash of a keyed value, by which a change is noticed and named.
pub fn value_mark(value: &[u8]) -> [u8; 16] {
    let mut mark = [0; 16];
    mark.copy_from_slice(hash("value", &[value]).first_chunk::<16>().unwrap_or(&[0; 16]));
    mark
}

/// A branch name as part of an index key.
pub fn branch(name: &str) -> [u8; 8] {
    *hash("branch", &[name.as_bytes()]).first_chunk::<8>().unwrap_or(&[0; 8])
}
