//! `bundle`: what support needs comes along, and no planted secret does, wherever and however it was planted.

mod hunt;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::node::sha256_hex;
use serde_json::Value;

use super::standing::{Standing, Turn, turn};
use hunt::{found, unpacked};

const STRANGER: &str = "Tr0ub4dor&3-of-a-stranger";
const NOTED: &str = "noted-0n-a-whim";
const IN_ENVIRONMENT: &str = "pr0xy/p@ss:word";
const KEY_BODY: &str = "MC4CAQAwBQYDK2VwBCIEIPlantedPlantedPlantedPlanted012345678";

/// Secrets of the site itself, and those that only the texts know.
fn planted(turn: &Standing) -> Vec<String> {
    let state = |name: &str| std::fs::read_to_string(turn.lab.state_dir().join(name)).unwrap();
    let mut secrets: Vec<String> = ["smtp-password", "sudo-password"].map(|name| state(name).trim().to_owned()).to_vec();
    secrets.extend([STRANGER, NOTED, IN_ENVIRONMENT, KEY_BODY].map(str::to_owned));
    for key in ["tls/key.pem", "id_ed25519"] {
        secrets.extend(state(key).lines().filter(|line| line.len() > 40).map(str::to_owned));
    }
    secrets
}

/// The forms in which a careless program writes a secret of the site to its log, and a stranger's in the usual places.
fn careless(site_secret: &str, key_line: &str) -> String {
    let mut lines = vec![
        format!("the secret is {site_secret}"),
        serde_json::json!({ "said": format!("\"{site_secret}\"") }).to_string(),
        site_secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        format!("key material: {key_line}"),
        format!("http://ops:{STRANGER}@proxy:3128/"),
        format!("password={STRANGER}"),
        format!("-----BEGIN PRIVATE KEY-----\n{KEY_BODY}\n-----END PRIVATE KEY-----"),
    ];
    for before in ["", "x", "xy"] {
        lines.push(format!("blob {}", STANDARD.encode(format!("{before}{site_secret} and more"))));
        lines.push(format!("AUTH PLAIN {}", STANDARD.encode(format!("{before}\0u\0{STRANGER}"))));
    }
    lines.join("\n") + "\n"
}

