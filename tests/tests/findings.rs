//! Every case of `tests/cases/check`: the findings of a small repository, with every place and word.

use layerc_tests::cases::{self, Case};
use layerc_tests::examples;

/// The heading of the expectation.
const HEADING: &str = "findings";

#[test]
fn cases_find_what_they_say() {
    let failures: Vec<String> = cases::paths("check")
        .iter()
        .map(|path| Case::read(path, HEADING))
        .filter_map(|case| {
            let compiled = case.repository.compile();
            let actual = examples::describe(&compiled, &case.repository.layerfiles);
            case.compare(HEADING, &actual).err()
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
