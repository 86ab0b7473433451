//! Which machine is meant, and who looks for it: several hops, each under its own name; names that only the hop knows;
//! IPv6; hops of the operator's own configuration.

use portcullis::site::model::{Hop, Login, Route};
use portcullis::ssh::{ClientConfigSource, Error};

use crate::ssh_transport::faults::stingy::Stingy;
use crate::ssh_transport::world::{Sshd, World, free_port, login_at, script};

fn hop(name: &str, port: u16) -> Hop {
    Hop { name: name.to_owned(), login: login_at(port) }
}

/// `known_hosts` with each machine under its own name and its server's key.
fn known(machines: &[(&str, &Sshd, &Sshd)]) -> String {
    let lines: Vec<_> = machines.iter().map(|(name, at, key)| format!("[{name}]:{} {}", at.port, key.host_key)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn of_three_hops_each_is_pinned_under_its_own_name_and_none_is_dialled_past_the_one_before() {
    let world = World::new();
    let talkative = "LogLevel DEBUG1";
    let [one, two, three, node] = ["one", "two", "three", "node"].map(|name| world.sshd(name, talkative));
    let route = Route { hops: vec![hop("hop-1", one.port), hop("hop-2", two.port), hop("hop-3", three.port)] };
    world.write(
        "home/.ssh/known_hosts",
        &known(&[("hop-1", &one, &one), ("hop-2", &two, &two), ("hop-3", &three, &three), ("node", &node, &node)]),
    );
    let fleet = world.fleet(&route);
    let session = fleet.session("node", &login_at(node.port)).await.unwrap();
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
    // Each was asked to forward to the next and to nobody else, and was logged in to once.
    for (before, after) in [(&one, &two), (&two, &three), (&three, &node)] {
        let log = before.log();
        let forwarded: Vec<_> = log.lines().filter(|line| line.contains("server_request_direct_tcpip")).collect();
        assert!(forwarded.len() == 1 && forwarded[0].contains(&format!("target 127.0.0.1 port {}", after.port)), "{forwarded:?}");
        assert_eq!(after.log().matches("Accepted publickey").count(), 1);
    }
    // A key under another hop's name is a changed key, and it is that hop that is named.
    let swapped = known(&[("hop-1", &one, &one), ("hop-2", &two, &three), ("hop-3", &three, &three), ("node", &node, &node)]);
    world.write("home/.ssh/known_hosts", &swapped);
    let error = world.fleet(&route).session("node", &login_at(node.port)).await.unwrap_err();
    let place = error.place().unwrap();
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
    assert_eq!((place.machine.as_str(), place.through.as_deref()), ("hop-2", Some("hop-1")));
}

#[tokio::test]
async fn names_behind_a_hop_are_looked_up_by_the_hop_alone() {
    let world = World::new();
    let node = world.sshd("node", "");
    // A name that no resolver of this machine knows; the jumphost does.
    let jump = Stingy::knowing("node-1.inside.invalid").await;
    let login = Login { address: "node-1.inside.invalid".to_owned(), ..node.login() };
    let fleet = world.fleet(&jump.route());
    let session = fleet.session("node", &login).await.unwrap();
    assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
    assert_eq!(jump.asked_for(), ["node-1.inside.invalid"]);
    assert_eq!(session.place().address, format!("node-1.inside.invalid:{}", node.port));
}

#[tokio::test]
async fn hops_and_nodes_have_ipv6_addresses_too() {
    let world = World::new();
    let (jump_port, node_port) = (free_port(), free_port());
    let jump = world.sshd("jump", &format!("ListenAddress [::1]:{jump_port}"));
    let node = world.sshd("node", &format!("ListenAddress [::1]:{node_port}"));
    // As `ssh` writes it, for a machine whose name is in no file.
    world.write("home/.ssh/known_hosts", &format!("[::1]:{jump_port} {}\n[::1]:{node_port} {}\n", jump.host_key, node.host_key));
    for written in ["::1", "[::1]"] {
        let at = |port| Login { address: written.to_owned(), ..login_at(port) };
        let route = Route { hops: vec![Hop { name: "jump".to_owned(), login: at(jump_port) }] };
        let fleet = world.fleet(&route);
        let session = fleet.session("node", &at(node_port)).await.unwrap();
        assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
        assert_eq!(session.place().to_string(), format!("node ([::1]:{node_port} through jump)"));
    }
    world.write("home/.ssh/known_hosts", "");
    let route = Route { hops: vec![Hop { name: "jump".to_owned(), login: Login { address: "::1".to_owned(), ..login_at(jump_port) } }] };
    let error = world.fleet(&route).session("node", &login_at(node_port)).await.unwrap_err();
    assert!(
        matches!(&error, Error::HostKeyUnknown { shown, .. } if shown.known_hosts_line.starts_with(&format!("[::1]:{jump_port} "))),
        "{error}"
    );
}

#[tokio::test]
async fn a_site_without_hops_goes_the_way_of_the_operators_configuration() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let known = world.write("kh", &format!("[127.0.0.1]:{} {}\n[127.0.0.1]:{} {}\n", jump.port, jump.host_key, node.port, node.host_key));
    let config = format!(
        "Host jump.example\n HostName 127.0.0.1\n Port {}\nHost node.example\n HostName 127.0.0.1\n Port {}\n ProxyJump root@jump.example\n\
         Host *\n User root\n UserKnownHostsFile {}\n IdentityFile {}\n",
        jump.port,
        node.port,
        known.display(),
        world.key().display()
    );
    let mut settings = world.settings();
    settings.client_config = ClientConfigSource::File(world.write("config", &config));
    let login = Login { address: "node.example".to_owned(), user: None, ..login_at(22) };
    let fleet = world.fleet_with(&Route::default(), settings.clone());
    let all = (0..5).map(|_| fleet.session("node", &login));
    for session in futures_util::future::join_all(all).await {
        assert_eq!(session.unwrap().place().through.as_deref(), Some("jump.example"));
    }
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1, "{}", jump.log());
    // The site's own hops win: no way is made of both.
    let other = world.sshd("other", "");
    let known = format!("{}[127.0.0.1]:{} {}\n", std::fs::read_to_string(&known).unwrap(), other.port, other.host_key);
    world.write("kh", &known);
    let route = Route { hops: vec![Hop { name: "other".to_owned(), login: login_at(other.port) }] };
    let by_site = world.fleet_with(&route, settings).session("node", &node.login()).await.unwrap();
    assert_eq!(by_site.place().through.as_deref(), Some("other"));
    assert_eq!(jump.log().matches("Accepted publickey").count(), 1);
}
