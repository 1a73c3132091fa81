//! Days and times as they are written in documents (proleptic Gregorian calendar, UTC).

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: u8,
    pub(crate) day: u8,
    /// 0 is Sunday.
    pub(crate) weekday: u8,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Date {
    /// The day so many days after 1970-01-01. Years are counted from March, so that the leap day
    /// is the last of its year.
    pub(crate) fn of_day(days: i64) -> Self {
        let since = days + 719_468;
        let era = since.div_euclid(146_097);
        let of_era = since.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month: month as u8,
            day: day as u8,
            weekday: (days + 4).rem_euclid(7) as u8,
        }
    }

    /// As in ISO 8601.
    pub(crate) fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// MS-DOS date, as in zip (APPNOTE 4.4.6).
    pub(crate) fn dos(self) -> u16 {
        let years = u16::try_from((self.year - 1980).clamp(0, 127)).unwrap_or(0);
        (years << 9) | (u16::from(self.month) << 5) | u16::from(self.day)
    }
}

/// A point in time, in seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    pub(crate) fn date(self) -> Date {
        Date::of_day(self.0.div_euclid(86_400))
    }

    fn clock(self) -> (i64, i64, i64) {
        let second = self.0.rem_euclid(86_400);
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// As in RFC 5322.
    pub(crate) fn mail(self) -> String {
        let date = self.date();
        let (hour, minute, second) = self.clock();
        format!(
            "{}, {:02} {} {:04} {hour:02}:{minute:02}:{second:02} +0000",
            WEEKDAYS[usize::from(date.weekday % 7)],
            date.day,
            MONTHS[usize::from((date.month.max(1) - 1) % 12)],
            date.year
        )
    }

    /// As in ISO 8601.
    pub(crate) fn iso(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{}T{hour:02}:{minute:02}:{second:02}Z", self.date().iso())
    }

    /// Digits only, as in PDF dates.
    pub(crate) fn digits(self) -> String {
        self.iso().chars().filter(char::is_ascii_digit).collect()
    }

    /// MS-DOS time.
    pub(crate) fn dos_time(self) -> u16 {
        let (hour, minute, second) = self.clock();
        u16::try_from((hour << 11) | (minute << 5) | (second / 2)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, written) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 +0000"),
        ] {
            assert_eq!(Moment(seconds).mail(), written);
        }
    }
}
