//! What a mail server says it can do, from its reply to EHLO (RFC 5321, 4.1.1.1; RFC 4954).

use super::wire::Reply;

/// A server's capabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The name by which the server calls itself.
    pub name: String,
    /// Whether STARTTLS is offered.
    pub starttls: bool,
    /// The authentication mechanisms, in upper case, in the server's order.
    pub auth: Vec<String>,
    /// The largest message in bytes (RFC 1870); `None`: not said, or no limit.
    pub size: Option<u64>,
    /// All keywords, as they were sent.
    pub keywords: Vec<String>,
}

impl Capabilities {
    /// Whether that mechanism is offered.
    pub fn offers(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered.eq_ignore_ascii_case(mechanism))
    }

    /// Whether a firewall overwrote a keyword with X's, as Cisco's SMTP inspection does with STARTTLS.
    pub fn is_masked(&self) -> bool {
        self.keywords.iter().any(|keyword| keyword.len() >= 8 && keyword.bytes().take(7).all(|byte| byte == b'X'))
    }

    pub(super) fn parse(reply: &Reply) -> Self {
        let mut lines = reply.lines.iter();
        let name = lines.next().and_then(|line| line.split_whitespace().next()).unwrap_or_default().to_owned();
        let mut found = Self { name, ..Self::default() };
        for line in lines {
            found.take(line);
            found.keywords.push(line.clone());
        }
        found
    }

    fn take(&mut self, line: &str) {
        // `AUTH=PLAIN` is how servers before RFC 2554 wrote it; some still send both.
        let line = line.replacen('=', " ", usize::from(line.to_ascii_uppercase().starts_with("AUTH=")));
        let mut words = line.split_whitespace();
        match words.next().map(str::to_ascii_uppercase).as_deref() {
            Some("STARTTLS") => self.starttls = true,
            Some("SIZE") => self.size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0),
            Some("AUTH") => {
                for mechanism in words.map(str::to_ascii_uppercase) {
                    if !self.auth.contains(&mechanism) {
                        self.auth.push(mechanism);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(lines: &[&str]) -> Capabilities {
        Capabilities::parse(&Reply { code: 250, lines: lines.iter().map(|line| (*line).to_owned()).collect() })
    }

    #[test]
    fn mechanisms_are_read_in_both_forms_and_any_case() {
        let found = parsed(&["mail.example Hello", "auth=LOGIN", "AUTH login PLAIN", "StartTLS", "SIZE 10240000"]);
        assert_eq!(found.auth, ["LOGIN", "PLAIN"]);
        assert!(found.starttls && found.offers("plain"));
        assert_eq!(found.size, Some(10_240_000));
        assert_eq!(found.name, "mail.example");
    }

    #[test]
    fn a_keyword_masked_by_a_firewall_is_seen() {
        assert!(parsed(&["x", "250-PIPELINING", "XXXXXXXA"]).is_masked());
        assert!(!parsed(&["x", "XCLIENT", "XFORWARD"]).is_masked());
    }

    #[test]
    fn a_mechanism_whose_name_begins_alike_is_another() {
        assert!(!parsed(&["x", "AUTH PLAIN-CLIENTTOKEN"]).offers("PLAIN"));
    }
}
