use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;

use super::*;
use crate::node::ServiceFact;
use crate::playbook::Library;
use crate::playbook::material::{CertificateText, SmtpMaterial, TlsMaterial};
use crate::site::model::Site;

fn site(nodes: usize, more: &str) -> Site {
    let nodes: Vec<String> =
        (1..=nodes).map(|number| format!("  - {{name: n-{number}, address: 10.{}.{}.1}}\n", number / 250, number % 250)).collect();
    let text = format!(
        "site: shop\nenvironment: production\nroute: {{vpn: true}}\nnodes:\n{}names: {{dashboard: manage.corp.example, configuration: config.corp.example}}\n{more}",
        nodes.concat()
    );
    crate::site::parse(&text, Path::new("/nonexistent/site.yaml")).unwrap()
}

const WHOLE: &str = "tls: {certificate: {files: [a.pem]}}
smtp: {host: m.corp.example, username: u, password: prompt, from: a@corp.example}
proxy: {kind: explicit, url: \"http://proxy.corp.example:3128\"}
load_balancer: {address: lb.corp.example, machines: [{name: lb-1, address: 10.9.9.9}]}
ntp: [ntp.corp.example]
";

// With a PFX whose making is counted.
fn material(made: &Arc<AtomicUsize>) -> Material {
    let made = Arc::clone(made);
    let counted = Box::new(move |_: &SecretString| {
        made.fetch_add(1, Ordering::SeqCst);
        Ok(Zeroizing::new(b"a pfx".to_vec()))
    });
    let tls = TlsMaterial::new(CertificateText::default(), "identity".to_owned(), None, counted);
    let smtp = SmtpMaterial { password: SecretString::from("hunter2"), ca_pem: String::new() };
    Material { tls: Some(tls), smtp: Some(smtp), ..Material::default() }
}

fn templates() -> Templates {
    Templates::parse(Library::new(Path::new("/nonexistent")).templates().unwrap()).unwrap()
}

fn built_in(name: &str) -> Playbook {
    Library::new(Path::new("/nonexistent")).load(&[name.to_owned()]).unwrap()
}

// A playbook of one's own, with these steps.
fn own(steps: &str) -> Playbook {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("playbooks")).unwrap();
    let path = folder.path().join("playbooks/own.yaml");
    let text = format!("name: own\ntitle: t\nsteps:\n{steps}");
    crate::disk::write_atomically(&path, text.as_bytes(), 0o644, crate::disk::Existing::Keep).unwrap();
    Library::new(folder.path()).load(&["own".to_owned()]).unwrap_or_else(|error| panic!("{:?}", error.problems()))
}

fn facts() -> Facts {
    let mut facts = Facts::default();
    facts.machine.insert("init".to_owned(), "systemd".to_owned());
    facts
}

// Of a machine on which nothing of the playbook is there.
fn bare(planner: &Planner<'_>) -> Facts {
    Facts { files: planner.inquiry().files().map(|path| (path.to_owned(), FileFact::Absent)).collect(), ..facts() }
}

fn file(mode: &str, owner: &str) -> FileFact {
    FileFact::File { mode: mode.to_owned(), owner: owner.to_owned(), size: 1, sha256: "cafe".to_owned(), content: None }
}

fn planned(steps: &str, facts: &Facts) -> Result<NodePlan, PlanError> {
    let (site, playbook, templates, material) = (site(1, ""), own(steps), templates(), Material::default());
    Planner::new(&site, &playbook, &templates, &material).plan(&site.nodes[0], facts)
}

