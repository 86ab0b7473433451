//! Looks for planted secrets in an archive, in every form in which a program may have written them down.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Every file of a tar.gz, by its path below the archive's folder.
pub(super) fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(entry.header().mode().unwrap() & 0o777, 0o600, "{path}");
        files.insert(path.split_once('/').unwrap().1.to_owned(), bytes);
    }
    files
}

/// What gives the secret away: as it is, escaped for JSON and for a URL, and the inside of its base64 at each of three places.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let json = serde_json::to_string(secret).unwrap();
    forms.push(json.trim_matches('"').to_owned());
    let percent = |format: fn(u8) -> String| -> String {
        secret.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format(byte) }).collect()
    };
    forms.extend([percent(|byte| format!("%{byte:02X}")), percent(|byte| format!("%{byte:02x}"))]);
    forms.push(secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat());
    for shift in 0..3 {
        let whole = STANDARD_NO_PAD.encode([&vec![b'x'; shift], secret.as_bytes()].concat());
        let (first, last) = ((shift * 8_usize).div_ceil(6), (shift + secret.len()) * 8 / 6);
        forms.push(whole[first..last].to_owned());
        forms.push(whole[first..last].replace('+', "-").replace('/', "_"));
    }
    forms
}

/// In which files, and in which form, one of the secrets stands; line breaks within are no hiding place.
pub(super) fn found(files: &BTreeMap<String, Vec<u8>>, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, bytes) in files {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let joined: String = text.replace("\\n", "").chars().filter(|c| !c.is_whitespace()).collect();
        for secret in secrets {
            for form in forms(secret) {
                let bare: String = form.chars().filter(|c| !c.is_whitespace()).collect();
                if text.contains(&form) || joined.contains(&bare) {
                    found.push(format!("{path}: {form}"));
                }
            }
        }
    }
    found
}
