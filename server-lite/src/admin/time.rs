//! Times and time spans on the command line.

use std::time::Duration;

use anyhow::{Context, bail};

/// A number with a unit: s, m, h, d or w.
pub fn time_span(text: &str) -> anyhow::Result<Duration> {
    let split = text.len().saturating_sub(1);
    let (number, unit) = text
        .split_at_checked(split)
        .context("such as 30m, 12h, 7d or 4w")?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => bail!("the unit is s, m, h, d or w"),
    };
    let number: u64 = number.parse().context("such as 30m, 12h, 7d or 4w")?;
    // A hundred years are enough, and times stay within their numbers.
    let span = number
        .checked_mul(seconds)
        .filter(|span| *span <= 100 * 366 * 24 * 3600);
    Ok(Duration::from_secs(
        span.context("at most a hundred years")?,
    ))
}

/// A day (`2026-01-31`, from midnight), a minute of it (`2026-01-31T18:30`), both in UTC, or a span before `now_ms` (`90d`);
/// in milliseconds since 1970.
pub fn moment(text: &str, now_ms: i64) -> anyhow::Result<i64> {
    if let Ok(span) = time_span(text) {
        return Ok(now_ms - span.as_millis() as i64);
    }
    let wrong = || format!("{text} is no time: write 2026-01-31, 2026-01-31T18:30 (UTC) or 90d");
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00"));
    let numbers = |text: &str, separator| -> Option<Vec<i64>> {
        text.split(separator)
            .map(|part| part.parse().ok().filter(|n| (0..=9999).contains(n)))
            .collect()
    };
    let day = numbers(day, '-').with_context(wrong)?;
    let time = numbers(time.trim_end_matches('Z'), ':').with_context(wrong)?;
    let (&[year, month, day], &[hour, minute]) = (&*day, &*time) else {
        bail!(wrong());
    };
    let is_day = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day);
    if !is_day || hour > 23 || minute > 59 {
        bail!(wrong());
    }
    Ok(((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60_000)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Hinnant's algorithm: years begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::{moment, time_span};
    use crate::admin::output::utc;

    #[test]
    fn time_spans_have_a_number_and_a_unit() {
        assert_eq!(time_span("90s").unwrap().as_secs(), 90);
        assert_eq!(time_span("4w").unwrap().as_secs(), 4 * 7 * 24 * 3600);
        for bad in ["", "5", "d", "-1d", "1y", "7 d", "99999999999999w", "ü"] {
            assert!(time_span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_days_minutes_or_spans() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-20", "2100-03-01"] {
            let shown = utc(moment(text, 0).unwrap());
            assert_eq!(shown, format!("{text} 00:00 UTC"));
        }
        assert_eq!(
            utc(moment("2026-01-31T18:30", 0).unwrap()),
            "2026-01-31 18:30 UTC"
        );
        assert_eq!(
            moment("2d", 200_000_000).unwrap(),
            200_000_000 - 172_800_000
        );
        for bad in [
            "",
            "yesterday",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "1969-12-31",
            "2026-1",
            "2026-01-31T24:00",
            "2026-01-31T12:60",
            "-1-01-01",
            "2026-01-31T1",
        ] {
            assert!(moment(bad, 0).is_err(), "{bad}");
        }
    }
}
