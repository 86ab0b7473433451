//! The house with the canaries: a lab whose passwords are planted, a site in which every secret has a reference, and an operator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portcullis::disk::{Existing, write_atomically};
use portcullis_lab::{Lab, Options};
use tempfile::TempDir;

use super::forms::{Canary, Haystack, bytes_as};
use super::processes::sh;

/// Every slot that takes a secret, each with a secret of its own; the last ones are wrong.
const SLOTS: [&str; 16] = [
    "passphrase",
    "jump",
    "sudo",
    "key",
    "pfx",
    "smtp",
    "ca",
    "health",
    "bind",
    "proxy",
    "wrong-jump",
    "wrong-key",
    "wrong-sudo",
    "wrong-mail",
    "one-time",
    "loud",
];

/// Those that are given by the environment.
pub(super) const BY_ENVIRONMENT: [&str; 6] = ["sudo", "pfx", "health", "bind", "wrong-sudo", "one-time"];

pub(super) struct House {
    pub(super) lab: Lab,
    pub(super) canaries: Vec<Canary>,
    folder: TempDir,
}

impl House {
    /// Puts up the lab, plants the passwords there, and writes the site files.
    pub(super) fn built() -> Self {
        let lab = Lab::up(&Options { nodes: 1, ..Options::of_this_process("canaries") }).unwrap();
        let house = Self { lab, canaries: SLOTS.map(Canary::new).to_vec(), folder: tempfile::tempdir().unwrap() };
        house.plant();
        house.write_secrets();
        let site = house.site();
        house.write("site.yaml", &site);
        let swap = |name: &str, (from, to): (&str, &str)| {
            assert!(site.contains(from), "{from} is not in the site");
            house.write(name, &site.replace(from, to));
        };
        swap(
            "wrong-jump.yaml",
            (
                "user: ops}",
                "user: opspw, password: \"file:secrets/wrong-jump\", one_time_code: \"env:CANARY_ONE_TIME\", agent: false, identities: []}",
            ),
        );
        swap("wrong-key.yaml", ("cmd:sleep 0.2; cat secrets/passphrase", "file:secrets/wrong-key"));
        swap("wrong-sudo.yaml", ("env:CANARY_SUDO", "env:CANARY_WRONG_SUDO"));
        swap("wrong-mail.yaml", ("file:secrets/smtp", "file:secrets/wrong-mail"));
        swap("no-command.yaml", ("file:secrets/smtp", "cmd:cat secrets/loud; exit 3"));
        house
    }

    fn secret(&self, slot: &str) -> &str {
        &self.canaries.iter().find(|canary| canary.slot == slot).unwrap().secret
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_atomically(&path, text.as_bytes(), 0o600, Existing::Replace).unwrap();
    }

    fn of_lab(&self, name: &str) -> PathBuf {
        self.lab.state_dir().join(name)
    }

    /// A login whose sudo asks for a password, and the mail account's password.
    fn plant(&self) {
        let quoted = |slot: &str| self.secret(slot).replace('\'', r"'\''");
        let key = std::fs::read_to_string(self.of_lab("id_ed25519.pub")).unwrap();
        sh(
            &self.lab,
            "a0-1",
            &format!(
                "useradd --create-home --shell /bin/bash carol && printf '%s\\n' 'carol:{}' | chpasswd && \
             install -d -m 700 -o carol -g carol /home/carol/.ssh && printf '%s' '{key}' >/home/carol/.ssh/authorized_keys && \
             printf 'carol ALL=(ALL:ALL) ALL\\n' >/etc/sudoers.d/carol && chmod 440 /etc/sudoers.d/carol",
                quoted("sudo")
            ),
        );
        sh(&self.lab, "mail", &format!("printf '%s\\n' 'portcullis:{{PLAIN}}{}' >/etc/dovecot/users", quoted("smtp")));
        sh(&self.lab, "jump", &format!("printf '%s\\n' 'opspw:{}' | chpasswd", quoted("jump")));
    }

