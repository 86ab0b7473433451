use proptest::prelude::*;

use super::*;

const ID: &str = "w-20261122-dff457";
const KEY: &str = "SHA256:VFdFLm7NoPQNvpAO6+Y+Ge1NXnXmNJjZiYgILq8ImeY";

fn now() -> Timestamp {
    "2026-11-22T13:00:00Z".parse().unwrap()
}

fn journal(second: i64, process: u32, message: &str) -> String {
    let at = (now().as_second() + second) * 1_000_000 + 250_000;
    serde_json::json!({"__REALTIME_TIMESTAMP": at.to_string(), "_PID": process.to_string(), "MESSAGE": message}).to_string()
}

fn accepted(id: &str, port: u16) -> String {
    format!("Accepted publickey for admin from 10.77.0.2 port {port} ssh2: ED25519-CERT {KEY} ID {id} (serial 7) CA ED25519 SHA256:l7")
}

fn read(form: &str, lines: &[String]) -> Evidence {
    let mut all = Lines::default();
    let keeper = if form == "json" { ("log", "journal", "") } else { ("log", "file", "+0200") };
    all.take(keeper, now());
    for line in lines {
        all.take(("sshd", form, line), now());
    }
    read_lines(&all, ID, KEY)
}

#[test]
fn a_login_is_told_with_where_from_and_how_long_and_another_windows_is_not() {
    let evidence = read(
        "json",
        &[
            journal(0, 318, &accepted(ID, 55206)),
            journal(1, 319, &accepted("w-20261122-dff458", 55207)),
            journal(2, 319, "pam_unix(sshd:session): session closed for user admin"),
            journal(61, 318, "pam_unix(sshd:session): session closed for user admin"),
            // The number is another's now: its end is not the first one's.
            journal(70, 318, &accepted(ID, 55300)),
        ],
    );
    assert_eq!(evidence.kept_by, Keeper::Journal);
    let told: Vec<_> = evidence.logins.iter().map(|login| (login.address.as_str(), login.port, login.seconds())).collect();
    assert_eq!(told, [("10.77.0.2", 55206, Some(61)), ("10.77.0.2", 55300, None)]);
    assert_eq!((evidence.logins[0].account.as_str(), evidence.logins[0].serial.as_str()), ("admin", "7"));
    assert_eq!(evidence.refused, []);
}

#[test]
fn a_refusal_is_told_with_whose_it_was_as_far_as_sshd_says_so() {
    let closed = "Connection closed by authenticating user root 10.77.0.2 port 55238 [preauth]";
    let evidence = read(
        "json",
        &[
            journal(0, 5, "error: Certificate does not contain an authorized principal"),
            journal(1, 5, closed),
            journal(2, 6, &format!("error: Authentication key ED25519-CERT {KEY} revoked by file /etc/ssh/portcullis/krl")),
            journal(3, 7, "error: Authentication key ED25519-CERT SHA256:other revoked by file /etc/ssh/portcullis/krl"),
        ],
    );
    let told: Vec<_> = evidence.refused.iter().map(|refusal| (refusal.account.as_deref(), refusal.is_ours)).collect();
    assert_eq!(told, [(Some("root"), false), (None, true)]);
    assert_eq!(evidence.refused[0].address.as_deref(), Some("10.77.0.2"));
    assert_eq!(evidence.refused[0].why, "Certificate does not contain an authorized principal");
}

#[test]
fn syslog_is_read_in_its_old_form_and_in_its_new_one() {
    let lines = [
        format!("Nov 22 14:25:29 a0-1 sshd[318]: {}", accepted(ID, 1)),
        "2026-11-22T14:26:29.123456+02:00 a0-1 sshd-session[318]: pam_unix(sshd:session): session closed for user admin".to_owned(),
        format!("Dec 31 23:00:00 a0-1 sshd[9]: {}", accepted(ID, 2)),
    ];
    let evidence = read("line", &lines);
    let times: Vec<String> = evidence.logins.iter().map(|login| login.at.to_string()).collect();
    assert_eq!(times, ["2025-12-31T21:00:00Z", "2026-11-22T12:25:29Z"]);
    assert_eq!(evidence.logins[1].seconds(), Some(60));
}

#[test]
fn too_many_lines_are_cut_and_said_to_be() {
    let lines: Vec<String> = (0..600).map(|number| journal(i64::from(number), number, &accepted(ID, 1))).collect();
    let evidence = read("json", &lines);
    assert_eq!((evidence.logins.len(), evidence.omitted), (MOST, 100));
}

proptest! {
    #[test]
    fn whatever_a_log_holds_nothing_is_made_up(lines in prop::collection::vec("\\PC{0,80}", 0..20)) {
        for form in ["json", "line"] {
            prop_assert_eq!(read(form, &lines).logins, []);
        }
    }
}
