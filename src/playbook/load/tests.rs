use std::path::Path;

use proptest::prelude::*;

use super::judge::{Known, judge};
use super::*;

fn own(text: &str) -> Result<Playbook, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("playbooks")).unwrap();
    let path = folder.path().join("playbooks/mine.yaml");
    crate::disk::write_atomically(&path, text.as_bytes(), 0o644, crate::disk::Existing::Keep).unwrap();
    Library::new(folder.path()).load(&["mine".to_owned()])
}

fn built_in() -> Library {
    Library::new(Path::new("/nonexistent"))
}

// The problems as `LINE:COLUMN message — help`.
fn told(steps: &str) -> Vec<String> {
    let error = own(&format!("name: mine\ntitle: t\n{steps}")).unwrap_err();
    let one = |problem: &FileProblem| {
        format!("{}:{} {} — {}", problem.line, problem.column, problem.message, problem.help.as_deref().unwrap_or_default())
    };
    error.problems().iter().map(one).collect()
}

#[test]
fn every_built_in_playbook_loads() {
    let library = built_in();
    for name in library.names() {
        assert!(!library.load(std::slice::from_ref(&name)).unwrap().steps.is_empty(), "{name}");
    }
}

#[test]
fn bootstrap_has_the_steps_of_all_three() {
    let count = |name: &str| built_in().load(&[name.to_owned()]).unwrap().steps.len();
    assert_eq!(count("bootstrap"), count("tls") + count("smtp") + count("proxy"));
    assert_eq!(built_in().load(&["tls".to_owned(), "rotate-tls".to_owned()]).unwrap().steps.len(), count("tls"));
}

