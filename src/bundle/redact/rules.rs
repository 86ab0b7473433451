//! What looks like a secret, whoever's it is: keys, logins in addresses, assignments, tokens of well-known shapes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{count, is_seal, seal};

/// What is taken out, and what stays before and after it: of a match the group `value` goes (`quoted` or `single` where it
/// stands in quotes), or the whole where there is no such group.
#[derive(Debug)]
pub(super) struct Rule {
    kind: &'static str,
    pattern: &'static LazyLock<Regex>,
    /// Harmless values of that group.
    spares: fn(&str) -> bool,
}

impl Rule {
    /// The text without what the rule is for.
    pub(super) fn apply(&self, text: &str, counts: &mut BTreeMap<&'static str, usize>) -> String {
        let mut times = 0;
        let replaced = self.pattern.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            let Some(value) = found.name("value").or_else(|| found.name("quoted")).or_else(|| found.name("single")) else {
                times += 1;
                return seal(self.kind);
            };
            if value.as_str().trim().is_empty() || (self.spares)(value.as_str()) || value.as_str().starts_with(is_seal) {
                return whole.to_owned();
            }
            times += 1;
            let start = found.get(0).map_or(0, |whole| whole.start());
            let (before, after) = (value.start() - start, value.end() - start);
            format!("{}{}{}", whole.get(..before).unwrap_or(""), seal(self.kind), whole.get(after..).unwrap_or(""))
        });
        let replaced = replaced.into_owned();
        count(counts, self.kind, times);
        replaced
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants; a test builds each of them")]
fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of ours")
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| compiled($text));
    };
}

/// Dashes and blanks of a PEM's first and last line, in a URL too.
macro_rules! pem_line {
    ($which:literal) => {
        concat!(
            r"(?:-|%2[dD]|\\+u002[dD]){5}",
            $which,
            r"(?:[A-Z0-9]|[ +]|%20)*PRIVATE(?: |\+|%20)KEY(?:(?: |\+|%20)BLOCK)?(?:-|%2[dD]|\\+u002[dD]){5}"
        )
    };
}

