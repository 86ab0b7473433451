//! What to do next, for each way in which a mail server disappoints: exact settings, and what the known
//! providers mean by their replies. Pure text.

use super::capability::Capabilities;
use super::wire::{Reply, WireError};
use crate::checks::services::tls::{Distrust, TlsProbeError};
use crate::site::model::MailProvider;

/// The provider behind a host name, where the site file calls it just a server.
pub(super) fn provider(declared: MailProvider, host: &str) -> MailProvider {
    let host = host.to_ascii_lowercase();
    match declared {
        MailProvider::Smtp if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") => MailProvider::Ses,
        MailProvider::Smtp if host.ends_with(".sendgrid.net") => MailProvider::Sendgrid,
        MailProvider::Smtp if host.ends_with(".mandrillapp.com") => MailProvider::Mandrill,
        MailProvider::Smtp | MailProvider::Ses | MailProvider::Sendgrid | MailProvider::Mandrill => declared,
    }
}

pub(super) fn no_greeting(error: &WireError, host: &str, port: u16) -> String {
    match error {
        WireError::TimedOut { .. } if port == 465 => {
            format!("ask the mail team whether {host} answers on 465 at all; a proxy or firewall may accept in its place")
        }
        WireError::TimedOut { .. } => format!(
            "ask the mail team whether {host}:{port} waits for TLS from the first byte (then set `smtp.port: 465`), whether a firewall accepts in its place, or whether it makes strangers wait on purpose (`--timeout 1m` waits longer)"
        ),
        WireError::Stalled { .. } => format!(
            "ask the mail team what {host}:{port} waits for in the midst of its words: a greeting delay for strangers (`--timeout 1m` waits longer), or a firewall that inspects SMTP"
        ),
        WireError::Closed => format!(
            "ask the mail team to allow this machine's address on {host}:{port}; servers close at once on addresses they do not know"
        ),
        WireError::NotSmtp { .. } => format!("`smtp.port: {port}` is another service's port: 587 (STARTTLS) or 465 (TLS) is usual"),
        WireError::TooLong | WireError::Network { .. } => {
            format!("try it by hand: `openssl s_client -starttls smtp -connect {host}:{port}`")
        }
    }
}

pub(super) fn no_starttls(offered: &Capabilities, host: &str) -> String {
    if offered.is_masked() {
        return "a firewall masks the server's words (the XXXX in its reply): ask its team to turn SMTP inspection off (`no inspect esmtp` on Cisco)".to_owned();
    }
    format!(
        "ask the team of {host} to enable STARTTLS (postfix: `smtpd_tls_security_level = may` with certificate and key), or use port 465; only where the network is trusted set `smtp.starttls: off`"
    )
}

/// Why STARTTLS, or TLS from the first byte, came to nothing; `None` where only the server's own log tells.
pub(super) fn no_tls(error: &TlsProbeError, port: u16) -> Option<String> {
    let fix = match error {
        TlsProbeError::NotTls if port == 465 => "port 465 answers without TLS: set `smtp.port: 587`, or ask the mail team",
        TlsProbeError::NotTls => {
            "ask the mail team, and the firewall's: what answers after STARTTLS is no TLS; SMTP inspection on the way does this"
        }
        TlsProbeError::OldVersionOnly => {
            "ask the mail team to enable TLS 1.2 or later: postfix `smtpd_tls_protocols = >=TLSv1.2` (and `smtpd_tls_mandatory_protocols`), exim `tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3`, Exchange: Schannel's TLS 1.2"
        }
        TlsProbeError::TimedOut { .. } => "ask the mail team for its log of this moment: the server agreed to TLS and then said nothing",
        TlsProbeError::Closed => {
            "ask the mail team for its log of this moment: most often the server cannot read its certificate or key, or takes none of the usual ciphers"
        }
        TlsProbeError::Alert { alert } if alert == "internal_error" => {
            "ask the mail team for its log of this moment: the server fails at TLS by itself, often at a key that it cannot read or use (older OpenSMTPD takes RSA keys alone)"
        }
        TlsProbeError::Alert { .. } => {
            "ask the mail team for its log of this moment: most often the server speaks TLS 1.1 or older alone (postfix `smtpd_tls_protocols = >=TLSv1.2`, exim `tls_require_ciphers`), has no cipher in common with us, or demands a client certificate"
        }
        TlsProbeError::NameInvalid { .. } => "correct `smtp.host` in the site file",
        TlsProbeError::Protocol { .. } | TlsProbeError::Network { .. } => return None,
    };
    Some(fix.to_owned())
}

