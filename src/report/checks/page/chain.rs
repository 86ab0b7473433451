//! The certificate chain as a picture: one bar a certificate, from its first day to its last, and today. Pure.

use jiff::Timestamp;
use serde::Serialize;

/// One certificate of the chain, the server's first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose it is.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// First instant of validity.
    pub begins: Timestamp,
    /// Last.
    pub ends: Timestamp,
}

const WIDTH: i64 = 960;
const NAMES: i64 = 330;
const ROW: i64 = 58;
const TOP: i64 = 30;
const EDGE: i64 = 12;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Bar {
    y: i64,
    subject: String,
    issuer: String,
    x: i64,
    width: i64,
    begins: String,
    ends: String,
    left: String,
    class: &'static str,
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ChainPicture {
    width: i64,
    height: i64,
    names: i64,
    today: i64,
    bars: Vec<Bar>,
}

/// Draws the chain as it stands at `now`; `notice`: days before its end from which a certificate is spoken of.
pub(super) fn picture(chain: &[Link], now: Timestamp, notice: i64) -> Option<ChainPicture> {
    // A root of thirty years would leave a leaf of some months no room: the axis is the server's own, with a quarter around.
    let leaf = chain.first()?;
    let (first, last) = (leaf.begins.min(now).as_second(), leaf.ends.max(now).as_second());
    let margin = (last - first) / 4 + 86_400;
    let (first, last) = (first - margin, last + margin);
    let room = WIDTH - NAMES - 2 * EDGE;
    let place = |moment: Timestamp| NAMES + EDGE + (moment.as_second().clamp(first, last) - first) * room / (last - first).max(1);
    let bar = |(row, link): (usize, &Link)| {
        let days = link.ends.duration_since(now).as_hours() / 24;
        let class = match days {
            _ if link.begins > now || link.ends < now => "error",
            left if left <= notice => "warning",
            _ => "passed",
        };
        let left = match days {
            _ if link.begins > now => "not valid yet".to_owned(),
            _ if link.ends < now => format!("expired {} days ago", -days),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        };
        let x = place(link.begins);
        Bar {
            y: TOP + i64::try_from(row).unwrap_or_default() * ROW,
            subject: short(&link.subject),
            issuer: short(&link.issuer),
            x,
            width: (place(link.ends) - x).max(4),
            begins: day(link.begins),
            ends: day(link.ends),
            left,
            class,
        }
    };
    let bars: Vec<Bar> = chain.iter().enumerate().map(bar).collect();
    let height = TOP + i64::try_from(bars.len()).unwrap_or_default() * ROW + 8;
    Some(ChainPicture { width: WIDTH, height, names: NAMES, today: place(now), bars })
}

fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

fn short(text: &str) -> String {
    const MOST: usize = 40;
    let text = crate::report::text::escape(text).into_owned();
    if text.chars().count() <= MOST { text } else { text.chars().take(MOST - 1).chain(['\u{2026}']).collect() }
}
