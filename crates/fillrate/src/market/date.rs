//! The date of a bar, with its time of day where it has one.

use std::fmt;
use std::str::FromStr;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// The years that fit whole into 64 bits of nanoseconds around 1970.
const YEARS: std::ops::RangeInclusive<i64> = 1678..=2261;

/// A moment on the calendar, to the nanosecond, from 1678 to 2261.
///
/// Dates are read from ISO 8601: `2024-01-31`, `20240131`, `2024-01-31T09:30`,
/// `2024-01-31 09:30:00.25`, with `Z` or an offset such as `+01:00`, which is turned into UTC; a time
/// without one stays as it stands. Printed, a moment at midnight is a date only.
///
/// ```
/// use fillrate::market::Date;
///
/// let date: Date = "2024-01-31".parse().unwrap();
/// assert_eq!(date.to_string(), "2024-01-31");
/// let open: Date = "2024-01-31T10:30+01:00".parse().unwrap();
/// assert_eq!(open.to_string(), "2024-01-31T09:30:00");
/// assert!(date < open);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

impl Date {
    /// The beginning of 1970.
    pub const EPOCH: Self = Self(0);

    /// The moment `nanos` nanoseconds after the beginning of 1970, if its year is from 1678 to
    /// 2261.
    #[must_use]
    pub fn from_epoch_nanos(nanos: i64) -> Option<Self> {
        let date = Self(nanos);
        YEARS.contains(&date.civil().0).then_some(date)
    }

    /// The nanoseconds since the beginning of 1970.
    #[must_use]
    pub const fn epoch_nanos(self) -> i64 {
        self.0
    }

    /// The days since the first of January 1970, rounded down.
    #[must_use]
    pub const fn epoch_days(self) -> i64 {
        self.0.div_euclid(NANOS_PER_DAY)
    }

    /// Whether it is the beginning of a day.
    #[must_use]
    pub const fn is_midnight(self) -> bool {
        self.0.rem_euclid(NANOS_PER_DAY) == 0
    }

    /// Date and time of day, also at midnight, in ISO 8601.
    #[must_use]
    pub fn with_time(self) -> String {
        let (year, month, day) = self.civil();
        let nanos = self.0.rem_euclid(NANOS_PER_DAY);
        let (seconds, fraction) = (nanos / NANOS_PER_SECOND, nanos % NANOS_PER_SECOND);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if fraction != 0 {
            text.push_str(format!(".{fraction:09}").trim_end_matches('0'));
        }
        text
    }

    /// Year, month and day in the Gregorian calendar.
    ///
    /// Source: Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    fn civil(self) -> (i64, i64, i64) {
        let days = self.epoch_days() + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i64::from(month <= 2), month, day)
    }
}

/// The days from 1970 to a date.
///
/// Source: Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_midnight() {
            return f.write_str(&self.with_time());
        }
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A text is no date in ISO 8601 from 1678 to 2261.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 date from 1678 to 2261, such as 2024-01-31 or 2024-01-31T09:30:00")]
#[non_exhaustive]
pub struct ParseDateError;

impl FromStr for Date {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, ParseDateError> {
        parse(text.trim().as_bytes()).ok_or(ParseDateError)
    }
}

fn parse(text: &[u8]) -> Option<Date> {
    let mut rest = Cursor(text);
    let year = rest.digits(4)?;
    let is_extended = rest.take(b"-");
    let month = rest.digits(2)?;
    if is_extended && !rest.take(b"-") {
        return None;
    }
    let day = rest.digits(2)?;
    let is_day = YEARS.contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day);
    if !is_day {
        return None;
    }
    let time = if rest.0.is_empty() { 0 } else { time_of_day(&mut rest)? };
    let nanos = days_from_civil(year, month, day).checked_mul(NANOS_PER_DAY)?.checked_add(time)?;
    rest.0.is_empty().then_some(())?;
    Date::from_epoch_nanos(nanos)
}

