//! The site's waivers themselves: one that has ended counts no more, and is told so; one of no check waives nothing.

use jiff::civil::Date;

use crate::checks::catalogue::{self, offline::here::WAIVER};
use crate::checks::is_meant;
use crate::checks::spec::{Outcome, Tally};
use crate::site::model::Site;

/// Looks at every waiver of the site on that day.
pub fn waivers(site: &Site, today: Date) -> Vec<Outcome> {
    let mut tally = Tally::of(&site.file.display().to_string());
    if site.waivers.is_empty() {
        tally.not_applicable(&WAIVER, "the site waives nothing");
    }
    for waiver in &site.waivers {
        let check = &waiver.check;
        if !catalogue::all().iter().any(|spec| is_meant(check, spec.id)) {
            let message = format!("`{check}` is waived, and is no check");
            tally.found(&WAIVER, message, "`portcullis check --list` shows all of them");
        } else if waiver.until < today {
            let message = format!("the waiver of `{check}` ended on {}: {}", waiver.until, waiver.reason);
            tally.found(&WAIVER, message, "mend what was waived and take the waiver out, or have it renewed with a later `until`");
        } else {
            tally.passed(&WAIVER, format!("{check}: {} (until {})", waiver.reason, waiver.until));
        }
    }
    tally.complete(&[&WAIVER], "not looked at")
}
