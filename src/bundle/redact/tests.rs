//! What goes and what stays, kind by kind; and known secrets however they are written.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn redacted(text: &str) -> String {
    Redactor::new(&[]).redact(text).text
}

#[test]
fn what_looks_like_a_secret_goes() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIhunter2\nhunter2\n-----END PRIVATE KEY-----";
    for text in [
        format!("before\n{pem}\nafter"),
        // A log that begins or ends in the midst of a key.
        format!("MIIhunter2\nhunter2\n{}", "-----END RSA PRIVATE KEY-----\nafter"),
        "x\n-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\nhunter2".to_owned(),
        serde_json::to_string(pem).unwrap(),
        pem.replace(' ', "%20").replace('\n', "%0A"),
        pem.replace(' ', "+").replace('\n', "%0A").replace('-', "%2D"),
        format!("x{}", STANDARD.encode(format!("{pem}")).replace("hunter2", "")),
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nhunter2\n-----END PGP PRIVATE KEY BLOCK-----".to_owned(),
        "Private-Lines: 2\nhunter2\nhunter2\nPrivate-MAC: hunter2\n".to_owned(),
        "AGE-SECRET-KEY-1HUNTER2HUNTER2".to_owned(),
        "proxy is http://ops:hunter2@proxy:3128/".to_owned(),
        "http://ops:p@hunter2@proxy:3128 http://hunter2@proxy".to_owned(),
        r#"{"url":"http:\/\/ops:hunter2@proxy"}"#.to_owned(),
        "http%3A%2F%2Fops%3Ahunter2@proxy".to_owned(),
        "https://user:pa/hunter2@host/".to_owned(),
        "Authorization: Basic aHVudGVyMg== hunter2".to_owned(),
        "proxy-authorization=Bearer hunter2".to_owned(),
        "curl -H 'Authorization: Bearer hunter2'".to_owned(),
        "Bearer hunter2hunter2hunter2hunter2".to_owned(),
        "Set-Cookie: sid=hunter2; Path=/".to_owned(),
        "GET /callback?state=1&access_token=hunter2&x=1".to_owned(),
        "GET /p/ad/hunter2/info".to_owned(),
        "AUTH PLAIN AGh1bnRlcjIAaHVudGVyMg== hunter2".replace(" hunter2", ""),
        "S: 334 VXNlcm5hbWU6\nC: aHVudGVyMg==".to_owned(),
        "[smtp.example.com]:587 apikey:hunter2".to_owned(),
        "root:$6$salt$hunter2:19000:0".to_owned(),
        "root:$y$j9T$salt$hunter2:19000:0".to_owned(),
        "userPassword {SSHA}hunter2".to_owned(),
        "eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyIjoxfQ.hunter2".to_owned(),
        "AKIAHUNTER2HUNTER2AB".to_owned(),
        "SG.hunter2hunter2hunter2.hunter2hunter2hunter2".to_owned(),
        "ghp_hunter2hunter2hunter2hunter2hunter2".to_owned(),
        "md-hunter2hunter2hunter2".to_owned(),
        "password: hunter2".to_owned(),
        "smtp_password = hunter2 with blanks hunter2".to_owned(),
        "DB_PASSWORD='hunter\"2' x".to_owned(),
        r#"{"client_secret": "hunter\"2"}"#.to_owned(),
        r#"{"said": "{\"apiKey\": \"hunter2\"}"}"#.to_owned(),
        "bindpw=1 LDAP_BIND_PASSWORD=[hunter2".to_owned(),
        "password: |\n  hunter2\n  hunter2\nnext: 1".to_owned(),
        "PROVISIONING_TICKET=https://t.example/p/ad/hunter2".to_owned(),
        "mysql --password hunter2 --user x".to_owned(),
        "curl -u ops:hunter2 https://x".to_owned(),
        "sshpass -p hunter2 ssh x".to_owned(),
        "openssl pkcs12 -passout pass:hunter2".to_owned(),
        "user_pass: hunter2".to_owned(),
    ] {
        let left = redacted(&text).to_lowercase();
        for part in ["hunter2", "hunter\"2", "hunter\\\"2", "ahvudgvymg", "agh1bnrlcji", "tfoe", "miihunter"] {
            assert!(!left.contains(part), "{text}\n→ {left}");
        }
        assert!(left.contains("[redacted: "), "{text}\n→ {left}");
    }
}

