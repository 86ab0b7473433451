//! A certificate's replacement, node after node: one that does not serve the new chain is put back, and the next is not touched.

use super::stage::operator::Operator;
use super::stage::site_text::SiteText;
use super::stage::standing::lend;
use super::story::served_chain;

const NAME: &str = "manage.acme.lab.example";

#[test]
fn rotation_serves_the_new_chain_on_each_node_and_keeps_the_old_one_for_a_rollback() {
    let nodes = lend::<2>();
    let before = nodes.each_ref().map(|node| node.fingerprint());
    let operator = Operator::with(&SiteText::with_tls(&[&nodes[0], &nodes[1]]));
    operator.run(&["apply", "rotate-tls", "--yes"]).assert_code(0);
    for node in &nodes {
        assert_eq!(served_chain(node, NAME).len(), 3);
    }
    let again = operator.run(&["apply", "rotate-tls", "--yes"]);
    assert_eq!(again.assert_code(0).stdout, "nothing to change: 2 nodes stand as desired\n");
    operator.run(&["rollback", "--yes"]).assert_code(0);
    for (node, before) in nodes.iter().zip(&before) {
        before.assert_same(&node.fingerprint());
    }
}

#[test]
fn a_node_that_serves_another_certificate_is_put_back_and_the_next_is_not_touched() {
    let nodes = lend::<2>();
    let before = nodes.each_ref().map(|node| node.fingerprint());
    let operator = Operator::with(&SiteText::with_tls(&[&nodes[0], &nodes[1]]));
    // nginx takes it, reloads and listens: only a look from outside shows that it is another certificate.
    let other = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).unwrap();
    operator.write("templates/tls/other.pem", other.cert.pem() + &other.signing_key.serialize_pem());
    let server = "server { listen 443 ssl; ssl_certificate /etc/other.pem; ssl_certificate_key /etc/other.pem; }\n";
    operator.write("templates/tls/nginx.conf", server);
    let playbook =
        "name: other\ntitle: t\nincludes: [rotate-tls]\nsteps:\n  - id: other\n    template: {src: tls/other.pem, dest: /etc/other.pem}\n";
    operator.write("playbooks/other.yaml", playbook);
    let run = operator.run(&["apply", "other", "--yes"]);
    run.assert_failed(1, &["serves another certificate than the new one", "rolled back", "was stopped before its turn"]);
    for (node, before) in nodes.iter().zip(&before) {
        before.assert_same(&node.fingerprint());
    }
}
