//! The board as lines of text for a terminal of some size. Pure.

use super::board::{Board, Current, Row};
use crate::screen::Size;
use crate::wording::{self, BAD, DIM, GOOD, NOTICE, STRONG};
use anstyle::{AnsiColor, Style};
use layerc_executor::engine::RunnerState;

/// What moves where something works.
const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// Where something works.
const BUSY: Style = AnsiColor::Cyan.on_default();

/// Most lines of output below a step.
const MOST_TAIL_LINES: usize = 5;

/// Longest runner's name that is shown whole.
const MOST_NAME_CHARACTERS: usize = 28;

/// Cells of the bar.
const BAR_CELLS: usize = 24;

/// A piece of a line.
struct Piece {
    style: Style,
    text: String,
}

fn piece(style: Style, text: impl Into<String>) -> Piece {
    Piece { style, text: text.into() }
}

/// The lines; none when nothing runs.
pub(super) fn frame(board: &Board, now_ms: u64, tick: usize, size: Size) -> Vec<String> {
    if board.rows.is_empty() {
        return Vec::new();
    }
    // A line stays free for the cursor, and one below the runners for the whole.
    let room = size.rows.saturating_sub(3).max(1);
    let shown = shown(&board.rows, room);
    let busy = shown.iter().filter(|row| row.current.is_some()).count();
    let free = room.saturating_sub(shown.len() + usize::from(shown.len() < board.rows.len()));
    let tail_lines = free.checked_div(busy).unwrap_or(0).min(MOST_TAIL_LINES);
    let width = name_width(&shown);
    let mut lines = Vec::new();
    for row in &shown {
        lines.push(line(row_pieces(row, now_ms, tick, width), size.columns));
        if let Some(current) = &row.current {
            let skip = current.tail.len().saturating_sub(tail_lines);
            for text in current.tail.iter().skip(skip) {
                let text = visible(text);
                lines.push(line(
                    vec![piece(DIM, format!("{:width$}    │ {text}", ""))],
                    size.columns,
                ));
            }
        }
    }
    if shown.len() < board.rows.len() {
        let others = board.rows.len() - shown.len();
        lines.push(line(vec![piece(DIM, format!("  … and {others} more"))], size.columns));
    }
    lines.push(line(whole(board, now_ms), size.columns));
    lines
}

/// The rows that fit: those that work first, then those that went wrong, then those ahead; in the board's order.
fn shown(rows: &[Row], room: usize) -> Vec<&Row> {
    if rows.len() <= room {
        return rows.iter().collect();
    }
    let rank = |row: &Row| match row.state {
        RunnerState::Running | RunnerState::WaitingButton => 0,
        RunnerState::Failure | RunnerState::Error => 1,
        RunnerState::New | RunnerState::WaitingParents => 2,
        RunnerState::Success
        | RunnerState::Skipped
        | RunnerState::Cancelled
        | RunnerState::Postponed => 3,
    };
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(|place| rows.get(*place).map(rank));
    places.truncate(room.saturating_sub(1));
    places.sort_unstable();
    places.into_iter().filter_map(|place| rows.get(place)).collect()
}

fn name_width(rows: &[&Row]) -> usize {
    let widths = rows.iter().map(|row| row.depth * 2 + row.name.chars().count());
    widths.max().unwrap_or(0).min(MOST_NAME_CHARACTERS)
}

fn row_pieces(row: &Row, now_ms: u64, tick: usize, width: usize) -> Vec<Piece> {
    let (style, mark) = mark(row, tick);
    let name = format!("{}{}", "  ".repeat(row.depth), row.name);
    let name = wording::shortened(&name, width);
    let name_style = if row.current.is_some() { STRONG } else { Style::new() };
    let counts = format!("{:>3}/{:<3}", row.done, row.steps);
    let mut pieces = vec![
        piece(style, format!("{mark} ")),
        piece(name_style, format!("{name:<width$}  ")),
        piece(DIM, counts),
    ];
    match &row.current {
        Some(current) => pieces.extend(working(current, now_ms)),
        None => pieces.push(resting(row)),
    }
    pieces
}

