//! Sizes as people write and read them: `10G`, `3.4 GiB`. A unit is 1024 times the one before, as MEMORY has it.

/// Units after bytes.
const UNITS: [char; 4] = ['K', 'M', 'G', 'T'];

/// The bytes of a whole number with an optional unit.
///
/// # Errors
/// What is expected.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let refused = || {
        format!("`{text}` is not a size: a whole number with K, M, G or T is expected, like `10G`")
    };
    let last = text.chars().last().map(|last| last.to_ascii_uppercase());
    let unit = last.and_then(|last| UNITS.iter().position(|unit| *unit == last));
    let digits = if unit.is_some() { text.get(..text.len() - 1).unwrap_or_default() } else { text };
    let number: u64 = digits.parse().map_err(|_| refused())?;
    let shift = unit.map_or(0, |unit| 10 * (unit + 1));
    number.checked_mul(1 << shift).ok_or_else(refused)
}

/// `980 B`, `3.4 MiB`.
pub(crate) fn shown(bytes: u64) -> String {
    let power = (1..=UNITS.len()).rev().find(|power| bytes >> (10 * power) > 0);
    let Some((power, unit)) = power.and_then(|power| Some((power, UNITS.get(power - 1)?))) else {
        return format!("{bytes} B");
    };
    let tenths = (bytes >> (10 * (power - 1))) * 10 / 1024;
    format!("{}.{} {unit}iB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::{parse, shown};

    #[test]
    fn sizes_are_read() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("512k"), Ok(512 << 10));
        assert_eq!(parse("20G"), Ok(20 << 30));
        for refused in ["", "G", "-1G", "1.5G", "10GB", "99999999999T", "x"] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn sizes_are_shown() {
        assert_eq!(shown(980), "980 B");
        assert_eq!(shown(1024), "1.0 KiB");
        assert_eq!(shown((3 << 30) + (1 << 29)), "3.5 GiB");
    }
}