#[test]
fn what_is_the_same_for_all_nodes_is_made_once() {
    let made = Arc::new(AtomicUsize::new(0));
    let (playbook, templates, material) = (built_in("bootstrap"), templates(), material(&made));
    for (nodes, once) in [(50, 50), (1000, 1000)] {
        let site = site(nodes, WHOLE);
        let planner = Planner::new(&site, &playbook, &templates, &material);
        let facts = bare(&planner);
        let begun = std::time::Instant::now();
        let plans: Vec<NodePlan> = site.nodes.iter().map(|node| planner.plan(node, &facts).unwrap()).collect();
        println!("{nodes} nodes planned for in {:?}", begun.elapsed());
        let count = playbook.steps.iter().filter(|step| matches!(step.kind, Kind::Template(_))).count();
        // Of all templates, main.cf alone names the node.
        assert!(planner.kitchen.rendered() <= count - 2 + once, "{} for {count} templates", planner.kitchen.rendered());
        assert!(plans.iter().all(|plan| plan.changes.len() == plans[0].changes.len() && plan.changes.len() > 10));
        let main_cf = |plan: &NodePlan| plan.placements.iter().find(|one| one.path.ends_with("main.cf")).unwrap().content.clone();
        assert_ne!(main_cf(&plans[0]), main_cf(&plans[1]));
    }
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn a_step_counts_on_the_machines_that_its_playbook_is_for() {
    let (site, templates, material) = (site(1, WHOLE), templates(), material(&Arc::default()));
    let changes = |playbook: &str, node: &Node| {
        let playbook = built_in(playbook);
        let planner = Planner::new(&site, &playbook, &templates, &material);
        planner.plan(node, &bare(&planner)).unwrap().changes.len()
    };
    let balancer = site.machines().last().unwrap();
    assert_eq!((changes("bootstrap", balancer), changes("load-balancer-haproxy", &site.nodes[0])), (0, 0));
    assert!(changes("load-balancer-haproxy", balancer) > 3 && changes("load-balancer-nginx", balancer) > 3);
    assert!(changes("time", balancer) > 0 && changes("time", &site.nodes[0]) > 0);
}

#[test]
fn mode_and_owner_alone_leave_the_content_where_it_is() {
    let step = "  - id: a\n    file: {path: /etc/a, mode: \"0600\"}\n";
    let with = |fact: FileFact| planned(step, &Facts { files: [("/etc/a".to_owned(), fact)].into(), ..facts() });
    assert!(with(file("600", "root:root")).unwrap().is_empty());
    let plan = with(file("644", "www:www")).unwrap();
    assert_eq!(plan.changes[0].note.as_deref(), Some("644 www:www → 600 www:www"));
    let placed = &plan.placements[0];
    assert!(placed.content.is_empty() && placed.owner == "www:www" && placed.expected == crate::node::Expected::Kept("cafe".to_owned()));
    assert!(with(FileFact::Absent).unwrap_err().to_string().contains("not there"));
    assert!(with(FileFact::Link).is_err());
    let behind = with(FileFact::BehindLink { link: "/etc".to_owned(), is_there: true }).unwrap_err();
    assert!(behind.to_string().contains("/etc/a is behind the symbolic link /etc") && behind.help().unwrap().contains("never followed"));
}

#[test]
fn a_folder_is_made_where_its_guard_does_not_find_it_and_is_quoted() {
    let step = "  - id: a\n    file: {path: \"/srv/it's here\", state: folder, mode: \"0750\", owner: \"www:adm\"}\n";
    let fact = |fact: FileFact| Facts { files: [("/srv/it's here".to_owned(), fact)].into(), ..facts() };
    for in_the_way in [FileFact::Link, FileFact::BehindLink { link: "/srv".to_owned(), is_there: false }, file("644", "root:root")] {
        assert!(planned(step, &fact(in_the_way)).is_err());
    }
    let plan = planned(step, &fact(FileFact::Absent)).unwrap();
    let folder = |mode: Option<&str>, owner: Option<&str>| {
        let (mode, owner) = (mode.map(str::to_owned), owner.map(str::to_owned));
        vec![("a".to_owned(), Action::Folder { path: "/srv/it's here".to_owned(), mode, owner })]
    };
    assert_eq!((plan.actions, plan.changes[0].kind), (folder(Some("0750"), Some("www:adm")), ChangeKind::Folder));
    // One that stands keeps what the step says nothing of.
    let without_owner = "  - id: a\n    file: {path: \"/srv/it's here\", state: folder, mode: \"0750\"}\n";
    let made = planned(without_owner, &fact(FileFact::Absent)).unwrap();
    let changed = planned(without_owner, &fact(FileFact::Other("folder".to_owned()))).unwrap();
    assert_eq!((made.actions, changed.actions), (folder(Some("0750"), Some("root:root")), folder(Some("0750"), None)));
    assert_eq!((changed.changes[0].kind, changed.changes[0].note.as_deref()), (ChangeKind::Modify, Some("folder, to be 750")));
    let playbook = own(step);
    let (site, templates, material) = (site(1, ""), templates(), Material::default());
    let planner = Planner::new(&site, &playbook, &templates, &material);
    let Kind::File(file) = &playbook.steps[0].kind else { panic!() };
    let guard = folder_guard(file);
    let there = Facts { guards: [(guard.clone(), 0)].into(), ..fact(FileFact::Other("folder".to_owned())) };
    assert!(planner.plan(&site.nodes[0], &there).unwrap().is_empty());
    let not_there = Facts { guards: [(guard, 1)].into(), ..fact(FileFact::Absent) };
    assert_eq!(planner.plan(&site.nodes[0], &not_there).unwrap().changes.len(), 1);
}

#[test]
fn what_takes_a_command_back_stands_before_it_and_a_guarded_one_is_run_again() {
    let planned_for = |more: &str, guard: &str| {
        let steps = format!("  - {{id: f, file: {{path: /etc/a, content: x}}}}\n  - id: a\n    command: {{run: load{more}}}\n{guard}");
        let facts = Facts { files: [("/etc/a".to_owned(), FileFact::Absent)].into(), ..facts() };
        let plan = planned(&steps, &facts).unwrap();
        plan.actions.into_iter().map(|(_, action)| action).collect::<Vec<_>>()
    };
    let command = || Action::Command("load".to_owned());
    let refresh = || Action::Refresh("load".to_owned());
    assert_eq!(planned_for("", ""), [command()]);
    assert_eq!(planned_for("", "    guard: 60s\n"), [refresh()]);
    assert_eq!(planned_for(", again_on_undo: false", "    guard: 60s\n"), [command()]);
    assert_eq!(planned_for(", again_on_undo: true", ""), [refresh()]);
    assert_eq!(planned_for(", undo: unload", "    guard: 60s\n"), [Action::Undo("unload".to_owned()), command()]);
}

#[test]
fn a_service_is_stopped_where_it_runs_or_would() {
    let step = "  - id: a\n    service: {name: telnet, state: stopped}\n";
    let with = |active: &str, enabled: &str| {
        let fact = ServiceFact { active: active.to_owned(), enabled: enabled.to_owned() };
        planned(step, &Facts { services: [("telnet".to_owned(), fact)].into(), ..facts() }).unwrap()
    };
    for (active, enabled, changes) in
        [("active", "enabled", 1), ("inactive", "enabled", 1), ("active", "static", 1), ("inactive", "disabled", 0), ("inactive", "", 0)]
    {
        assert_eq!(with(active, enabled).changes.len(), changes, "{active} {enabled}");
    }
    assert_eq!(with("active", "enabled").actions, [("a".to_owned(), Action::Disable("telnet".to_owned()))]);
}

#[test]
fn cas_of_ones_own_are_trusted_and_told_from_those_of_the_proxy() {
    let playbook = own("  - id: a\n    trust: {name: company, files: [a.pem]}\n");
    let (site, templates) = (site(1, ""), templates());
    let material = Material { own_cas: [("company".to_owned(), vec!["one".to_owned(), "two".to_owned()])].into(), ..Material::default() };
    let planner = Planner::new(&site, &playbook, &templates, &material);
    let plan = planner.plan(&site.nodes[0], &bare(&planner)).unwrap();
    let paths: Vec<&str> = plan.placements.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["/usr/local/share/ca-certificates/company-1.crt", "/usr/local/share/ca-certificates/company-2.crt"]);
}

