//! A hardware key (FIDO) behind an agent, without hardware: an agent of our own that signs as the key would, by
//! OpenSSH's PROTOCOL.u2f and PROTOCOL.agent; the server that verifies it is OpenSSH's.

use std::path::Path;

use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use portcullis::site::model::{Login, Route};
use portcullis::ssh::Error;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::ssh_transport::world::{World, script};

const TYPE: &str = "sk-ssh-ed25519@openssh.com";
const APPLICATION: &str = "ssh:";

/// What the key's owner does when it blinks.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Touches,
    IsAway,
}

struct Token {
    key: PKey<Private>,
    owner: Owner,
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

impl Token {
    fn new(owner: Owner) -> Self {
        Self { key: PKey::generate_ed25519().unwrap(), owner }
    }

    fn public(&self) -> Vec<u8> {
        assert_eq!(self.key.id(), Id::ED25519);
        [string(TYPE.as_bytes()), string(&self.key.raw_public_key().unwrap()), string(APPLICATION.as_bytes())].concat()
    }

    fn authorized_keys_line(&self) -> String {
        use base64::Engine as _;
        format!("{TYPE} {} token\n", base64::engine::general_purpose::STANDARD.encode(self.public()))
    }

    /// The signature of the token, which signs hashes together with who is present and how often it has signed.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let flags = [match self.owner {
            Owner::Touches => 1,
            Owner::IsAway => 0,
        }];
        let counter = 7_u32.to_be_bytes();
        let signed = [&Sha256::digest(APPLICATION)[..], &flags, &counter, &Sha256::digest(message)[..]].concat();
        let mut hand = Signer::new_without_digest(&self.key).unwrap();
        let signature = hand.sign_oneshot_to_vec(&signed).unwrap();
        [string(TYPE.as_bytes()), string(&signature), flags.to_vec(), counter.to_vec()].concat()
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        match request.first() {
            // Which keys are there: one.
            Some(11) => [vec![12], 1_u32.to_be_bytes().to_vec(), string(&self.public()), string(b"token")].concat(),
            Some(13) => {
                let key = self.public();
                assert_eq!(request[5..5 + key.len()], key[..], "another key is asked for");
                let rest = &request[5 + key.len()..];
                let length = usize::try_from(u32::from_be_bytes(rest[..4].try_into().unwrap())).unwrap();
                [vec![14], string(&self.sign(&rest[4..4 + length]))].concat()
            }
            _ => vec![5],
        }
    }

    fn serve(self, socket: &Path) {
        let listener = UnixListener::bind(socket).unwrap();
        let token = std::sync::Arc::new(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, token.clone()));
            }
        });
    }
}

async fn converse(mut stream: UnixStream, token: std::sync::Arc<Token>) {
    while let Ok(length) = stream.read_u32().await {
        let mut request = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut request).await.unwrap();
        if stream.write_all(&string(&token.answer(&request))).await.is_err() {
            return;
        }
    }
}

async fn log_in(owner: Owner) -> Result<(), Error> {
    let world = World::new();
    let (jump, node) = (world.sshd("jump", ""), world.sshd("node", ""));
    let token = Token::new(owner);
    world.write("authorized_keys", &token.authorized_keys_line());
    std::fs::remove_file(world.key()).unwrap();
    let socket = world.path("agent");
    token.serve(&socket);
    let mut settings = world.settings();
    settings.agent_socket = Some(socket);
    let with_agent = |login: Login| Login { agent: true, ..login };
    let mut route = crate::ssh_transport::world::route_through(&jump);
    route.hops[0].login.agent = true;
    for route in [Route::default(), route] {
        let session = world.fleet_with(&route, settings.clone()).session("node", &with_agent(node.login())).await?;
        assert_eq!(session.run(&script("echo well"), &mut |_| {}).await.unwrap().stdout, b"well\n");
    }
    assert!(node.log().contains("ED25519-SK"), "{}", node.log());
    Ok(())
}

#[tokio::test]
async fn a_key_in_hardware_logs_in_at_jumphost_and_node() {
    log_in(Owner::Touches).await.unwrap();
}

#[tokio::test]
async fn a_key_in_hardware_that_nobody_touches_is_refused() {
    let error = log_in(Owner::IsAway).await.unwrap_err();
    assert!(matches!(&error, Error::LoginRefused { tried, .. } if tried[0].method == "agent key token"), "{error}");
}