#[test]
fn what_support_needs_stays() {
    for text in [
        "250-AUTH PLAIN LOGIN\n250 STARTTLS",
        "Failed password for root from 10.0.0.1 port 22 ssh2",
        "Accepted publickey for ops from 10.0.0.1 port 51000 ssh2: ED25519 SHA256:abcdefghijklmnopqrstuvwxyz",
        "smtp: {password: file:secrets/smtp}",
        "sudo_password: env:SUDO_PW",
        "password: prompt",
        "https://manage.acme.example/testall answers 503",
        "ops@jump: permission denied (publickey,password)",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "SHA-256 2f77668a9dfbf8d5848b9eeb4a7145ca94c6ed9236e4a773f6dcafa5132b2f91",
        "0 passed, 3 failed",
    ] {
        assert_eq!(redacted(text), text);
    }
    assert!(redacted("nginx[1]: http://ops:x@proxy:3128/ failed").ends_with("@proxy:3128/ failed"));
    assert_eq!(redacted("a: 1\npassword: |\n  x\n  y\nnext: 1"), "a: 1\npassword: |\n[redacted: password]\nnext: 1");
}

#[test]
fn whoever_s_password_is_a_word_of_ours_spoils_nothing() {
    let secrets = ["secret", "redacted", "site", "of"].map(SecretString::from);
    let redactor = Redactor::new(&secrets);
    let Redacted { text, .. } = redactor.redact("the secret of the site was redacted; sites, soften");
    assert!(!redactor.finds_known(&text), "{text}");
    assert_eq!(text.matches("[redacted: secret of the site]").count(), 5, "{text}");
    assert!(text.ends_with("soften"), "a short one is a whole word: {text}");
}

#[test]
fn each_line_of_a_known_key_is_known() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHunter2xyzHunter2abc\n-----END PRIVATE KEY-----\n";
    let redactor = Redactor::new(&[SecretString::from(key)]);
    let left = redactor.redact("debug: read MC4CAQAwBQYDK2VwBCIEIHunter2xyzHunter2abc from disk").text;
    assert_eq!(left, "debug: read [redacted: secret of the site] from disk");
}

/// As programs write a text down.
fn written(secret: &str) -> Vec<String> {
    let percent = |upper: bool| {
        let one = |byte: &u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        secret.as_bytes().iter().map(one).collect::<String>()
    };
    let mut ways = vec![secret.to_owned(), serde_json::to_string(secret).unwrap(), percent(true), percent(false)];
    ways.push(serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap());
    ways.push(
        secret
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect(),
    );
    ways.push(secret.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect());
    ways.push(secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;"));
    for before in ["", "u", "us"] {
        let bytes = [before.as_bytes(), secret.as_bytes(), b" and more"].concat();
        ways.push(STANDARD.encode(&bytes));
        ways.push(URL_SAFE_NO_PAD.encode(&bytes));
        let wrapped =
            STANDARD.encode(&bytes).as_bytes().chunks(16).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>();
        ways.push(wrapped.join("\n"));
    }
    ways
}

proptest! {
    #[test]
    fn a_known_secret_is_found_however_it_is_written(secret in r"[!-~äß€]{6,24}") {
        let redactor = Redactor::new(&[SecretString::from(secret.clone())]);
        for way in written(&secret) {
            let text = format!("begin\n{way}\nend");
            prop_assert!(redactor.finds_known(&text), "{}", text);
            let left = redactor.redact(&text).text;
            prop_assert!(!redactor.finds_known(&left), "{} → {}", text, left);
            prop_assert!(!left.contains(&secret) && !left.contains(&way), "{} → {}", text, left);
        }
    }

    #[test]
    fn whatever_the_text_it_can_be_redacted(text in r"(?s).{0,400}") {
        let once = redacted(&text);
        prop_assert!(once.chars().all(|c| !is_seal(c)));
    }
}
