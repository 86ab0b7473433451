//! The load balancer as users meet it: the first node's nginx stands in its place, well set and badly. Its name is known to the
//! jumphost alone, so that it is met from there.

use super::{Fault, NO_MORE, assert_provoked, finds, serving, turn, with};

const SECTIONS: &str = "load_balancer: {address: a0-1.lab.example, port: 443}\n\
                        connectors: [{name: ad-1, tenant: identity.acme.lab.example, ldap_url: \"ldaps://dc.lab.example\"}]\n";
const RESTART: &str = "systemctl reset-failed nginx; systemctl restart nginx";

#[test]
fn a_load_balancer_that_is_badly_set_is_told_each_of_its_faults() {
    let turn = turn();
    let site = with(&turn, SECTIONS);
    let verify = || turn.events_on(&site, &["verify", "--no-mail", "--limit", "a0-1", "--timeout", "5s"]);
    let good = "location = /testall { return 200 \"OK\"; } location = /lo/hub { return 101; }";
    let fault = Fault::on(&turn, "a0-1", &serving(good), NO_MORE);
    let well = verify();
    turn.shell("a0-1", &serving("location = /testall { return 502; } location = /lo/hub { return 400; }"));
    let make = "cp -p /etc/nginx/conf.d/portcullis.conf /run/nginx.good; \
                sed -i 's/ssl_protocols .*/ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;/; s/return 308 .*/return 200 ok;/' \
                /etc/nginx/conf.d/portcullis.conf; systemctl reset-failed nginx; systemctl restart nginx";
    let set = Fault::on(
        &turn,
        "a0-1",
        make,
        "mv /run/nginx.good /etc/nginx/conf.d/portcullis.conf; systemctl reset-failed nginx; systemctl restart nginx",
    );
    let ill = verify();
    drop(set);
    assert_provoked(&["lb.testall", "lb.ws", "lb.plain-http", "tls.version"], "a0-1.lab.example:443", &ill, &well);

    let (chain, key) = (turn.tls("internet/chain.pem"), turn.tls("internet/key.pem"));
    let make = format!(
        "cd /etc/portcullis/tls; cp -p chain.pem chain.good; cp -p key.pem key.good; printf '%s' '{chain}' >chain.pem; printf '%s' '{key}' >key.pem; {RESTART}"
    );
    let other = Fault::on(
        &turn,
        "a0-1",
        &make,
        "cd /etc/portcullis/tls; mv chain.good chain.pem; mv key.good key.pem; systemctl reset-failed nginx; systemctl restart nginx",
    );
    let ill = verify();
    drop(other);
    assert_provoked(&["lb.host"], "a0-1.lab.example:443", &ill, &well);

    let down = Fault::on(&turn, "a0-1", "systemctl stop nginx", "systemctl reset-failed nginx; systemctl start nginx");
    let ill = verify();
    drop((down, fault));
    assert_provoked(&["lb.tcp"], "a0-1.lab.example:443", &ill, &well);
    assert!(!finds(&well, "lb.tcp", ""));
}
