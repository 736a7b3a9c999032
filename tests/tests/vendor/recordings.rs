//! The recorded inputs: small texts with what the vendor's parser made of each.

use crate::differences::Differences;
use crate::verdict::{Verdict, difference, ours};
use layerc_tests::reference;
use std::path::Path;

#[derive(serde::Deserialize)]
struct Recorded {
    input: String,
    from: Option<String>,
    instructions: Option<Vec<String>>,
}

/// Compares every recorded input.
pub(crate) fn compare(folder: &Path, differences: &mut Differences) {
    let path = folder.join("corpus/vendor-oracle.jsonl");
    let lines = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for line in lines.lines() {
        let recorded: Recorded = serde_json::from_str(line).unwrap();
        let vendor = match (recorded.from, recorded.instructions) {
            (Some(from), Some(instructions)) => Verdict::Accepted(from, instructions),
            _ => Verdict::Rejected,
        };
        let (verdict, codes) = ours(&recorded.input);
        if let Some(difference) = difference(&vendor, &verdict) {
            let name = format!("{:?}: vendor {vendor:?}, ours {verdict:?}", recorded.input);
            differences.claim(&name, &recorded.input, difference, &codes);
        }
    }
}

#[test]
fn inputs_are_read_as_the_vendor_reads_them_except_for_named_rows_which_all_happen() {
    let mut differences = Differences::read();
    let Some(folder) = reference::folder() else {
        layerc_tests::skip::skipped(
            "vendor recordings",
            "no folder `shared` beside the repository",
        );
        return;
    };
    compare(&folder, &mut differences);
    crate::corpus::compare(&folder, &mut differences);
    differences.check_claimed();
    differences.check_used();
}