pattern!(KEY, concat!(r"(?s)", pem_line!("BEGIN"), r".*?(?:", pem_line!("END"), r"|\z)"));
pattern!(KEY_END, pem_line!("END"));
// `-----BEGIN` in base64, wherever its first byte fell, with as much as follows: a PEM that was encoded once more.
pattern!(KEY_IN_BASE64, r"(?:LS0tLS1CRUdJTi|0tLS0tQkVHSU4|tLS0tLUJFR0lO)(?:[A-Za-z0-9+/=_-]|\s|\\+[rn])+");
pattern!(PUTTY, r"(?s)Private-Lines:.*?(?:Private-(?:MAC|Hash):[^\n]*|\z)");
pattern!(AGE, r"(?i)AGE-SECRET-KEY-[0-9A-Z]+");
pattern!(AUTHORIZATION, r#"(?i)(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?P<value>[^\r\n"'\\]+)"#);
pattern!(BEARER, r"(?i)\bbearer\s+(?P<value>[A-Za-z0-9._~+/-]{20,}=*)");
pattern!(COOKIE, r#"(?i)\b(?:set-)?cookie2?\\*["']?\s*:\s*\\*["']?(?P<value>[^\r\n"']+)"#);
pattern!(URL, r#"[A-Za-z][A-Za-z0-9+.-]*(?::|%3[aA])(?:\\*/|%2[fF]){2}(?P<value>[^\s"'<>@/:\\]+:[^\s"'<>]*|[^\s"'<>/\\]+)@"#);
pattern!(QUERY, r#"(?i)[?&;][^=&\s?"']*(?:token|secret|passw|key|signature|sig|code|ticket)[^=&\s"']*=(?P<value>[^&\s"'#]+)"#);
pattern!(TICKET, r#"/p/(?:ad|waad|custom)/(?P<value>[^/\s"'?]+)"#);
pattern!(SMTP, r"(?i)\bAUTH[ =]+(?:PLAIN|LOGIN|CRAM-MD5|XOAUTH2|OAUTHBEARER|SCRAM-SHA-\d+)\s+(?P<value>[A-Za-z0-9+/=]{4,})");
pattern!(CHALLENGE, r"(?m)\b334 [A-Za-z0-9+/=]*\s*\n[^\n]*?(?P<value>[A-Za-z0-9+/]{4,}={0,2})\s*$");
pattern!(SASL, r"(?m)^\s*\[[\w.:-]+\](?::\d+)?[ \t]+(?P<value>\S+:\S+)\s*$");
pattern!(HASH, r#"\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|md5|apr1|pbkdf2[\w-]*|argon2[a-z]*|scrypt|bcrypt)\$[^\s:"',]+"#);
pattern!(LDAP_HASH, r"(?i)\{(?:S?SHA\d*|S?MD5|CRYPT|PBKDF2[^}]*)\}[A-Za-z0-9+/=$.]+");
pattern!(JWT, r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?");
pattern!(
    TOKEN,
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}\b|SG\.[\w-]{16,}\.[\w-]{16,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|xkeysib-[\w-]{20,}|md-[\w-]{20,}|key-[0-9a-f]{32}\b|AIza[\w-]{35}|hv[sb]\.[\w-]{20,})"
);
pattern!(
    FLAG,
    r#"(?i)(?:^|[\s"'])--?(?:[a-z-]*(?:password|passwd|passphrase|secret|token|api-?key)|pass|pw)(?:=|\s+)(?P<value>"[^"]*"|'[^']*'|[^\s"']+)"#
);
pattern!(LOGIN_FLAG, r"(?:^|\s)(?:-u|-U|--user|--proxy-user)(?:=|\s*)[^\s:=-][^\s:]*:(?P<value>\S+)");
pattern!(PASS_ARGUMENT, r"\b(?:pass:|sshpass\s+-p\s*)(?P<value>\S+)");
// A block of YAML: all lines below that are indented.
pattern!(
    BLOCK,
    r"(?im)^[ \t-]*[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|credentials?)[\w.-]*:[ \t]*[|>][+-]?[ \t]*\n(?P<value>(?:[ \t]+[^\n]*\n)*[ \t]+[^\n]*)"
);
// A name that says what it is, then its value: quoted to the quote's end, after `=` to the next blank, after `:` to the line's end.
pattern!(
    ASSIGNMENT,
    r#"(?i)(?:[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|session[_-]?key|signing[_-]?key|encryption[_-]?key|credential|provisioning_ticket)[\w.-]*|\b(?:\w*[_-])?(?:pass|pwd))\\*["']?[ \t]*(?:=>|[:=])[ \t]*(?:\\*"(?P<quoted>(?:\\.|[^"\\])*?)\\*"|'(?P<single>[^'\n]*)'|(?P<value>(?:[^\s"'\[{]|[\[{][^\s"\[\]{}])[^\n]*))"#
);

fn nothing(_value: &str) -> bool {
    false
}

/// Mechanisms that a mail server offers follow the word as well as an answer would.
fn is_mechanism(value: &str) -> bool {
    // A word of a sentence is no base64 that anybody meets.
    if value.chars().all(|c| c.is_ascii_lowercase()) {
        return true;
    }
    let value = value.to_ascii_uppercase();
    ["PLAIN", "LOGIN", "CRAM", "DIGEST", "GSSAPI", "NTLM", "XOAUTH2", "OAUTHBEARER", "SCRAM", "EXTERNAL"]
        .iter()
        .any(|mechanism| value.starts_with(mechanism))
}

/// References tell where a secret is to be had, and no secret.
fn is_reference(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'', ',', '}', ']']);
    let plain = |rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '~'));
    // What `check` says of a reference.
    if ["from a file", "from the environment", "from a command", "asked for when it is needed"].contains(&value) {
        return true;
    }
    // Of a block of YAML only the lines below it are the value.
    matches!(value, "prompt" | "|" | ">" | "|-" | ">-" | "|+" | ">+")
        || ["env:", "file:"].iter().any(|kind| value.strip_prefix(kind).is_some_and(plain))
}

static RULES: [Rule; 21] = [
    Rule { kind: "private key", pattern: &KEY_IN_BASE64, spares: nothing },
    Rule { kind: "private key", pattern: &PUTTY, spares: nothing },
    Rule { kind: "private key", pattern: &AGE, spares: nothing },
    Rule { kind: "login in an address", pattern: &URL, spares: nothing },
    Rule { kind: "credentials", pattern: &AUTHORIZATION, spares: nothing },
    Rule { kind: "credentials", pattern: &BEARER, spares: nothing },
    Rule { kind: "cookie", pattern: &COOKIE, spares: nothing },
    Rule { kind: "token", pattern: &QUERY, spares: nothing },
    Rule { kind: "token", pattern: &TICKET, spares: nothing },
    Rule { kind: "mail credentials", pattern: &SMTP, spares: is_mechanism },
    Rule { kind: "mail credentials", pattern: &CHALLENGE, spares: nothing },
    Rule { kind: "mail credentials", pattern: &SASL, spares: nothing },
    Rule { kind: "hash of a password", pattern: &HASH, spares: nothing },
    Rule { kind: "hash of a password", pattern: &LDAP_HASH, spares: nothing },
    Rule { kind: "token", pattern: &JWT, spares: nothing },
    Rule { kind: "token", pattern: &TOKEN, spares: nothing },
    Rule { kind: "password", pattern: &FLAG, spares: is_reference },
    Rule { kind: "password", pattern: &LOGIN_FLAG, spares: nothing },
    Rule { kind: "password", pattern: &PASS_ARGUMENT, spares: nothing },
    Rule { kind: "password", pattern: &BLOCK, spares: nothing },
    Rule { kind: "password", pattern: &ASSIGNMENT, spares: is_reference },
];

/// Every rule but that of whole keys, in their order.
pub(super) fn all() -> &'static [Rule] {
    &RULES
}

/// Private keys, first of all: what is known of a key must not tear it apart before it is seen as one. Where the text begins in
/// the midst of a key, all up to its end goes.
pub(super) fn keys(text: &str, counts: &mut BTreeMap<&'static str, usize>) -> String {
    let kind = "private key";
    count(counts, kind, KEY.find_iter(text).count());
    let mut text = KEY.replace_all(text, seal(kind)).into_owned();
    if let Some(end) = KEY_END.find_iter(&text).last().map(|end| end.end()) {
        count(counts, kind, 1);
        text = format!("{}{}", seal(kind), text.get(end..).unwrap_or(""));
    }
    text
}