#[test]
fn all_faults_of_a_playbook_are_told_at_once_with_their_places() {
    let found = told(
        "\
includes: [smpt]
rolling: 0
steps:
  - id: a
    when: {rol: node, proxy: explict}
    template: {src: nginx.conf, dst: /etc/a}
  - id: b
    file: {path: etc/b, state: gone}
  - id: c
    servcie: {name: nginx}
  - id: d d
    template: {src: tls/nginx.con, dest: /etc/d, mode: \"0999\", owner: root}
",
    );
    let expected = [
        "3:12 there is no playbook `smpt` — did you mean `smtp`?",
        "4:10 `rolling` must be at least 1, found 0 — ",
        "7:12 `steps[0].when`: unknown key `rol` — did you mean `role`?",
        "7:30 `steps[0].when.proxy` is one of `none`, `explicit`, `transparent`, not `explict` — did you mean `explicit`?",
        "8:16 `steps[0].template`: `dest` is missing — Where it goes; an absolute path. Missing folders are made.",
        "8:33 `steps[0].template`: unknown key `dst` — did you mean `dest`?",
        "10:18 step `b` has the path `etc/b` — it has to be absolute, without `.`, `..`, empty parts or a slash at its end",
        "10:32 `steps[1].file.state` is one of `present`, `absent`, `folder`, not `gone` — ",
        "12:5 `steps[2]`: unknown key `servcie` — did you mean `service`?",
        "13:9 `d d` is no id — use letters, digits and dashes",
        "14:21 step `d d` names the template `tls/nginx.con`, which is not there — did you mean `tls/nginx.conf`?",
        r#"14:56 step `d d` has the mode `0999` — it has to be octal digits in quotes, such as "0644""#,
        "14:71 step `d d` has the owner `root` — it has to be `user:group`",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_needs_the_whole_step_is_told_where_its_shape_is_right() {
    let found = told(
        "\
steps:
  - id: a
  - id: b
    wait: {until: 'true'}
    command: {run: ls}
  - id: c
    command: {run: ls}
  - id: c
    file: {path: /etc/c}
  - id: d
    file: {path: /etc/d, src: x, content: y}
  - id: e
    file: {path: /etc/e, content: y, secret: true}
  - id: f
    service: {name: nginx, after: [g, e, ee]}
  - id: g
    file: {path: \"/etc/e\", state: absent}
  - id: h
    command: {run: \"a\\nb\", creates: x/../y}
  - id: i
    file: {path: \"/etc/new\\nline\", state: absent, mode: \"0644\"}
  - id: j
    service: {name: nginx, state: stopped, listens: [80]}
handouts:
  - {template: proxy/proxy.pa, name: a/b}
",
    );
    let expected = [
        "4:9 step `a` says nothing that is desired — give it one of template, file, pfx, trust, service, command, wait",
        "7:5 step `b` has 2 kinds: command, wait — make a step of each",
        "9:20 step `c` would never run — it needs `creates` or `unless`, or a step before it that changes a file",
        "10:9 step `c` stands already in line 8 — give each step an id of its own",
        "11:18 step `c` says nothing that is desired of the file — give `src` (a local file), `content`, or `mode` and `owner` alone; or say `state: absent` or `state: folder`",
        "13:43 step `d` has both `src` and `content` — keep the one that is meant",
        r#"15:46 step `e` holds a secret, and its mode 0644 lets everybody read it — use "0600" or "0640""#,
        "17:36 step `f` comes after `g`, which is no earlier step of this playbook — move it above this one",
        "17:42 step `f` comes after `ee`, which is no earlier step of this playbook — did you mean `e`?",
        "21:20 step `h` has a `run` of more than one line, or with tabs — join commands with `&&` or `;`, or put them into a script of their own",
        "21:37 step `h` has the path `x/../y` — it has to be absolute, without `.`, `..`, empty parts or a slash at its end",
        "23:18 step `i` has a path with tabs, line breaks or other control characters — use another name",
        "23:43 step `i` has a mode or an owner, and `state: absent` — take one of the two out",
        "25:35 step `j` is to be stopped, and proven to run — take `validate` and `listens` out, or let it run",
        "27:16 there is no template `proxy/proxy.pa` — did you mean `proxy/proxy.pac`?",
        "27:38 a handout's `name` is a file's name, without a folder — ",
    ];
    assert_eq!(found, expected);
}

#[test]
fn two_steps_for_one_place_are_refused_where_both_may_count() {
    let file = |id: &str, when: &str| format!("  - id: {id}\n    when: {when}\n    file: {{path: /etc/x, state: absent}}\n");
    let two = |one: &str, other: &str| own(&format!("name: mine\ntitle: t\nsteps:\n{}{}", file("a", one), file("b", other)));
    assert!(two("{}", "{}").unwrap_err().problems()[0].message.contains("as step `a` does"));
    assert!(two("{role: node}", "{proxy: none}").is_err());
    assert!(two("{proxy: none}", "{proxy: explicit}").is_ok());
    let across = own("name: mine\ntitle: t\nincludes: [smtp]\nsteps:\n  - id: m\n    file: {path: /etc/postfix/main.cf, state: absent}\n");
    assert!(matches!(across, Err(LoadError::TwoForOnePlace { .. })), "{across:?}");
}

#[test]
fn a_misspelt_playbook_gets_a_suggestion_and_a_loop_is_shown() {
    let error = built_in().load(&["bootsrap".to_owned()]).unwrap_err();
    assert!(error.help().unwrap().starts_with("did you mean `bootstrap`?"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("playbooks")).unwrap();
    for (name, other) in [("one", "two"), ("two", "one")] {
        let text = format!("name: {name}\ntitle: t\nincludes: [{other}]\n");
        let path = folder.path().join(format!("playbooks/{name}.yaml"));
        crate::disk::write_atomically(&path, text.as_bytes(), 0o644, crate::disk::Existing::Keep).unwrap();
    }
    let error = Library::new(folder.path()).load(&["one".to_owned()]).unwrap_err();
    assert_eq!(error.problems()[0].message, "`one` includes itself: one → two → one");
    assert!(error.problems()[0].file.ends_with("playbooks/two.yaml"));
}

#[test]
fn what_is_no_playbook_says_what_it_is() {
    for (text, message) in [
        ("", "the file holds no playbook"),
        ("- a\n", "the playbook file: expected a mapping of keys to values, found a list"),
        ("name: mine\n\ttitle: t\n", "a tab where YAML wants spaces"),
        ("name: other\ntitle: t\n", "it calls itself `other`; the file's name says `mine`"),
        ("title: t\n", "`name` is missing"),
    ] {
        let error = own(text).unwrap_err();
        assert_eq!(error.problems()[0].message, message);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(name: mine\n|title: t\n|steps:\n|includes: |handouts:\n|  - id: a\n|  - |    (template|file|command|wait|service|trust|pfx|when): |\\{|\\}|\\[|\\]|: |, |src|dest|path|run|after|mode|state|&a|\\*a|!|\"|'|\t|\n|0644|é|\\PC){0,40}"
    ) {
        let templates = ["tls/nginx.conf".to_owned()];
        let path = ["mine".to_owned()];
        let known = Known { playbooks: &path, templates: &templates, path: &path };
        for problem in judge(Path::new("mine.yaml"), &text, &known).problems {
            prop_assert!(problem.excerpt.get(problem.span.clone()).is_some());
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
    }

    #[test]
    fn a_path_that_is_taken_survives_the_way_to_the_node(path in "/[a-z '\"$`\\\\;&|*?~#é-]{1,20}") {
        let text = format!("name: mine\ntitle: t\nsteps:\n  - id: a\n    file: {{path: {}, state: absent}}\n", serde_json::json!(path));
        let known = Known { playbooks: &[], templates: &[], path: &["mine".to_owned()] };
        let judged = judge(Path::new("mine.yaml"), &text, &known);
        if judged.problems.is_empty() {
            prop_assert_eq!(judged.steps[0].place(), Some(path.as_str()));
        }
    }
}