/// The program as an operator runs it whose environment is careless as well.
#[expect(clippy::disallowed_methods, reason = "the program itself is what is tested")]
fn bundle(turn: &Standing, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    let folder = turn.path("");
    command.arg("bundle").args(arguments).current_dir(&folder).env_clear().env("HOME", &folder).env("USER", "operator");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HTTPS_PROXY", format!("http://ops:{IN_ENVIRONMENT}@proxy.lab.example:3128"));
    command.env("SOME_TOOLS_TOKEN", NOTED).env("LANG", format!("C-{NOTED}"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Plants in the nodes' logs, in Portcullis's own, and in the site file; gives back that file's name.
fn plant(turn: &Turn) -> String {
    let state = |name: &str| std::fs::read_to_string(turn.lab.state_dir().join(name)).unwrap();
    let key = state("tls/key.pem");
    let text = careless(state("smtp-password").trim(), key.lines().nth(3).unwrap());
    let encoded = STANDARD.encode(&text);
    turn.shell("a0-1", &format!("mkdir -p /var/log/nginx; echo {encoded} | base64 -d >>/var/log/nginx/error.log"));
    // Somebody typed the password where the command goes.
    let typed = state("sudo-password");
    let message =
        format!("MESSAGE=sudo: {}: command not found; token: {STRANGER}\nOBJECT_SYSTEMD_UNIT=nginx.service\nPRIORITY=3\n", typed.trim());
    let message = STANDARD.encode(message);
    turn.shell("a0-2", &format!("echo {message} | base64 -d | logger --journald"));
    turn.write("own.log", &format!("{text}sudo: {}\n", state("sudo-password")));
    let noted = turn.site.replacen("environment:", &format!("# the proxy's password is {NOTED}\nenvironment:"), 1);
    turn.write("careless.yaml", &noted).display().to_string()
}

#[test]
fn everything_comes_along_but_the_secrets() {
    let turn = turn();
    let site = plant(&turn);
    let out = turn.path("bundle.tar.gz");
    let log = turn.path("own.log");
    let (code, stdout, stderr) =
        bundle(&turn, &["--site", &site, "--out", out.to_str().unwrap(), "--log-file", log.to_str().unwrap(), "--output", "json"]);
    turn.shell("a0-1", "rm -f /var/log/nginx/error.log; systemctl kill -s USR1 nginx");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&out).unwrap();
    let files = unpacked(&bytes);
    assert_eq!(found(&files, &planted(&turn)), Vec::<String>::new());
    assert_eq!(
        found(&[("answer".to_owned(), [stdout.as_bytes(), stderr.as_bytes()].concat())].into(), &planted(&turn)),
        Vec::<String>::new()
    );

    for path in [
        "README.txt",
        "site.yaml",
        "checks.json",
        "plan.json",
        "here.json",
        "portcullis.log",
        "nodes/a0-1/facts.json",
        "nodes/a0-1/log/nginx.txt",
        "nodes/a0-2/log/nginx.txt",
        "nodes/a0-3/log/ssh.txt",
    ] {
        assert!(files.contains_key(path), "{path} is not in {:?}", files.keys());
    }
    let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
    assert!(text("nodes/a0-1/log/nginx.txt").matches("[redacted: ").count() > 10);
    assert!(text("nodes/a0-3/log/ssh.txt").contains("Accepted publickey"), "what is no secret is there");
    assert!(text("here.json").contains("http://[redacted: login in an address]@proxy.lab.example:3128"), "{}", text("here.json"));
    assert!(text("nodes/a0-1/facts.json").contains("version openssl "), "{}", text("nodes/a0-1/facts.json"));
    let checks: Value = serde_json::from_str(&text("checks.json")).unwrap();
    assert!(checks["checks"].as_array().unwrap().len() > 100);
    let plan: Value = serde_json::from_str(&text("plan.json")).unwrap();
    assert!(plan["nodes"]["a0-1"]["changes"].is_array(), "{plan}");

    let manifest: Value = serde_json::from_str(&text("manifest.json")).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len() + 1, files.len());
    for file in listed {
        let bytes = &files[file["path"].as_str().unwrap()];
        assert_eq!((file["size"].as_u64().unwrap(), file["sha256"].as_str().unwrap()), (bytes.len() as u64, sha256_hex(bytes).as_str()));
    }
    let of_nginx = listed.iter().find(|file| file["path"] == "nodes/a0-1/log/nginx.txt").unwrap();
    assert!(of_nginx["redacted"]["secret of the site"].as_u64().unwrap() >= 5, "{of_nginx}");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((answer["sha256"].as_str().unwrap(), &answer["missing"]), (sha256_hex(&bytes).as_str(), &serde_json::json!([])));

    // It is not written over what is there.
    let (code, _, stderr) = bundle(&turn, &["--out", out.to_str().unwrap(), "--offline"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("exists already") && stderr.contains("--force"), "{stderr}");
    assert_eq!(std::fs::read(&out).unwrap(), bytes);
}

#[test]
fn a_node_that_is_down_is_named_as_missing_and_the_others_are_there() {
    let turn = turn();
    turn.lab.cut("a0-3").unwrap();
    let out = turn.path("two.tar.gz");
    let (code, stdout, stderr) = bundle(&turn, &["--out", out.to_str().unwrap(), "--timeout", "5s"]);
    turn.lab.heal("a0-3").unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("missing    nodes/a0-3/: "), "{stdout}");
    let files = unpacked(&std::fs::read(&out).unwrap());
    assert!(files.contains_key("nodes/a0-1/facts.json") && !files.keys().any(|path| path.starts_with("nodes/a0-3/")));
    let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let missing: Vec<&str> = manifest["missing"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert!(missing.contains(&"nodes/a0-3/") && !missing.iter().any(|path| path.starts_with("nodes/a0-1")), "{missing:?}");
}

#[test]
fn offline_and_without_a_way_what_this_machine_knows_is_there() {
    let turn = turn();
    let out = turn.path("here.tar.gz");
    let (code, stdout, stderr) = bundle(&turn, &["--out", out.to_str().unwrap(), "--offline", "--output", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert!(answer["missing"].as_array().unwrap().iter().any(|missing| missing["path"] == "plan.json"));
    assert!(unpacked(&std::fs::read(&out).unwrap()).contains_key("checks.json"));
    let (code, _, stderr) = bundle(&turn, &["--out", "/nowhere/x.tar.gz", "--offline"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/nowhere/x.tar.gz") && !Path::new("/nowhere").exists(), "{stderr}");
}

/// The hunt itself: in an archive that nobody redacted it finds each secret in each form.
#[test]
fn the_hunt_finds_what_was_not_redacted() {
    let secret = "pl4nted/s?cr\"t ";
    let hidden = [
        secret.to_owned(),
        serde_json::to_string(secret).unwrap(),
        secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        secret
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") })
            .collect(),
        STANDARD.encode(secret),
        STANDARD.encode(format!("x{secret}y")),
        STANDARD.encode(format!("xy{secret}")).replace('+', "-").replace('/', "_"),
        STANDARD
            .encode(format!("xyz{secret}"))
            .as_bytes()
            .chunks(7)
            .map(|line| String::from_utf8_lossy(line))
            .collect::<Vec<_>>()
            .join("\n"),
    ];
    for hidden in hidden {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        let text = format!("before\n{hidden}\nafter");
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, "bundle/log.txt", text.as_bytes()).unwrap();
        let archive = tar.into_inner().unwrap().finish().unwrap();
        let seen = found(&unpacked(&archive), &[secret.to_owned()]);
        assert!(seen.iter().any(|seen| seen.starts_with("log.txt: ")), "{hidden} was not found");
    }
}