pub(super) fn certificate(reason: &Distrust, host: &str) -> String {
    match reason {
        Distrust::NameMissing { presented, .. } => {
            let other = presented.iter().find(|name| !name.starts_with('*'));
            let rename = other.map(|name| format!("set `smtp.host: {name}`, or ")).unwrap_or_default();
            format!("{rename}ask the mail team for a certificate that names {host}")
        }
        Distrust::Expired { .. } | Distrust::NotYetValid { .. } => format!("ask the mail team to renew the certificate of {host}"),
        Distrust::ChainIncomplete { issuer, .. } => format!(
            "ask the mail team to serve the intermediate {issuer} too (postfix: all certificates in one file under `smtpd_tls_chain_files`); where {issuer} is your own CA, name its certificate under `smtp.ca_certificates`"
        ),
        Distrust::SelfSigned { subject } | Distrust::UntrustedRoot { root: subject } | Distrust::Refused { subject, .. } => {
            format!(
                "where {subject} is your own CA, name its certificate under `smtp.ca_certificates`; otherwise the mail team needs a certificate of a public CA"
            )
        }
        Distrust::NoCertificate | Distrust::Unreadable { .. } => format!("ask the mail team to install a certificate on {host}"),
    }
}

pub(super) fn no_plain(offered: &Capabilities) -> (String, String) {
    let fix = "enable PLAIN on the server (Dovecot: `auth_mechanisms = plain login`; Exchange: basic authentication, offered after TLS, on the receive connector)";
    if offered.auth.is_empty() {
        let fix = format!("{fix}; postfix also needs `smtpd_sasl_auth_enable = yes` on this port");
        return ("the server offers no authentication".to_owned(), fix);
    }
    let list = offered.auth.join(", ");
    let message = if offered.auth == ["LOGIN"] {
        "AUTH LOGIN alone is offered, not PLAIN".to_owned()
    } else {
        format!("AUTH PLAIN is not offered, only {list}")
    };
    (message, fix.to_owned())
}

/// What servers say of a login that no other password would mend, in lower case, and what does.
const LOGIN_WORDS: &[(&str, &str)] = &[
    ("credits exceeded", "SendGrid: the account's credits are used up, or its trial has ended: see the plan in its console"),
    (
        "smtpclientauthentication is disabled",
        "Exchange Online: authenticated SMTP is switched off for the tenant or the mailbox: ask the mail team for `Set-CASMailbox USER -SmtpClientAuthenticationDisabled $false`, or for a relay connector",
    ),
    (
        "application-specific password",
        "Google: the account has two factors and takes an application password here alone; or use the Workspace SMTP relay",
    ),
    ("account is locked", "ask the mail team to unlock the account, and to see who else logs in with an old password"),
    ("account is disabled", "ask the mail team to enable the account"),
    ("password expired", "ask the mail team to set the account's password anew, without expiry"),
    ("password has expired", "ask the mail team to set the account's password anew, without expiry"),
];

/// What servers say that count an account's mails, in lower case.
const QUOTA_WORDS: &[&str] = &[
    "quota exceeded",
    "quota is exceeded",
    "over quota",
    "limit exceeded",
    "limit reached",
    "credits exceeded",
    "rate limit",
    "too many messages",
    "sending limit",
];

pub(super) fn login(reply: &Reply, provider: MailProvider, username: &str) -> String {
    if let (MailProvider::Sendgrid, false) = (provider, username == "apikey") {
        return format!("SendGrid's user is the word `apikey`, not `{username}`: set `smtp.username: apikey`, the password is the API key");
    }
    let known = match provider {
        MailProvider::Sendgrid => {
            "SendGrid: the password is an API key with the permission Mail Send; an IP access list of the account may refuse too"
        }
        MailProvider::Ses => {
            "Amazon SES: user and password are SMTP credentials made in the SES console for this very region, not an IAM access key"
        }
        MailProvider::Mandrill => "Mandrill: the user is the account's address, the password an API key that is not for testing",
        MailProvider::Smtp => "check `smtp.username` and the secret behind `smtp.password` with the mail team",
    };
    let said = reply.lines.join(" ").to_ascii_lowercase();
    if let Some((_, fix)) = LOGIN_WORDS.iter().find(|(words, _)| said.contains(words)) {
        return (*fix).to_owned();
    }
    match reply.code {
        530 | 538 => "the server wants TLS before the login: set `smtp.starttls: required`".to_owned(),
        534 => "the account needs an application password or another mechanism; ask the mail team".to_owned(),
        454 | 421 | 450 | 451 => {
            "the server's own login service fails for now; try again, then ask the mail team for its log of this moment".to_owned()
        }
        _ => known.to_owned(),
    }
}

