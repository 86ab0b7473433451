use std::path::Path;

use clap::Parser;

use super::*;
use crate::certs::testing;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: CertCommand,
}

fn put(path: &Path, content: &[u8]) {
    crate::disk::write_atomically(path, content, 0o600, crate::disk::Existing::Replace).unwrap();
}

/// Exit code, standard output and standard error of one command line.
fn portcullis(folder: &Path, line: &str) -> (u8, String, String) {
    let line = Line::try_parse_from(std::iter::once("cert").chain(line.split_whitespace())).unwrap();
    let secrets = Secrets::new(folder, None);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(
        &line.command,
        &mut CertContext {
            json: false,
            color: false,
            width: usize::MAX,
            now: "2026-12-01T00:00:00Z".parse().unwrap(),
            site: None,
            home: folder,
            secrets: &secrets,
            interactive: false,
            patience: None,
            log: None,
            out: &mut out,
            err: &mut err,
        },
    );
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn secret_references_are_parsed_and_secrets_never_repeated() {
    assert_eq!(secret_ref("env:PW"), Ok(SecretRef::Env("PW".into())));
    assert_eq!(secret_ref("file:/a:b"), Ok(SecretRef::File("/a:b".into())));
    assert_eq!(secret_ref("cmd:pass show x"), Ok(SecretRef::Cmd("pass show x".into())));
    assert_eq!(secret_ref("prompt"), Ok(SecretRef::Prompt));
    assert!(!secret_ref("hunter2").unwrap_err().contains("hunter2"));
    assert!(secret_ref("env:").is_err());
}

#[test]
fn a_missing_file_is_an_error_in_three_parts() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = portcullis(folder.path(), "check /nowhere/chain.pem");
    assert_eq!((code, out.as_str()), (2, ""));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(lines[0], "error: cannot read /nowhere/chain.pem");
    assert!(lines[1].starts_with("  1. No such file"), "{err}");
    assert!(lines[2].starts_with("help: "), "{err}");
}

#[test]
fn a_folder_in_the_place_of_a_file_ends_as_a_missing_file_does() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = portcullis(folder.path(), &format!("check {}", folder.path().display()));
    assert_eq!(code, 2);
    assert!(err.contains("cannot read") && err.contains("name the files in the folder"), "{err}");
}

#[test]
fn a_request_is_written_with_a_private_key_and_never_over_another() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let line = format!("csr --out-dir {}/new --name a.example.com --name *.b.example.com --key-type ecdsa-p256", folder.path().display());
    let (code, out, err) = portcullis(folder.path(), &line);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("a.example.com.csr"), "{out}");
    let key = folder.path().join("new/a.example.com.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, err) = portcullis(folder.path(), &line);
    assert_eq!(code, 2);
    assert!(err.contains("exists already"), "{err}");
}

#[test]
fn without_names_and_site_no_request_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = portcullis(folder.path(), "csr --out-dir x");
    assert_eq!(code, 2);
    assert!(err.contains("--name DNS"), "{err}");
}

#[test]
fn fetching_takes_certificates_from_the_address_named_and_only_when_asked() {
    use crate::certs::testing::{Recipe, authority};
    let folder = tempfile::tempdir().unwrap();
    let root = authority("Root", None);
    let issuing = authority("Issuing", Some(&root));
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/issuing.cer", server.local_addr().unwrap());
    let leaf = Recipe { names: &["a.example.com"], issuer_url: Some(&url), ..Recipe::default() }.make(Some(&issuing));
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        crate::disk::write_atomically(&path, text.as_bytes(), 0o600, crate::disk::Existing::Keep).unwrap();
        path.display().to_string()
    };
    let (leaf, root) = (write("leaf.pem", leaf.pem()), write("root.pem", root.pem()));
    let (code, out, _) = portcullis(folder.path(), &format!("check {leaf} --root {root}"));
    assert_eq!(code, 3);
    assert!(out.contains("cert.chain.incomplete") && out.contains(&url), "{out}");
    let serving = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut connection, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        let count = connection.read(&mut request).unwrap();
        assert!(request[..count].starts_with(b"GET /issuing.cer"));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", issuing.der.len());
        connection.write_all(&[head.as_bytes(), &issuing.der].concat()).unwrap();
    });
    let (code, out, err) = portcullis(folder.path(), &format!("check {leaf} --root {root} --fetch-missing"));
    serving.join().unwrap();
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains(&format!("fetched {url}")), "{err}");
}

