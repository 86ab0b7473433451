//! The road itself: through hops or without, scripts with payloads, exits, what the way costs.

use portcullis::site::model::Route;
use portcullis::ssh::Exit;
use zeroize::Zeroizing;

use super::world::{World, script};

#[tokio::test]
async fn a_script_runs_on_a_node_behind_the_jumphost() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let fleet = world.fleet_through(&jump);
    let session = fleet.session("node", &node.login()).await.unwrap();
    let mut lines = Vec::new();
    let output =
        session.run(&script("echo one; echo two >&2; printf 'three'; exit 7"), &mut |line| lines.push(line.to_owned())).await.unwrap();
    assert_eq!(output.exit, Exit::Code(7));
    assert_eq!(output.stdout, b"one\nthree");
    assert_eq!(output.stderr_tail.lines().last(), Some("two"));
    assert_eq!(lines, ["one", "three"]);
    assert_eq!(session.round_trips(), 8);
    session.run(&script(":"), &mut |_| {}).await.unwrap();
    assert_eq!(session.round_trips(), 10);
    assert!(session.server_version().starts_with("SSH-2.0-OpenSSH"));
    assert!(session.negotiated().unwrap().strict);
    fleet.close().await;
}

/// The status of a command comes before its output where that waits for a reader.
#[tokio::test]
async fn output_that_comes_after_the_status_is_not_lost() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let session = world.fleet_through(&jump).session("node", &node.login()).await.unwrap();
    let mut lines = 0;
    // Each line is taken slowly, for longer than any silence that ends the output.
    let mut slowly = |_: &str| {
        lines += 1;
        std::thread::sleep(std::time::Duration::from_micros(500));
    };
    let output = session.run(&script("seq 1000000 1010000; exit 4"), &mut slowly).await.unwrap();
    assert_eq!((output.exit, output.stdout.len(), lines), (Exit::Code(4), 80_008, 10_001));
    let late = script("(sleep 1; echo one; sleep 2; echo two) & exit 5");
    let output = session.run(&late, &mut |_| {}).await.unwrap();
    assert_eq!((output.exit, output.stdout), (Exit::Code(5), b"one\ntwo\n".to_vec()));
    let big = session.run(&script("head -c 40000000 /dev/zero"), &mut |_| {}).await.unwrap();
    assert_eq!(big.stdout.len(), 40_000_000);
}

#[tokio::test]
async fn without_hops_the_node_is_dialled_from_here() {
    let world = World::new();
    let node = world.sshd("node", "");
    let session = world.fleet(&Route::default()).session("node", &node.login()).await.unwrap();
    let mut on_line = |_: &str| {};
    assert_eq!(session.run(&script("echo $0"), &mut on_line).await.unwrap().stdout, b"/bin/sh\n");
}

#[tokio::test]
async fn the_payload_arrives_to_the_byte_and_output_comes_back_meanwhile() {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let session = world.fleet_through(&jump).session("node", &node.login()).await.unwrap();
    // More than any window, read and printed at the same time: writing first and reading then would hang.
    let payload: Vec<u8> = (0..12_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut echo = script("cat");
    echo.payload = Zeroizing::new(payload.clone());
    let output = session.run(&echo, &mut |_| {}).await.unwrap();
    assert!(output.stdout == payload, "{} bytes came back", output.stdout.len());
}
