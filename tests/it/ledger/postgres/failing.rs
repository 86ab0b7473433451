//! Each way in which a server is of no use is said for what it is, with what to do, and never with a password.

use std::error::Error as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::desk::Desk;
use crate::postgres_server::{PASSWORD, PostgresServer};

/// Runs `audit log` against `url`; what it says, which holds no password.
fn said(desk: &Desk, url: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let said = desk.run_with(variables, &["audit", "log", "--ledger", url]);
    for secret in [PASSWORD, "hunter2"] {
        assert!(!said.stderr.contains(secret) && !said.stdout.contains(secret), "{}", said.stderr);
    }
    (said.code, said.stderr)
}

#[track_caller]
fn assert_said(said: &(i32, String), code: i32, parts: &[&str]) {
    assert_eq!(said.0, code, "{}", said.1);
    for part in parts.iter().chain(&["help: "]) {
        assert!(said.1.contains(part), "`{part}` is missing in {}", said.1);
    }
}

#[test]
fn passwords_come_from_a_reference_the_environment_or_the_password_file() {
    let server = PostgresServer::start();
    let desk = Desk::new(0, "");
    desk.write("password", PASSWORD);
    let pgpass = format!("127.0.0.1:{}:ledger:ada:{}\n", server.port(), PASSWORD.replace(':', "\\:"));
    let by_file = server.tcp("?password=file:password");
    assert_eq!(desk.run(&["access", "list", "--ledger", &by_file]).code, 1, "there is none yet");
    server.sql("postgres", "SELECT 1");
    // The first event makes the ledger: a run that reaches no node is one.
    for (url, variables) in [
        (server.tcp("?password=file:password"), vec![]),
        (server.tcp("?password=env:LEDGER_PASSWORD"), vec![("LEDGER_PASSWORD", PASSWORD)]),
        (server.tcp("?password=cmd:cat%20password"), vec![]),
        (server.tcp(""), vec![("PGPASSWORD", PASSWORD)]),
    ] {
        desk.make_team_ledger(&server);
        let said = said(&desk, &url, &variables);
        assert_eq!(said.0, 0, "{url}: {}", said.1);
    }
    desk.write(".pgpass", &pgpass);
    assert_eq!(said(&desk, &server.tcp(""), &[]).0, 0);
    let file = std::fs::File::open(desk.path(".pgpass")).unwrap();
    std::fs::File::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert_said(&said(&desk, &server.tcp(""), &[]), 1, &["refuses the login", "password missing"]);
}

#[test]
fn a_server_that_is_of_no_use_says_why_and_what_to_do() {
    let server = PostgresServer::start();
    let desk = Desk::new(0, "");
    let say = |url: &str, variables: &[(&str, &str)]| said(&desk, url, variables);
    assert_said(
        &say(&server.tcp(""), &[("PGPASSWORD", "hunter2")]),
        1,
        &["refuses the login", "password authentication failed for user", "?password=env:NAME"],
    );
    assert_said(&say(&server.tcp("?password=env:NO_SUCH"), &[]), 1, &["cannot be had", "the environment variable NO_SUCH is not set"]);
    let other = server.url().replace("/ledger?", "/nothing?");
    assert_said(&say(&other, &[]), 1, &["no such database", "database \"nothing\" does not exist", "CREATE DATABASE"]);
    assert_said(&say("postgresql://ada@127.0.0.1:1/ledger?password=env:USER", &[]), 1, &["cannot be reached", "Connection refused"]);
    assert_said(&say("postgresql://ada@/ledger?host=/nowhere", &[]), 1, &["cannot be reached", "No such file"]);
    assert_said(&say(&server.tcp("?sslmode=verify-full&password=env:USER"), &[]), 1, &["no TLS", "sslrootcert"]);
    assert_said(&say(&server.tcp("?sslmode=verify-full&sslrootcert=nothing.pem"), &[]), 1, &["cannot use", "nothing.pem", "sslrootcert"]);
    assert_said(&say("postgresql://ada:hunter2@127.0.0.1/ledger", &[]), 2, &["a password stands in the ledger's URL", "~/.pgpass"]);
    assert_said(&say("postgresql://ada@127.0.0.1/ledger?password=hunter2", &[]), 2, &["a password stands in the ledger's URL"]);
    let eve = server.url().replace("ada@", "eve@");
    desk.make_team_ledger(&server);
    assert_said(&say(&eve, &[]), 1, &["does not allow to open", "permission denied for schema portcullis", "team-ledger"]);
    server.sql("postgres", "CREATE DATABASE odd OWNER ada ENCODING 'LATIN1' TEMPLATE template0");
    server.sql("postgres", "CREATE DATABASE taken OWNER ada");
    server.sql("taken", "CREATE SCHEMA portcullis AUTHORIZATION ada CREATE TABLE albums (name text)");
    for (name, why) in [("odd", "its encoding is LATIN1"), ("taken", "holds something else")] {
        assert_said(&say(&server.url().replace("/ledger?", &format!("/{name}?")), &[]), 1, &["cannot keep a ledger", why]);
    }
    server.sql("ledger", "UPDATE portcullis.format SET number = 99");
    assert_said(&say(&server.url(), &[]), 1, &["has format 99; this version knows formats up to 1"]);
}

