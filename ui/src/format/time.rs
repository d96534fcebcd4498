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

/// For the list of rooms: "12:04", "Yesterday", "Mon", "4 Mar", "4 Mar 2025".
pub fn list_time(millis: u64) -> String {
    let at = moment(millis);
    match at.day {
        Day::Today => at.clock,
        Day::Yesterday => "Yesterday".to_owned(),
        Day::Weekday(weekday) => short(weekday_name(weekday)),
        Day::Date { .. } => short_date(at.day),
    }
}

/// For "last seen": "Today 12:04", "Yesterday 12:04", "Mon 12:04", "4 Mar", "4 Mar 2025".
pub fn near_time(millis: u64) -> String {
    let at = moment(millis);
    match at.day {
        Day::Today => format!("Today {}", at.clock),
        Day::Yesterday => format!("Yesterday {}", at.clock),
        Day::Weekday(weekday) => format!("{} {}", short(weekday_name(weekday)), at.clock),
        Day::Date { .. } => short_date(at.day),
    }
}

/// For day dividers: "Wednesday 4 March", with the year where it is another; empty for today and yesterday,
/// which the user interface names.
pub fn day_name(millis: u64) -> String {
    match day(millis) {
        Day::Today | Day::Yesterday => String::new(),
        Day::Weekday(weekday) => weekday_name(weekday).to_owned(),
        Day::Date {
            year,
            month,
            day,
            this_year,
            weekday,
        } => {
            let date = format!("{} {day} {}", weekday_name(weekday), month_name(month));
            if this_year {
                date
            } else {
                format!("{date} {year}")
            }
        }
    }
}

/// For screen readers and menus: "Wednesday 4 March 2026, 12:04".
pub fn long_time(millis: u64) -> String {
    zoned(millis, TimeZone::system())
        .map(|at| {
            let weekday = u8::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default();
            let (name, month) = (weekday_name(weekday), month_name(at.month()));
            format!(
                "{name} {} {month} {}, {}",
                at.day(),
                at.year(),
                clock_of(&at)
            )
        })
        .unwrap_or_default()
}

/// How long it is until tomorrow begins here, and a second.
pub fn until_tomorrow() -> std::time::Duration {
    const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);
    let now = Zoned::now();
    now.tomorrow()
        .and_then(|tomorrow| tomorrow.start_of_day())
        .ok()
        .and_then(|begin| now.duration_until(&begin).try_into().ok())
        .map_or(HOUR, |left: std::time::Duration| {
            left + std::time::Duration::from_secs(1)
        })
}

/// A length of time in milliseconds: "0:07", "12:04", "1:02:03".
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

fn short_date(day: Day) -> String {
    let Day::Date {
        year,
        month,
        day,
        this_year,
        ..
    } = day
    else {
        return String::new();
    };
    let date = format!("{day} {}", short(month_name(month)));
    if this_year {
        date
    } else {
        format!("{date} {year}")
    }
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

fn weekday_name(monday_zero: u8) -> &'static str {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    NAMES
        .get(usize::from(monday_zero))
        .copied()
        .unwrap_or_default()
}

fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::try_from(month - 1)
        .ok()
        .and_then(|at| NAMES.get(at))
        .copied()
        .unwrap_or_default()
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
    fn dates_and_lengths_of_time_are_short() {
        let date = Day::Date {
            year: 2025,
            month: 3,
            day: 4,
            this_year: false,
            weekday: 1,
        };
        assert_eq!(short_date(date), "4 Mar 2025");
        assert_eq!(
            [0, 7_400, 724_000, 3_723_000].map(duration),
            ["0:00", "0:07", "12:04", "1:02:03"]
        );
        assert_eq!(list_time(u64::MAX), "");
        assert!(long_time(0).contains("19"));
    }

    #[test]
    fn tomorrow_is_less_than_two_days_away() {
        let left = until_tomorrow();
        assert!(
            left.as_secs() >= 1 && left.as_secs() < 2 * 86_400,
            "{left:?}"
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