#[test]
fn a_node_without_the_programs_of_a_look_or_a_run_is_told_what_to_install() {
    let (site, playbook, templates, material) =
        (site(1, ""), own("  - {id: a, title: a, file: {path: /etc/a, content: x}}\n"), templates(), Material::default());
    let planner = Planner::new(&site, &playbook, &templates, &material);
    let plan = |lacks: &[&str], there: FileFact| {
        let lacks = lacks.iter().map(|&program| program.to_owned()).collect();
        planner.plan(&site.nodes[0], &Facts { lacks, files: [("/etc/a".to_owned(), there)].into(), ..facts() })
    };
    let as_desired = FileFact::File {
        mode: "644".to_owned(),
        owner: "root:root".to_owned(),
        size: 1,
        sha256: crate::node::sha256_hex(b"x"),
        content: Some(b"x".to_vec()),
    };
    let error = plan(&["flock", "stat"], as_desired.clone()).unwrap_err();
    assert_eq!(error.to_string(), "n-1 has no flock, no stat");
    assert_eq!(error.help().unwrap(), "install on n-1 what they are in (coreutils, util-linux)");
    assert_eq!(plan(&["tar"], FileFact::Absent).unwrap_err().to_string(), "n-1 has no tar");
    assert!(plan(&["tar"], as_desired).unwrap().is_empty());
}
