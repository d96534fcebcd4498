//! File sizes.

/// A size as it is shown: one decimal below ten, none above; the unit is named by the user interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSize {
    /// The number, with a point where it has a decimal.
    pub number: String,
    /// Its unit.
    pub unit: SizeUnit,
}

/// Units of a thousand each, as file managers use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeUnit {
    /// Bytes.
    Bytes,
    /// 1,000 bytes.
    Kilobytes,
    /// 1,000,000 bytes.
    Megabytes,
    /// 1,000,000,000 bytes.
    Gigabytes,
}

impl std::fmt::Display for FileSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            SizeUnit::Bytes => "B",
            SizeUnit::Kilobytes => "kB",
            SizeUnit::Megabytes => "MB",
            SizeUnit::Gigabytes => "GB",
        };
        write!(f, "{} {unit}", self.number)
    }
}

/// The size of `bytes`.
pub fn file_size(bytes: u64) -> FileSize {
    let (unit, per) = match bytes {
        0..1_000 => {
            return FileSize {
                number: bytes.to_string(),
                unit: SizeUnit::Bytes,
            };
        }
        1_000..1_000_000 => (SizeUnit::Kilobytes, 1_000),
        1_000_000..1_000_000_000 => (SizeUnit::Megabytes, 1_000_000),
        _ => (SizeUnit::Gigabytes, 1_000_000_000),
    };
    let tenths = bytes / (per / 10);
    let number = if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        (tenths / 10).to_string()
    };
    FileSize { number, unit }
}

#[cfg(test)]
mod tests {
    use super::file_size;

    #[test]
    fn sizes_are_short_and_never_more_than_the_truth() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_540, "1.5 kB"),
            (10_900, "10 kB"),
            (999_999, "999 kB"),
            (2_000_000, "2 MB"),
            (1_234_567_890, "1.2 GB"),
            (u64::MAX, "18446744073 GB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(file_size(bytes).to_string(), text);
        }
    }
}