fn working(current: &Current, now_ms: u64) -> Vec<Piece> {
    let took = now_ms.saturating_sub(current.began_ms);
    let expected = current.expected_ms.filter(|expected| *expected >= 1_000);
    let expected =
        expected.map_or_else(String::new, |expected| format!(" of ~{}", seconds(expected)));
    vec![
        piece(BUSY, format!(" {:>6}", seconds(took))),
        piece(DIM, expected),
        piece(Style::new(), format!("  {}", current.step.text)),
    ]
}

/// What is said of a runner with nothing to do.
fn resting(row: &Row) -> Piece {
    let time =
        row.began_ms.zip(row.ended_ms).map(|(began, ended)| seconds(ended.saturating_sub(began)));
    let time = time.unwrap_or_default();
    let cached = if row.cached > 0 { format!("  {} cached", row.cached) } else { String::new() };
    match row.state {
        RunnerState::Success => piece(DIM, format!(" {time:>6}{cached}")),
        RunnerState::Skipped => piece(DIM, format!(" {time:>6}  skipped the rest{cached}")),
        RunnerState::Failure => piece(BAD, format!(" {time:>6}  failed")),
        RunnerState::Error => piece(BAD, format!(" {time:>6}  error")),
        RunnerState::Cancelled => piece(NOTICE, format!(" {time:>6}  cancelled")),
        RunnerState::WaitingParents => piece(DIM, format!(" {:>6}  waits{cached}", "")),
        RunnerState::WaitingButton => piece(NOTICE, format!(" {:>6}  waits for its BUTTON", "")),
        RunnerState::Postponed => piece(NOTICE, format!(" {time:>6}  stands before its BUTTON")),
        RunnerState::New | RunnerState::Running => piece(DIM, format!(" {:>6}{cached}", "")),
    }
}

fn mark(row: &Row, tick: usize) -> (Style, &'static str) {
    match row.state {
        RunnerState::Success => (GOOD, "✓"),
        RunnerState::Skipped => (GOOD, "↷"),
        RunnerState::Failure | RunnerState::Error => (BAD, "✗"),
        RunnerState::Cancelled | RunnerState::Postponed => (NOTICE, "–"),
        RunnerState::WaitingButton => (NOTICE, "?"),
        RunnerState::Running => (BUSY, SPINNER.get(tick % SPINNER.len()).copied().unwrap_or("*")),
        RunnerState::New | RunnerState::WaitingParents => (DIM, "·"),
    }
}

/// The last line: a bar, numbers, time, and the estimate.
fn whole(board: &Board, now_ms: u64) -> Vec<Piece> {
    let (share, left_ms) = board.progress(now_ms);
    let cells = usize::try_from(share).unwrap_or(0) * BAR_CELLS / 1_000;
    let sum = |count: fn(&Row) -> u32| board.rows.iter().map(count).sum::<u32>();
    let (done, steps, cached) = (sum(|row| row.done), sum(|row| row.steps), sum(|row| row.cached));
    let left = match left_ms {
        Some(left) if left >= 1_000 => format!(" · about {} left", seconds(left)),
        Some(_) | None => String::new(),
    };
    vec![
        piece(GOOD, "━".repeat(cells)),
        piece(DIM, "━".repeat(BAR_CELLS.saturating_sub(cells))),
        piece(STRONG, format!("  {done}/{steps} steps")),
        piece(DIM, format!(" · {cached} cached · {}{left}", seconds(now_ms))),
    ]
}

/// `7 s`, `1:05 min`: steady enough to be read while it counts.
fn seconds(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    if seconds < 60 {
        format!("{seconds} s")
    } else {
        format!("{}:{:02} m", seconds / 60, seconds % 60)
    }
}