pub(super) fn refused(reply: &Reply, provider: MailProvider, from: &str) -> String {
    let said = reply.lines.join(" ").to_ascii_lowercase();
    match provider {
        MailProvider::Ses if said.contains("not verified") => format!(
            "Amazon SES: verify the domain of {from} in this region; an account in the sandbox sends to verified addresses alone until production access is granted"
        ),
        MailProvider::Ses if said.contains("throttling") || said.contains("quota") || said.contains("rate exceeded") => {
            "Amazon SES: the account's sending rate or the day's quota is used up; a sandbox has 200 mails a day. Ask for more in the SES console".to_owned()
        }
        MailProvider::Ses if said.contains("paused") || said.contains("shut down") || said.contains("suspended") => {
            "Amazon SES has stopped the account's or the configuration set's sending: see the reputation page of the SES console".to_owned()
        }
        MailProvider::Ses if said.contains("access denied") || said.contains("not authorized") => {
            "Amazon SES: the IAM user behind the SMTP credentials may not send: allow it `ses:SendRawEmail` for this identity".to_owned()
        }
        MailProvider::Sendgrid if said.contains("verified sender") || said.contains("not authorized to send from") => {
            format!("SendGrid: make {from} a verified sender, or authenticate its domain")
        }
        MailProvider::Mandrill if said.contains("reject") || said.contains("unsigned") => {
            format!("Mandrill: verify the sending domain of {from} and set its DKIM and SPF records")
        }
        _ if said.contains("sendasdenied") || said.contains("permissions to send as") => {
            format!("Exchange: ask the mail team to give the account the right Send As on the mailbox of {from}, or set `smtp.from` to its own address")
        }
        _ if said.contains("not owned by") => {
            format!("ask the mail team to let the account send as {from} (postfix: its line in `smtpd_sender_login_maps`), or set `smtp.from` to an address that it may use")
        }
        // A mail that is too large is refused by a limit too, and that one is no account's.
        _ if reply.code != 552 && reply.code != 523 && QUOTA_WORDS.iter().any(|words| said.contains(words)) => {
            "the account's sending quota is used up: wait until it begins anew, find out who else sends with this account, or ask the provider for more".to_owned()
        }
        MailProvider::Smtp | MailProvider::Ses | MailProvider::Sendgrid | MailProvider::Mandrill => match reply.code {
            552 | 523 => {
                "the server's limit for one mail, or the account's quota, is too low: ask the mail team for a megabyte at least (postfix `message_size_limit`, exim `message_size_limit`, Exchange `MaxMessageSize`)".to_owned()
            }
            530 => "the server wants a login on this port: use 587 with `smtp.username` and `smtp.password`".to_owned(),
            400..=499 if said.contains("relay server") => {
                "the server takes the login and cannot reach the one behind it: ask the mail team (Dovecot: `submission_relay_host` and its log of this moment)".to_owned()
            }
            400..=499 => "the server defers; try again in some minutes (grey-listing ends by itself), then ask the mail team".to_owned(),
            _ => format!("ask the mail team to let the account send as {from}, or set `smtp.from` to an address that it may use"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> Reply {
        Reply { code, lines: vec![text.to_owned()] }
    }

    #[test]
    fn sendgrid_s_user_is_named_even_where_the_site_calls_it_a_server() {
        let provider = provider(MailProvider::Smtp, "smtp.sendgrid.net");
        let fix = login(&reply(535, "Authentication failed: Bad username / password"), provider, "me@corp.example");
        assert!(fix.contains("`smtp.username: apikey`"), "{fix}");
    }

    #[test]
    fn an_unverified_ses_address_leads_to_domain_and_sandbox() {
        let said =
            "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: a@b.example";
        let fix = refused(&reply(554, said), provider(MailProvider::Smtp, "email-smtp.eu-west-1.amazonaws.com"), "a@b.example");
        assert!(fix.contains("verify the domain of a@b.example") && fix.contains("sandbox"), "{fix}");
    }

    #[test]
    fn login_alone_is_called_by_its_name() {
        let offered = Capabilities { auth: vec!["LOGIN".to_owned()], ..Capabilities::default() };
        assert_eq!(no_plain(&offered).0, "AUTH LOGIN alone is offered, not PLAIN");
    }

    #[test]
    fn a_masked_starttls_is_blamed_on_the_firewall() {
        let offered = Capabilities { keywords: vec!["XXXXXXXA".to_owned()], ..Capabilities::default() };
        assert!(no_starttls(&offered, "mail.example").contains("inspect esmtp"));
    }

    #[test]
    fn what_an_account_lacks_is_told_by_the_words_of_who_says_it() {
        let of_login = |code: u16, text: &str| login(&reply(code, text), MailProvider::Smtp, "me");
        assert!(of_login(451, "Authentication failed: Maximum credits exceeded").contains("credits are used up"));
        let off = "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled";
        assert!(of_login(535, off).contains("Set-CASMailbox"));
        assert!(of_login(534, "5.7.9 Application-specific password required").contains("application password"));
        let of_sender = |code: u16, text: &str| refused(&reply(code, text), MailProvider::Smtp, "a@b.example");
        assert!(of_sender(550, "5.4.5 Daily user sending limit exceeded.").contains("quota is used up"));
        assert!(of_sender(452, "4.3.1 quota exceeded").contains("quota is used up"));
        assert!(of_sender(552, "5.3.4 Message size limit exceeded").contains("limit for one mail"));
        let denied = "5.2.252 SendAsDenied; svc@b.example not allowed to send as a@b.example";
        assert!(of_sender(554, denied).contains("Send As on the mailbox of a@b.example"));
        assert!(of_sender(553, "5.7.1 <a@b.example>: Sender address rejected: not owned by user svc").contains("smtpd_sender_login_maps"));
    }
}
