//! Where the time of a run went: a line for each runner, a bar for each of its steps, on one scale of time.

use super::parts::{anchor, class, escaped, section};
use crate::past::{Fate, Story, ToldStep};
use crate::wording;

/// Marks on the scale, about.
const MARKS: u64 = 6;

/// The part of the page.
pub(super) fn render(story: &Story) -> String {
    let total = story.elapsed_ms.max(1);
    let mut text = String::from("<div class=\"waterfall\">\n");
    text.push_str(&scale(total));
    for runner in &story.runners {
        let name = escaped(&runner.name);
        text.push_str(&format!(
            "<div class=\"name\" title=\"{name}\">{name}</div><div class=\"lane\">"
        ));
        for (place, told) in story.steps.iter().enumerate() {
            if told.runner == runner.name {
                text.push_str(&bar(place, told, total));
            }
        }
        text.push_str("</div>\n");
    }
    text.push_str("</div>\n<p class=\"legend\"><span class=\"good\">ran</span> <span class=\"cached\">cached</span> \
                   <span class=\"bad\">failed</span> <span class=\"stopped\">stopped</span></p>");
    section("timings", "Timings", &text)
}

fn bar(place: usize, told: &ToldStep, total: u64) -> String {
    let (length_ms, how) = match &told.fate {
        Fate::Cached { saved_ms, .. } => {
            (0, format!("cached, saved {}", wording::duration(*saved_ms)))
        }
        Fate::Ran { end: Some(end), .. } => (end.duration_ms, wording::duration(end.duration_ms)),
        Fate::Ran { end: None, .. } => {
            (total.saturating_sub(told.began_ms), "unfinished".to_owned())
        }
    };
    let title = format!("{} {} · {how}", told.step.number, told.step.text);
    format!(
        "<a class=\"bar {}\" href=\"#{}\" title=\"{}\" style=\"left:{};width:{}\"></a>",
        class(told),
        anchor(place),
        escaped(&title),
        percent(told.began_ms, total),
        percent(length_ms, total)
    )
}

fn scale(total: u64) -> String {
    let step = round_step(total / MARKS);
    let marks = (0..).map(|number| number * step).take_while(|mark| *mark <= total);
    let marks = marks.map(|mark| {
        format!("<span style=\"left:{}\">{}</span>", percent(mark, total), wording::duration(mark))
    });
    format!("<div class=\"name\"></div><div class=\"scale\">{}</div>\n", marks.collect::<String>())
}

/// The next of 1, 2, 5, 10, … that is no less.
fn round_step(least: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            if let Some(step) = unit.checked_mul(factor).filter(|step| *step >= least) {
                return step;
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return least,
        }
    }
}

fn percent(part: u64, whole: u64) -> String {
    let thousandths = u128::from(part) * 100_000 / u128::from(whole.max(1));
    format!("{}.{:03}%", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_round_marks() {
        assert_eq!([0, 3, 17, 60, 999].map(round_step), [1, 5, 20, 100, 1_000]);
        assert_eq!(round_step(u64::MAX), u64::MAX);
        assert_eq!(percent(1, 3), "33.333%");
    }
}