/// A line of output without what would move the cursor.
fn visible(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string().replace('\t', "    ");
    text.chars().filter(|character| !character.is_control()).collect()
}

/// The pieces side by side, cut at the terminal's edge.
fn line(pieces: Vec<Piece>, columns: usize) -> String {
    let mut room = columns;
    let mut line = String::new();
    for Piece { style, text } in pieces {
        if room == 0 {
            break;
        }
        let text = wording::shortened(&text, room);
        room -= text.chars().count();
        line.push_str(&format!("{style}{text}{style:#}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::estimates::Estimates;
    use layerc_executor::event::{
        Event, OutputStream, Reason, RunnerInfo, StartsFrom, StepInfo, TimedEvent,
    };
    use layerc_executor::store::run_name::RunName;
    use layerc_planner::plan::Plan;

    fn step(layerfile: &str, number: u32, text: &str) -> StepInfo {
        StepInfo {
            layerfile: layerfile.to_owned(),
            line: number + 1,
            number,
            text: text.to_owned(),
        }
    }

    fn board(runners: &[&str]) -> Board {
        let plan = Plan { layerfiles: Vec::new(), graph: Default::default() };
        let mut board = Board::new(&plan, Estimates::default());
        let infos = runners.iter().map(|name| RunnerInfo {
            name: (*name).to_owned(),
            layerfile: format!("{name}/Layerfile"),
            steps: 3,
        });
        let started = Event::RunStarted {
            run: RunName::new("00000000").unwrap(),
            store: String::new(),
            repository: String::new(),
            runners: infos.collect(),
        };
        hear(&mut board, 0, started);
        board
    }

    fn hear(board: &mut Board, elapsed_ms: u64, event: Event) {
        board.hear(&TimedEvent { elapsed_ms, event });
    }

    fn started(runner: &str, number: u32, text: &str) -> Event {
        Event::StepStarted {
            runner: runner.to_owned(),
            step: step(&format!("{runner}/Layerfile"), number, text),
            reason: Reason::New,
            starts_from: StartsFrom::PreviousStep,
        }
    }

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_board_shows_who_works_on_what() {
        let mut board = board(&["base", "unit"]);
        let runner = || "base".to_owned();
        hear(
            &mut board,
            100,
            Event::RunnerChanged { runner: runner(), state: RunnerState::Running },
        );
        hear(&mut board, 100, started("base", 2, "RUN make all"));
        let text = "one\ntwo\x1b[31m red\x1b[0m\nhalf".to_owned();
        hear(
            &mut board,
            200,
            Event::Output { runner: runner(), number: 2, stream: OutputStream::Stdout, text },
        );
        let lines = plain(&frame(&board, 12_345, 0, Size { columns: 60, rows: 10 }));
        assert_eq!(
            lines,
            [
                "⠋ base    1/3     12 s  RUN make all",
                "        │ one",
                "        │ two red",
                "· unit    0/3         ",
                "━━━━━━━━━━━━━━━━━━━━━━━━  1/6 steps · 0 cached · 12 s",
            ]
        );
    }

    #[test]
    fn no_line_and_no_board_is_larger_than_the_terminal() {
        let names: Vec<String> =
            (0..50).map(|number| format!("a-rather-long-runner-name-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut board = board(&names);
        for name in &names[..3] {
            let state = RunnerState::Running;
            hear(&mut board, 0, Event::RunnerChanged { runner: (*name).to_owned(), state });
            hear(&mut board, 0, started(name, 1, &"RUN x ".repeat(50)));
        }
        for (columns, rows) in [(80, 24), (20, 5), (1, 1), (300, 100)] {
            let lines = plain(&frame(&board, 1, 1, Size { columns, rows }));
            assert!(lines.len() < rows.max(4), "{rows}: {lines:#?}");
            assert!(lines.iter().all(|line| line.chars().count() <= columns), "{lines:#?}");
        }
    }
}