/// The time after the date, in nanoseconds of UTC, which may lie in another day.
fn time_of_day(rest: &mut Cursor<'_>) -> Option<i64> {
    if !(rest.take(b"Tt") || rest.take(b" ")) {
        return None;
    }
    let hour = rest.digits(2).filter(|hour| *hour < 24)?;
    rest.take(b":");
    let minute = rest.digits(2).filter(|minute| *minute < 60)?;
    let (mut second, mut fraction) = (0, 0);
    if rest.take(b":") || rest.0.first().is_some_and(u8::is_ascii_digit) {
        second = rest.digits(2).filter(|second| *second < 60)?;
        if rest.take(b".,") {
            fraction = rest.fraction()?;
        }
    }
    let local = ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + fraction;
    if rest.0.is_empty() || rest.take(b"Zz") {
        return Some(local);
    }
    let sign = match (rest.take(b"+"), rest.take(b"-")) {
        (true, _) => 1,
        (_, true) => -1,
        _ => return None,
    };
    let hours = rest.digits(2).filter(|hours| *hours < 24)?;
    rest.take(b":");
    let minutes =
        if rest.0.is_empty() { 0 } else { rest.digits(2).filter(|minutes| *minutes < 60)? };
    Some(local - sign * (hours * 60 + minutes) * 60 * NANOS_PER_SECOND)
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Takes the next byte if it is one of `bytes`.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let found = self.0.first().is_some_and(|byte| bytes.contains(byte));
        self.0 = &self.0[usize::from(found)..];
        found
    }

    /// Takes exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    }

    /// Takes one to nine digits after the point, as nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let digits = self.digits(count)?;
        Some(digits * 10_i64.pow(9 - count as u32))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn dates_are_read_and_printed() {
        assert_eq!(date("1970-01-01").epoch_nanos(), 0);
        assert_eq!(date("2000-02-29").epoch_days(), 11_016);
        assert_eq!(date("1969-12-31").epoch_days(), -1);
        for (text, printed) in [
            ("2024-02-29", "2024-02-29"),
            ("20240229", "2024-02-29"),
            (" 2024-02-29T00:00:00Z ", "2024-02-29"),
            ("2024-02-29 09:30", "2024-02-29T09:30:00"),
            ("2024-02-29T093005.25", "2024-02-29T09:30:05.25"),
            ("2024-02-29T23:30:00-05:00", "2024-03-01T04:30:00"),
            ("2024-02-29T00:30:00+0100", "2024-02-28T23:30:00"),
            ("2024-02-29T00:30:00+01", "2024-02-28T23:30:00"),
            ("1678-01-01", "1678-01-01"),
            ("2261-12-31T23:59:59.999999999", "2261-12-31T23:59:59.999999999"),
        ] {
            assert_eq!(date(text).to_string(), printed, "{text}");
        }
        assert_eq!(date("2024-02-29").with_time(), "2024-02-29T00:00:00");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-1-2",
            "2024-01-02T24:00",
            "2024-01-02T10",
            "2024-01-02T10:61",
            "2024-01-02x",
            "02/01/2024",
            "1677-12-31",
            "2262-01-01",
            "1704153600",
            "2024-01-02T10:00:00.",
            "2024-01-0２",
            "2024-01-02T10:00:00.1234567890",
            "2024-0102",
            "2261-12-31T23:59:59-01:00",
        ] {
            assert_eq!(text.parse::<Date>(), Err(ParseDateError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(nanos in -9_214_560_000_000_000_000..9_214_646_400_000_000_000_i64) {
            let date = Date::from_epoch_nanos(nanos).unwrap();
            prop_assert_eq!(date.to_string().parse(), Ok(date));
            prop_assert_eq!(date.with_time().parse(), Ok(date));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9T:.+Z -]{0,32}") {
            let _ = text.parse::<Date>();
        }
    }
}