    fn write_secrets(&self) {
        for canary in &self.canaries {
            self.write(&format!("secrets/{}", canary.slot), &format!("{}\n", canary.secret));
        }
        std::fs::create_dir(self.path("home")).unwrap();
        let identity = self.path("secrets/identity");
        std::fs::copy(self.of_lab("id_ed25519"), &identity).unwrap();
        run(Command::new("ssh-keygen").args(["-q", "-p", "-N", self.secret("passphrase"), "-f"]).arg(&identity));
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(self.path("ada")));
        let password = format!("file:{}", self.path("secrets/key").display());
        let made = ["pkcs8", "-topk8", "-passout", &password, "-in"];
        run(Command::new("openssl").args(made).arg(self.of_lab("tls/key.pem")).arg("-out").arg(self.path("secrets/server.key")));
        for (from, to) in
            [("bundle.pem", "chain.pem"), ("leaf.pem", "leaf.pem"), ("root.pem", "root.pem"), ("proxy-ca.pem", "proxy-ca.pem")]
        {
            std::fs::copy(self.of_lab("tls").join(from), self.path(to)).unwrap();
        }
    }

    fn site(&self) -> String {
        let jump = self.lab.jump_address();
        format!(
            "site: canaries\nenvironment: qa\nsla: standard\nknown_hosts: [\"{}\"]\n\
             ssh: {{identities: [secrets/identity], passphrase: \"cmd:sleep 0.2; cat secrets/passphrase\", agent: false}}\n\
             route: {{hops: [{{name: jump, address: {}, port: {}, user: ops}}]}}\n\
             nodes: [{{name: a0-1, address: 10.77.0.11, user: carol, sudo_password: \"env:CANARY_SUDO\"}}]\n\
             names: {{dashboard: manage.acme.lab.example, configuration: config.acme.lab.example, webtask: webtask.acme.lab.example,\n\
             \x20 tenants: [identity.acme.lab.example], planned: [partners.acme.lab.example]}}\n\
             tls:\n  terminates: appliance\n  certificate: {{files: [chain.pem], key: secrets/server.key, key_password: \"file:secrets/key\", roots: [root.pem]}}\n\
             \x20 pfx: {{password: \"env:CANARY_PFX\"}}\n\
             smtp: {{provider: smtp, host: mail.lab.example, port: 587, username: portcullis, password: \"file:secrets/smtp\",\n\
             \x20 from: noreply@lab.example, starttls: required, ca_certificates: [root.pem]}}\n\
             proxy: {{kind: explicit, url: \"http://proxy.lab.example:3128\", ca_certificates: [proxy-ca.pem], exceptions: [cdn.auth0.com]}}\n\
             connectors: [{{name: ad-1, tenant: identity.acme.lab.example, ldap_url: \"ldap://mail.lab.example\", bind_user: \"cn=reader\", bind_password: \"env:CANARY_BIND\"}}]\n\
             health_key: env:CANARY_HEALTH\n\
             access: {{ca_passphrase: \"cmd:cat secrets/ca\"}}\nledger: {{file: ledger.sqlite}}\n",
            self.of_lab("known_hosts").display(),
            jump.ip(),
            jump.port()
        )
    }

    /// The program, as the operator runs it.
    pub(super) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(words.split(' ')).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.path("home")).env("USER", "operator").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for slot in BY_ENVIRONMENT {
            command.env(format!("CANARY_{}", slot.to_uppercase().replace('-', "_")), self.secret(slot));
        }
        let login = bytes_as(self.secret("proxy"), |byte| format!("%{byte:02X}"));
        command.env("HTTPS_PROXY", format!("http://joe:{login}@127.0.0.1:1"));
        command
    }

    /// All that stands in the operator's folder, but for where the secrets are kept.
    pub(super) fn files(&self) -> Vec<Haystack> {
        let mut found = Vec::new();
        collect(self.folder.path(), self.folder.path(), &mut found);
        found
    }
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Haystack>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && path != root.join("secrets") {
            collect(root, &path, found);
        } else if path.is_file() {
            let name = format!("the file {}", path.strip_prefix(root).unwrap().display());
            found.push(Haystack { name, bytes: std::fs::read(&path).unwrap() });
        }
    }
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