/// A folder with `old.pem` and `new.pem`, the same name and key issued twice, `s.key` and `root.pem`.
fn renewed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = testing::authority("Test CA", None);
    let key = Some(testing::ec_key());
    let of = |from, to| testing::Recipe { names: &["a.example.com"], from, to, key: key.clone(), ..testing::Recipe::default() };
    let old = of("20260601000000Z", "20270101000000Z").make(Some(&root));
    let new = of("20261001000000Z", "20270401000000Z").make(Some(&root));
    for (name, text) in [("old.pem", old.pem()), ("new.pem", new.pem()), ("s.key", new.key_pem()), ("root.pem", root.pem())] {
        put(&folder.path().join(name), text.as_ref());
    }
    folder
}

#[test]
fn of_a_certificate_and_its_renewal_the_newer_one_is_taken_and_that_is_said() {
    let folder = renewed();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for files in [["old.pem", "new.pem"], ["new.pem", "old.pem"]] {
        let [one, other] = files.map(path);
        let line = format!("pfx --in {one} {other} {} --root {} --force --out {}", path("s.key"), path("root.pem"), path("x.pfx"));
        let (code, out, err) = portcullis(folder.path(), &line);
        assert_eq!(code, 0, "{out}{err}");
        assert!(err.contains(&format!("the newer one is taken, {}", path("new.pem"))), "{err}");
    }
}

#[test]
fn the_hint_for_a_pfx_of_several_certificates_names_what_works_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        put(&folder.path().join(name), testing::leaf(&[&format!("{name}.example.com")]).pem().as_ref());
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (code, _, err) = portcullis(folder.path(), &format!("pfx --in {} {} --out {}", path("one"), path("two"), path("x.pfx")));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("`--key FILE`") && err.contains("`--in`") && !err.contains("--name"), "{err}");
}

#[test]
fn a_pfx_that_is_written_in_spite_of_errors_says_so_at_its_end() {
    let folder = renewed();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let line = |more: &str| {
        format!("pfx --in {} {} --root {} --force --out {} {more}", path("new.pem"), path("s.key"), path("root.pem"), path("x.pfx"))
    };
    let (code, out, _) = portcullis(folder.path(), &line("--at 2030-01-01"));
    assert_eq!(code, 0, "{out}");
    assert!(out.lines().last().unwrap().starts_with("written, although 1 error was found"), "{out}");
    let (_, out, _) = portcullis(folder.path(), &line("--at 2026-12-01"));
    assert!(!out.contains("although"), "{out}");
}

#[test]
fn whoever_fetched_in_vain_is_not_told_to_fetch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leaf.pem");
    let checked = |url, more: &str| {
        let recipe = testing::Recipe { names: &["a.example.com"], issuer_url: Some(url), ..testing::Recipe::default() };
        put(&path, recipe.make(Some(&testing::authority("Test CA", None))).pem().as_ref());
        let (code, out, err) = portcullis(folder.path(), &format!("check {} {more}", path.display()));
        assert_eq!(code, 3, "{out}");
        (out, err)
    };
    // Nothing listens at port 1.
    let (out, err) = checked("http://127.0.0.1:1/x", "--fetch-missing");
    assert!(err.contains("cannot fetch http:") && out.contains("fetching did not help") && !out.contains("download it from"), "{out}{err}");
    for more in ["", "--fetch-missing"] {
        let (out, _) = checked("ldap://ca.example/x", more);
        assert!(!out.contains("--fetch-missing") && out.contains("ldap://ca.example/x for it, which is not fetched"), "{out}");
    }
}

#[test]
fn what_is_inspected_has_the_role_that_it_says_of_itself() {
    let root = testing::authority("Root", None);
    let issuing = testing::authority("Issuing", Some(&root));
    let roles = |parts: &[String]| {
        let bag = crate::certs::read(&[testing::source("x.pem", parts.concat())], &crate::certs::NoPasswords);
        let found = crate::certs::all_chains(&bag, &crate::certs::Roots::none(), testing::now());
        found.chains.iter().flat_map(show::in_order).map(|(role, _)| role).collect::<Vec<_>>()
    };
    let leaf = testing::Recipe { names: &["a.example.com"], ..testing::Recipe::default() }.make(Some(&issuing));
    assert_eq!(roles(&[leaf.pem(), issuing.pem(), root.pem()]), ["leaf", "intermediate", "root"]);
    assert_eq!(roles(&[issuing.pem(), root.pem()]), ["intermediate", "root"]);
    assert_eq!(roles(&[root.pem(), testing::authority("Other", None).pem()]), ["root", "root"]);
    // Made by `openssl req -x509`, which says of everything that it is a CA.
    let own = testing::Recipe { names: &["a.example.com"], ca: Some(true), ..testing::Recipe::default() }.make(None);
    assert_eq!(roles(&[own.pem()]), ["leaf"]);
}
