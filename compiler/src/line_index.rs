//! Byte offsets to lines and columns, at the edge only: terminals, editors and reports ask, the compiler never does.
//!
//! Refuses to know what a line means. Line ends are those of the language: `\n`, `\r\n` and a lone `\r`.

/// A one-based place in a text, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineColumn {
    /// One-based line.
    pub line: u32,
    /// One-based column, counted in the unit that was asked for.
    pub column: u32,
}

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnUnit {
    /// Bytes of UTF-8.
    Utf8Bytes,
    /// 16-bit units of UTF-16 (editors).
    Utf16Units,
    /// Unicode scalar values (terminals, people).
    Characters,
}

/// The line starts of one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    /// Byte offset of each line's first byte; the first is 0, strictly increasing.
    starts: Vec<u32>,
}

impl LineIndex {
    /// Finds the lines of `text`.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends_line = |(index, byte): (usize, &u8)| match byte {
            b'\n' => Some(index + 1),
            b'\r' if bytes.get(index + 1) != Some(&b'\n') => Some(index + 1),
            _ => None,
        };
        let starts = bytes
            .iter()
            .enumerate()
            .filter_map(ends_line)
            .filter_map(|start| u32::try_from(start).ok());
        Self { starts: std::iter::once(0).chain(starts).collect() }
    }

    /// Number of lines; a text that ends with a line end has an empty last line.
    pub fn line_count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }

    /// The zero-based line that holds byte `offset` (a line end belongs to the line it ends).
    pub fn line(&self, offset: u32) -> u32 {
        let after = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(after.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// First byte of a zero-based line; `None` past the last line.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.starts.get(line as usize).copied()
    }

    /// Line and column of byte `offset` of `text`, which must be the text this index was made from.
    /// Offsets past the end count as the end, offsets inside a character as its start.
    pub fn position(&self, text: &str, offset: u32, unit: ColumnUnit) -> LineColumn {
        let offset = text.floor_char_boundary(offset as usize);
        let line = self.line(u32::try_from(offset).unwrap_or(u32::MAX));
        let start = self.line_start(line).unwrap_or(0) as usize;
        let before = text.get(start..offset).unwrap_or("");
        let column = match unit {
            ColumnUnit::Utf8Bytes => before.len(),
            ColumnUnit::Utf16Units => before.encode_utf16().count(),
            ColumnUnit::Characters => before.chars().count(),
        };
        LineColumn { line: line + 1, column: u32::try_from(column).unwrap_or(u32::MAX - 1) + 1 }
    }

    /// The byte offset of a one-based place; lines past the end count as the end of the text, columns past the
    /// end of a line as its last place before the line end.
    pub fn offset(&self, text: &str, place: LineColumn, unit: ColumnUnit) -> u32 {
        let text_end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let Some(start) = self.line_start(place.line.saturating_sub(1)) else { return text_end };
        let end = self.line_start(place.line).unwrap_or(text_end);
        let line =
            text.get(start as usize..end as usize).unwrap_or("").trim_end_matches(['\r', '\n']);
        let mut remaining = place.column.saturating_sub(1) as usize;
        for (index, character) in line.char_indices() {
            let width = match unit {
                ColumnUnit::Utf8Bytes => character.len_utf8(),
                ColumnUnit::Utf16Units => character.len_utf16(),
                ColumnUnit::Characters => 1,
            };
            if remaining < width {
                return start + u32::try_from(index).unwrap_or(0);
            }
            remaining -= width;
        }
        start + u32::try_from(line.len()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnUnit, LineColumn, LineIndex};

    fn check_position(text: &str, offset: u32, unit: ColumnUnit, line: u32, column: u32) {
        let index = LineIndex::new(text);
        assert_eq!(
            index.position(text, offset, unit),
            LineColumn { line, column },
            "{text:?} at {offset}"
        );
    }

    #[test]
    fn all_three_line_ends_count() {
        let text = "a\nb\r\nc\rd";
        assert_eq!(LineIndex::new(text).line_count(), 4);
        check_position(text, 7, ColumnUnit::Utf8Bytes, 4, 1);
        check_position(text, 3, ColumnUnit::Utf8Bytes, 2, 2);
    }

    #[test]
    fn columns_count_what_was_asked_for() {
        let text = "RUN 😀é x";
        check_position(text, 11, ColumnUnit::Utf8Bytes, 1, 12);
        check_position(text, 11, ColumnUnit::Utf16Units, 1, 9);
        check_position(text, 11, ColumnUnit::Characters, 1, 8);
        check_position(text, 6, ColumnUnit::Characters, 1, 5);
    }

    #[test]
    fn offsets_come_back() {
        let text = "a😀b\r\n\nxyz";
        let index = LineIndex::new(text);
        for (offset, _) in text.char_indices().filter(|(offset, _)| !matches!(offset, 7)) {
            let offset = u32::try_from(offset).unwrap();
            for unit in [ColumnUnit::Utf8Bytes, ColumnUnit::Utf16Units, ColumnUnit::Characters] {
                assert_eq!(index.offset(text, index.position(text, offset, unit), unit), offset);
            }
        }
        assert_eq!(
            index.offset(text, LineColumn { line: 9, column: 1 }, ColumnUnit::Characters),
            12
        );
        assert_eq!(
            index.offset(text, LineColumn { line: 1, column: 99 }, ColumnUnit::Characters),
            6
        );
    }
}
