//! The scripts that RUNs become, and the way back from them.

use super::script::scripts;
use crate::fixture::Fixture;

#[test]
fn a_script_knows_what_its_machine_has_and_what_is_silenced() {
    let fixture = Fixture::new(
        "--- web/Layerfile\nFROM ../base\nENV own=1\n# why\n# shellcheck disable=SC2086,SC1\n  RUN a \\\n    $own‸ $above ${GIT_BRANCH} $other\nRUN . x\n--- base/Layerfile\nFROM vm/ubuntu:22.04\nENV above=1\n",
    );
    let found = scripts(fixture.view());
    let lines =
        |index: usize| -> Vec<String> { found[index].text.lines().map(str::to_owned).collect() };
    assert_eq!(lines(0)[0], "# shellcheck disable=SC1090,SC1091,SC2086,SC1");
    assert_eq!(lines(0)[1], "read -r GIT_BRANCH above own");
    assert_eq!(lines(0)[2..], ["a     $own $above ${GIT_BRANCH} $other"]);
    assert_eq!(lines(1)[..2], ["# shellcheck disable=SC1090,SC1091,SC2154", ":"]);
}

#[test]
fn columns_lead_back_through_continuations_and_wide_characters() {
    let fixture = Fixture::new("FROM vm/ubuntu:22.04\nRUN é 'ü' && \\\n  $x \\\n$y‸\n");
    let view = fixture.view();
    let found = scripts(view);
    let command = found[0].text.lines().nth(2).unwrap();
    assert_eq!(command, "é 'ü' &&   $x $y");
    let at = |text: &str| {
        let byte = command.find(text).unwrap();
        let column = command[..byte].chars().count() as u32 + 1;
        (column, column + text.chars().count() as u32)
    };
    for text in ["é", "'ü'", "$x", "$y"] {
        assert_eq!(view.slice(found[0].span(at(text)).unwrap()), text);
    }
    let whole = found[0].span((1, command.chars().count() as u32 + 1)).unwrap();
    assert_eq!(view.slice(whole), "é 'ü' && \\\n  $x \\\n$y");
    assert_eq!(found[0].span((0, 1)), None);
    assert_eq!(found[0].span((1, 900)), None);
}
