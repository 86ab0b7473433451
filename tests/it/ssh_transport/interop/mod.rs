//! Servers of other makes and other ages, as jumphost and as node. What works is written down in `docs/interop.md`,
//! which these tests make (`UPDATE_DOCS=1`) and hold against what they see.

mod servers;
mod table;

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::{Error, Exit, Fleet, Negotiated};
use zeroize::Zeroizing;

use crate::ssh_transport::world::{World, script};
use servers::Peer;
use servers::releases::{HARDENED, REFUSED, RELEASES};
use table::Row;

/// What was agreed on with the machine at the end, and its version, after a payload came back and a status was right.
async fn works(fleet: &Fleet, login: &Login, payload: usize) -> Result<(Negotiated, String), Error> {
    let session = fleet.session("node", login).await?;
    let mut script = script("cat; exit 3");
    script.payload = Zeroizing::new((0..=255).cycle().take(payload).collect());
    let output = session.run(&script, &mut |_| {}).await?;
    assert!(output.exit == Exit::Code(3) && output.stdout == script.payload[..], "{} bytes came back", output.stdout.len());
    let again = session.run(&crate::ssh_transport::world::script("echo well"), &mut |_| {}).await?;
    assert_eq!(again.stdout, b"well\n");
    // "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u10": what distributions add changes with each of their updates.
    let version = session.server_version().trim_start_matches("SSH-2.0-").split(' ').next().unwrap_or_default().to_owned();
    Ok((session.negotiated().unwrap(), version))
}

fn through(login: &Login) -> Route {
    Route { hops: vec![Hop { name: "jump".to_owned(), login: login.clone() }] }
}

/// More than any window.
const MUCH: usize = 2_500_000;

/// A server seen as a node that is dialled, as a node behind OpenSSH, and as a jumphost before OpenSSH.
async fn row(world: &World, name: &str, peer: &Peer, note: &str) -> Row {
    let other = servers::openssh(world, "other", "");
    let failed = |role: &str, error: Error| -> ! { panic!("{name} as {role}: {error}") };
    let (agreed, version) = works(&world.fleet(&Route::default()), &peer.login, MUCH).await.unwrap_or_else(|error| failed("node", error));
    works(&world.fleet(&through(&other.login)), &peer.login, MUCH).await.unwrap_or_else(|error| failed("node behind OpenSSH", error));
    works(&world.fleet(&through(&peer.login)), &other.login, MUCH).await.unwrap_or_else(|error| failed("jumphost", error));
    Row { name: name.to_owned(), version, agreed, note: note.to_owned() }
}

#[tokio::test]
async fn servers_of_other_makes_are_jumphosts_and_nodes_as_the_table_says() {
    let world = World::new();
    let rows = vec![
        row(&world, "OpenSSH", &servers::openssh(&world, "stock", ""), "").await,
        row(&world, "Dropbear", &servers::dropbear(&world), "").await,
        row(&world, "AsyncSSH", &servers::asyncssh(&world), "").await,
        row(&world, "libssh", &servers::libssh(&world), "").await,
        row(&world, "paramiko", &servers::paramiko(&world), "").await,
    ];
    assert!(rows[0].agreed.strict, "{:?}", rows[0].agreed);
    table::check("makes", &rows);
}

#[tokio::test]
async fn the_defaults_of_every_release_since_7_4_are_spoken_as_the_table_says() {
    let world = World::new();
    let mut rows = Vec::new();
    let releases = RELEASES.iter().map(|release| (release.name, release.configuration(), release.lacks));
    let hardened = HARDENED.iter().map(|(name, configuration)| (*name, (*configuration).to_owned(), ""));
    for (name, configuration, note) in releases.chain(hardened) {
        // Jumphost and node at once.
        let peer = servers::openssh(&world, "release", &configuration);
        let worked = works(&world.fleet(&through(&peer.login)), &peer.login, 100_000).await;
        let (agreed, version) = worked.unwrap_or_else(|error| panic!("{name}: {error}"));
        rows.push(Row { name: name.to_owned(), version, agreed, note: note.to_owned() });
    }
    assert!(rows.iter().all(|row| row.agreed.strict));
    table::check("releases", &rows);
}

#[tokio::test]
async fn what_is_weak_is_refused_with_what_was_offered() {
    let world = World::new();
    let mut lines = Vec::new();
    for (offered, configuration) in REFUSED {
        let peer = servers::openssh(&world, "weak", configuration);
        let error = world.fleet(&Route::default()).session("node", &peer.login).await.unwrap_err();
        let Error::NoCommonAlgorithm { kind, theirs, .. } = &error else { panic!("{offered}: {error}") };
        assert_eq!(theirs, &[(*offered).to_owned()], "{error}");
        assert!(error.to_string().contains(offered) && error.is_final(), "{error}");
        // It is not weak, and is not called that.
        assert_eq!(error.help().unwrap().contains("weak"), !offered.starts_with("sntrup"), "{:?}", error.help());
        lines.push(format!("| `{offered}` | {kind} | {} |", error.help().unwrap()));
    }
    table::check_lines("refused", &lines);
}

/// No server of another make that speaks it is in Debian 12; the transport's own server half does.
#[tokio::test]
async fn the_post_quantum_exchange_is_taken_where_the_server_has_it() {
    let world = World::new();
    let server = crate::ssh_transport::identity::questioner::Questioner::start(crate::ssh_transport::identity::questioner::Demands {
        methods: vec![russh::MethodKind::PublicKey],
        ..Default::default()
    });
    let server = server.await;
    let login = Login { host_keys: vec![server.host_key.clone()], ..crate::ssh_transport::world::login_at(server.port) };
    let session = world.fleet(&Route::default()).session("node", &login).await.unwrap();
    let agreed = session.negotiated().unwrap();
    assert_eq!((agreed.kex.as_str(), agreed.strict), ("mlkem768x25519-sha256", true));
}
