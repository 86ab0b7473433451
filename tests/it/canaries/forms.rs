//! A planted secret in each form in which it could show itself, and the search for it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Something in which a secret could be.
#[derive(Debug, Clone)]
pub(super) struct Haystack {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// A secret that was planted, and where.
#[derive(Debug, Clone)]
pub(super) struct Canary {
    pub(super) slot: &'static str,
    pub(super) secret: String,
}

impl Canary {
    /// Long enough not to be met by chance, with letters that URLs, JSON, HTML, shells and base64 write differently.
    pub(super) fn new(slot: &'static str) -> Self {
        Self { slot, secret: format!("Cn7-{slot}\"q\\y/z+w %&<'Vx93") }
    }

    /// The secret as it is, and escaped.
    pub(super) fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        let secret = &self.secret;
        let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
        let html = secret.replace('&', "&amp;").replace('<', "&lt;");
        let mut forms = vec![
            ("raw", secret.clone()),
            ("JSON", json.clone()),
            ("JSON within JSON", serde_json::to_string(&json).unwrap().trim_matches('"').to_owned()),
            ("URL", escaped(secret, |byte| format!("%{byte:02X}"))),
            ("URL in small letters", escaped(secret, |byte| format!("%{byte:02x}"))),
            ("form", escaped(secret, |byte| if byte == b' ' { "+".to_owned() } else { format!("%{byte:02X}") })),
            ("HTML", html.replace('"', "&quot;").replace('\'', "&#39;")),
            ("HTML as Tera writes it", html.replace('"', "&quot;").replace('\'', "&#x27;").replace('/', "&#x2F;")),
            ("HTML text", html),
            ("shell", secret.replace('\'', r"'\''")),
            ("debug", format!("{secret:?}").trim_matches('"').to_owned()),
            ("hex", bytes_as(secret, |byte| format!("{byte:02x}"))),
            ("SHA-256", portcullis::node::sha256_hex(secret.as_bytes())),
            ("base64, whole", STANDARD.encode(secret)),
        ];
        for before in 0..3 {
            forms.extend([
                ("base64", within(secret, before, &STANDARD_NO_PAD)),
                ("base64 of URLs", within(secret, before, &URL_SAFE_NO_PAD)),
            ]);
        }
        forms.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
    }
}

fn escaped(text: &str, escape: impl Fn(u8) -> String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    bytes_as(text, |byte| if plain(byte) { char::from(byte).to_string() } else { escape(byte) })
}

/// A text with something in the place of each byte.
pub(super) fn bytes_as(text: &str, written: impl Fn(u8) -> String) -> String {
    text.bytes().map(written).collect()
}

/// What base64 makes of the text wherever it stands in something longer: `before` bytes are before it, and what those
/// around it take part in is left out.
fn within(text: &str, before: usize, engine: &impl base64::Engine) -> String {
    let encoded = engine.encode([vec![0; before], text.as_bytes().to_vec()].concat());
    let bytes = before + text.len();
    encoded[(before * 8).div_ceil(6)..bytes * 8 / 6].to_owned()
}

/// Each planted secret that is found, in which form and where.
pub(super) fn found(canaries: &[Canary], haystacks: &[Haystack]) -> Vec<String> {
    let needles: Vec<_> =
        canaries.iter().flat_map(|canary| canary.forms().into_iter().map(move |(form, bytes)| (canary, form, bytes))).collect();
    let finders: Vec<_> = needles.iter().map(|(canary, form, bytes)| (canary, form, memchr::memmem::Finder::new(bytes))).collect();
    let mut places = Vec::new();
    for haystack in haystacks {
        for (canary, form, finder) in &finders {
            if finder.find(&haystack.bytes).is_some() {
                places.push(format!("{} ({form}) in {}", canary.slot, haystack.name));
            }
        }
    }
    places
}

#[test]
fn a_secret_planted_anywhere_is_found_in_each_of_its_forms() {
    let canary = Canary::new("sister");
    for (form, bytes) in canary.forms() {
        let planted = Haystack { name: "planted".to_owned(), bytes: [b"before ", bytes.as_slice(), b" after\xff"].concat() };
        let places = found(std::slice::from_ref(&canary), &[planted]);
        assert!(places.contains(&format!("sister ({form}) in planted")), "{form}: {places:?}");
    }
    let login = STANDARD.encode(format!("\0portcullis\0{}", canary.secret));
    let planted = Haystack { name: "a login".to_owned(), bytes: login.into_bytes() };
    assert_ne!(found(std::slice::from_ref(&canary), &[planted]), Vec::<String>::new());
    let clean = Haystack { name: "clean".to_owned(), bytes: b"Cn7-sister is no secret".to_vec() };
    assert_eq!(found(&[canary], &[clean]), Vec::<String>::new());
}
