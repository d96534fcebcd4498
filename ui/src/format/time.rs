//! Times of day and days as a person near them would name them, in the zone of this device.

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};

/// A day as seen from today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Today (or later: clocks differ).
    Today,
    /// The day before.
    Yesterday,
    /// Within the last week; 0 is Monday.
    Weekday(u8),
    /// Any other day.
    Date {
        /// Year.
        year: i16,
        /// 1–12.
        month: i8,
        /// 1–31.
        day: i8,
        /// In the year that runs now.
        this_year: bool,
        /// 0 is Monday.
        weekday: u8,
    },
}

/// When something happened: the day as seen from today and the time of day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub day: Day,
    /// "12:04".
    pub clock: String,
}

/// The moment `millis` after 1970, as seen now from here.
pub fn moment(millis: u64) -> Moment {
    Moment {
        day: day(millis),
        clock: clock(millis),
    }
}

/// The time of day, "12:04", of the moment `millis` after 1970; empty when no calendar holds it.
pub fn clock(millis: u64) -> String {
    zoned(millis, TimeZone::system())
        .map(|at| clock_of(&at))
        .unwrap_or_default()
}

/// The day of the moment `millis` after 1970, as seen now from here. A moment that no calendar holds is today.
pub fn day(millis: u64) -> Day {
    let zone = TimeZone::system();
    let today = Timestamp::now().to_zoned(zone.clone()).date();
    zoned(millis, zone).map_or(Day::Today, |at| day_of(at.date(), today))
}

fn zoned(millis: u64, zone: TimeZone) -> Option<Zoned> {
    let millis = i64::try_from(millis).ok()?;
    Some(Timestamp::from_millisecond(millis).ok()?.to_zoned(zone))
}

fn clock_of(at: &Zoned) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn day_of(date: Date, today: Date) -> Day {
    let ago = today.since(date).map_or(i32::MAX, |span| span.get_days());
    let weekday = u8::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
    match ago {
        ..=0 => Day::Today,
        1 => Day::Yesterday,
        2..=6 => Day::Weekday(weekday),
        _ => Day::Date {
            year: date.year(),
            month: date.month(),
            day: date.day(),
            this_year: date.year() == today.year(),
            weekday,
        },
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_are_named_from_today() {
        let today = date(2026, 11, 20); // a Friday
        assert_eq!(day_of(date(2026, 11, 20), today), Day::Today);
        assert_eq!(day_of(date(2026, 11, 21), today), Day::Today);
        assert_eq!(day_of(date(2026, 11, 19), today), Day::Yesterday);
        assert_eq!(day_of(date(2026, 11, 16), today), Day::Weekday(0));
        assert_eq!(day_of(date(2026, 11, 14), today), Day::Weekday(5));
        assert_eq!(
            day_of(date(2026, 11, 13), today),
            Day::Date {
                year: 2026,
                month: 11,
                day: 13,
                this_year: true,
                weekday: 4
            }
        );
        assert_eq!(
            day_of(date(2025, 12, 31), today),
            Day::Date {
                year: 2025,
                month: 12,
                day: 31,
                this_year: false,
                weekday: 2
            }
        );
    }

    #[test]
    fn clocks_follow_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(
            zoned(0, zone.clone()).map(|at| clock_of(&at)).as_deref(),
            Some("02:00")
        );
        assert!(zoned(u64::MAX, zone).is_none());
        assert_eq!(day(u64::MAX), Day::Today);
        assert_eq!(clock(u64::MAX), "");
    }
}