#[test]
fn a_server_has_to_prove_who_it_is_as_far_as_is_demanded() {
    let server = PostgresServer::start();
    let desk = Desk::new(0, "");
    desk.make_team_ledger(&server);
    server.speak_tls(desk.folder());
    let url = |host: &str, more: &str| format!("postgresql://ada@{host}:{}/ledger?password=env:PW&{more}", server.port());
    let say = |url: &str| said(&desk, url, &[("PW", PASSWORD)]);
    for (host, more) in [
        ("localhost", "sslmode=verify-full&sslrootcert=ca.pem"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=ca.pem"),
        ("127.0.0.1", "sslmode=require&sslrootcert=ca.pem"),
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", "sslmode=prefer"),
        ("127.0.0.1", "sslmode=disable"),
        ("localhost", "sslmode=require&channel_binding=require"),
    ] {
        let said = say(&url(host, more));
        assert_eq!(said.0, 0, "{host} {more}: {}", said.1);
    }
    for (host, more) in [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=ca.pem"),
        ("localhost", "sslmode=verify-full"),
        ("localhost", "sslmode=verify-ca"),
        ("localhost", "sslmode=require&sslrootcert=certy.pem"),
    ] {
        assert_said(&say(&url(host, more)), 1, &["no TLS can be spoken", "certificate verify failed", "sslrootcert"]);
    }
    let by_certificate = format!("postgresql://certy@localhost:{}/ledger?sslmode=verify-full&sslrootcert=ca.pem", server.port());
    assert_said(&say(&by_certificate), 1, &["refuses the login"]);
    let said = say(&format!("{by_certificate}&sslcert=certy.pem&sslkey=certy.key"));
    assert_eq!(said.0, 0, "{}", said.1);
}

#[test]
fn whoever_has_no_more_than_the_rights_of_a_writer_appends_and_alters_nothing() {
    let server = PostgresServer::start();
    let desk = Desk::new(0, "");
    desk.make_team_ledger(&server);
    let page = std::fs::read_to_string("docs/howto/team-ledger.md").unwrap();
    let grants = page.split("```sql\n").nth(2).unwrap().split("```").next().unwrap();
    server.sql("ledger", &grants.replace("portcullis_operator", "eve"));
    let eve = server.url().replace("ada@", "eve@");
    assert_eq!(said(&desk, &eve, &[]).0, 0);
    let verdict = desk.run(&["audit", "verify", "--ledger", &eve]);
    assert_eq!(verdict.code, 0, "{}{}", verdict.stdout, verdict.stderr);
    server.sql("ledger", "SET ROLE eve; SELECT count(*) FROM portcullis.events");
    for statement in ["ALTER TABLE portcullis.events DISABLE TRIGGER ALL", "DROP TABLE portcullis.events", "DELETE FROM portcullis.events"]
    {
        assert!(
            server.refused_to("eve", statement).contains("must be owner of table events") || statement.starts_with("DELETE"),
            "{statement}"
        );
    }
}

#[test]
fn completions_do_not_wait_for_a_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();
    let desk = Desk::new(0, &format!("ledger: {{postgres: 'postgresql://ada@127.0.0.1:{silent}/ledger?password=env:USER'}}\n"));
    let began = Instant::now();
    let said = desk.run_with(&[("COMPLETE", "fish")], &["--", "portcullis", "access", "show", ""]);
    assert_eq!((said.code, said.stdout.lines().filter(|line| !line.starts_with('-')).count()), (0, 0), "{}", said.stdout);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn an_error_has_its_cause_and_its_help() {
    let url = "postgresql://ada@127.0.0.1:1/ledger";
    let machine = super::Machine::new(url);
    let error = machine.try_to_open(Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("the ledger's server {url} cannot be reached"));
    assert!(error.source().is_some() && error.help().is_some());
    assert!(Path::new("docs/howto/team-ledger.md").exists());
}
