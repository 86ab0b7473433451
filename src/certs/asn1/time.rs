//! `UTCTime` and `GeneralizedTime` as certificates write them (RFC 5280, 4.1.2.5).

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::Offset;

use super::{Asn1Error, Element};

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const BAD: Asn1Error = Asn1Error::BadValue("a date");

/// The instant, in UTC. Years below 50 of a `UTCTime` are in the twenty-first century.
pub(crate) fn parse_time(element: &Element<'_>) -> Result<Timestamp, Asn1Error> {
    let text = std::str::from_utf8(element.content).map_err(|_error| BAD)?;
    let digits = text.strip_suffix('Z').ok_or(BAD)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BAD);
    }
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2).ok_or(BAD)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4).ok_or(BAD)?;
            (number(year)?, rest)
        }
        _ => return Err(element.unexpected("a date")),
    };
    let field = |at: usize| rest.get(at..at + 2).ok_or(BAD).and_then(|text| text.parse::<i8>().map_err(|_error| BAD));
    // Old certificates leave the seconds out.
    let second = if rest.len() == 8 { 0 } else { field(8)? };
    if rest.len() > 10 {
        return Err(BAD);
    }
    let valid = (1..=12).contains(&field(0)?) && (1..=31).contains(&field(2)?);
    let clock = field(4)? < 24 && field(6)? < 60 && second < 60;
    if !valid || !clock {
        return Err(BAD);
    }
    let day = jiff::civil::Date::new(year, field(0)?, field(2)?).map_err(|_error| BAD)?;
    Offset::UTC.to_timestamp(day.at(field(4)?, field(6)?, second, 0)).map_err(|_error| BAD).or_else(|error| {
        // Year 9999 ("no expiry", RFC 5280 4.1.2.5) lies at the edge of what a timestamp holds.
        if day >= date(9999, 12, 30) { Ok(Timestamp::MAX) } else { Err(error) }
    })
}

fn number(text: &str) -> Result<i16, Asn1Error> {
    text.parse().map_err(|_error| BAD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::asn1::{Reader, encode};

    fn parse(tag: u8, text: &str) -> Result<String, Asn1Error> {
        parse_time(&Reader::new(&encode(tag, text.as_bytes())).next().unwrap()).map(|time| time.to_string())
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(parse(UTC_TIME, "491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
        assert_eq!(parse(UTC_TIME, "500101000000Z").unwrap(), "1950-01-01T00:00:00Z");
        assert_eq!(parse(GENERALIZED_TIME, "20500101000000Z").unwrap(), "2050-01-01T00:00:00Z");
        assert!(parse(GENERALIZED_TIME, "99991231235959Z").is_ok());
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in ["", "Z", "260230000000Z", "261301000000Z", "2601010000", "260101000000+0100", "260101006100Z"] {
            assert!(parse(UTC_TIME, text).is_err(), "{text}");
        }
    }
}
