//! A real directory: slapd on loopback, in clear and over TLS, with an account that may read, one that may not, and none.

#![expect(clippy::disallowed_methods, reason = "tests write their own files and load a directory's database")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use portcullis::checks::services::directory::{Account, Directory, DirectoryError, bind, search, search_groups};
use portcullis::checks::services::tls::{Distrust, Hello, danger_handshake};
use secrecy::SecretString;

use super::authority::{Authority, now};
use super::peers::{Peer, slapd};

const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const PASSWORD: &str = "b1nd-Me";

/// A directory with one person and their group, an account that may read, one that may not read who is in a group, and one that
/// may read nothing.
fn entries() -> String {
    let account =
        |name: &str| format!("dn: cn={name},dc=corp,dc=example\nobjectClass: person\ncn: {name}\nsn: {name}\nuserPassword: {PASSWORD}\n\n");
    format!(
        "dn: dc=corp,dc=example\nobjectClass: domain\ndc: corp\n\n{}{}{}{}dn: ou=empty,dc=corp,dc=example\nobjectClass: organizationalUnit\nou: empty\n\n\
         dn: cn=staff,dc=corp,dc=example\nobjectClass: groupOfNames\ncn: staff\nmember: cn=alice,dc=corp,dc=example\n",
        account("svc"),
        account("clerk"),
        account("stranger"),
        account("alice")
    )
}

/// Adds the entries to a database, as `slapadd` does before the server starts.
pub(super) fn load(config: &std::path::Path, folder: &std::path::Path) {
    fs::write(folder.join("entries.ldif"), entries()).unwrap();
    let added = Command::new("slapadd").arg("-f").arg(config).arg("-l").arg(folder.join("entries.ldif")).output().unwrap();
    assert!(added.status.success(), "{added:?}");
}

async fn bound(peer: &Peer, user: &str, password: &str) -> Result<Directory<tokio::net::TcpStream>, DirectoryError> {
    let password = SecretString::from(password.to_owned());
    let mut directory = Directory::over(peer.connect().await, PATIENCE);
    bind(&mut directory, Account { user, password: &password }).await?;
    Ok(directory)
}

pub(super) const SERVICE: &str = "cn=svc,dc=corp,dc=example";
/// It may read persons, and not who is in a group.
pub(super) const CLERK: &str = "cn=clerk,dc=corp,dc=example";

#[tokio::test]
async fn an_account_binds_and_finds_persons_and_a_wrong_password_is_refused() {
    let authority = Authority::new("Directory");
    let peer = slapd(&authority.leaf(&["dc.corp.example"]), &authority.intermediate(), false, load);
    let mut directory = bound(&peer, SERVICE, PASSWORD).await.unwrap();
    assert_eq!(search(&mut directory, "dc=corp,dc=example").await.unwrap(), 4);

    let error = bound(&peer, SERVICE, "wrong").await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused { code: 49, .. }) && error.help().contains("bind_password"), "{error}");
    let error = bound(&peer, "no name at all", PASSWORD).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused { code: 34, .. }), "{error}");
}

#[tokio::test]
async fn a_base_that_is_not_there_and_one_without_persons_are_told_apart() {
    let authority = Authority::new("Directory");
    let peer = slapd(&authority.leaf(&["dc.corp.example"]), &authority.intermediate(), false, load);
    let mut directory = bound(&peer, SERVICE, PASSWORD).await.unwrap();
    let error = search(&mut directory, "ou=nowhere,dc=corp,dc=example").await.unwrap_err();
    assert!(matches!(error, DirectoryError::Refused { code: 32, .. }) && error.help().contains("`base`"), "{error}");
    assert!(matches!(search(&mut directory, "ou=empty,dc=corp,dc=example").await, Err(DirectoryError::Nobody)));
    // The connection still stands after a refusal.
    assert_eq!(search(&mut directory, "dc=corp,dc=example").await.unwrap(), 4);

    let mut stranger = bound(&peer, "cn=stranger,dc=corp,dc=example", PASSWORD).await.unwrap();
    assert!(search(&mut stranger, "dc=corp,dc=example").await.is_err(), "who may read nothing finds nobody");
}

#[tokio::test]
async fn groups_are_found_by_who_may_read_their_members_and_by_nobody_else() {
    let authority = Authority::new("Directory");
    let peer = slapd(&authority.leaf(&["dc.corp.example"]), &authority.intermediate(), false, load);
    let mut directory = bound(&peer, SERVICE, PASSWORD).await.unwrap();
    assert_eq!(search_groups(&mut directory, "dc=corp,dc=example").await.unwrap(), 1);
    assert!(matches!(search_groups(&mut directory, "ou=empty,dc=corp,dc=example").await, Err(DirectoryError::NoGroup)));
    let mut clerk = bound(&peer, CLERK, PASSWORD).await.unwrap();
    assert_eq!(search(&mut clerk, "dc=corp,dc=example").await.unwrap(), 4);
    let error = search_groups(&mut clerk, "dc=corp,dc=example").await.unwrap_err();
    assert!(matches!(error, DirectoryError::NoGroup) && error.help().contains("`member`"), "{error}");
}

#[tokio::test]
async fn over_tls_the_same_is_answered_and_a_foreign_ca_is_named() {
    let authority = Authority::new("Directory");
    let peer = slapd(&authority.leaf(&["dc.corp.example"]), &authority.intermediate(), true, load);
    let roots = authority.roots();
    let hello = Hello { name: "dc.corp.example", alpn: &[], roots: &roots, now: now(), within: PATIENCE };
    let (stream, served) = danger_handshake(peer.connect().await, &hello).await.unwrap();
    served.verified.unwrap();
    let password = SecretString::from(PASSWORD);
    let mut directory = Directory::over(stream, PATIENCE);
    bind(&mut directory, Account { user: SERVICE, password: &password }).await.unwrap();
    assert_eq!(search(&mut directory, "dc=corp,dc=example").await.unwrap(), 4);

    let foreign = Authority::new("Another").roots();
    let (_, served) = danger_handshake(peer.connect().await, &Hello { roots: &foreign, ..hello }).await.unwrap();
    assert!(matches!(served.verified, Err(Distrust::ChainIncomplete { .. })), "{:?}", served.verified);
    let (_, served) = danger_handshake(peer.connect().await, &Hello { name: "ldap.corp.example", ..hello }).await.unwrap();
    assert!(matches!(served.verified, Err(Distrust::NameMissing { .. })), "{:?}", served.verified);
    // In clear, the port of TLS answers nothing that is LDAP.
    let error =
        bind(&mut Directory::over(peer.connect().await, PATIENCE), Account { user: SERVICE, password: &password }).await.unwrap_err();
    assert!(matches!(error, DirectoryError::NotLdap | DirectoryError::Network { .. }), "{error}");
}
