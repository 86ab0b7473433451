//! Which node's turn comes when, what a failure stops, and what all or nothing puts back.

use super::super::{Course, Rolling, Stop};
use super::toy::{Fate, World};
use super::{course, run_id, words};
use crate::node::{KeptRun, RunId};

const ROLLING: Rolling = Rolling { size: 2, canary: true };

#[tokio::test]
async fn a_rolling_run_begins_with_one_node_that_has_something_to_do() {
    let run = run_id();
    let world = World::new(6);
    let results = world.run(&Course { rolling: Some(ROLLING), ..course(&run) }, &["n1"]).await;
    assert_eq!(words(&results), ["unchanged", "changed", "changed", "changed", "changed", "changed"]);
    // The canary is done before the next batch begins, and each batch before the one after it.
    let begun = world.order_of("Stage");
    let place = |name: &str| world.log().iter().position(|line| line.starts_with(&format!("{name} Stage"))).unwrap();
    let ended = |name: &str| world.log().iter().position(|line| line.starts_with(&format!("{name} Commit Done"))).unwrap();
    assert_eq!(begun[0], "n2");
    assert!(ended("n2") < place("n3") && ended("n3").max(ended("n4")) < place("n5"), "{:?}", world.log());
}

#[tokio::test]
async fn a_failed_canary_leaves_all_others_untouched() {
    let run = run_id();
    let world = World::new(5).with("n1", |toy| toy.fates.push_back(Fate::Undoes));
    let results = world.run(&Course { rolling: Some(ROLLING), ..course(&run) }, &[]).await;
    assert_eq!(words(&results), ["undone", "skipped", "skipped", "skipped", "skipped"]);
    assert_eq!(world.toy("n2", |toy| toy.tellings), 0);
}

#[tokio::test]
async fn without_a_canary_the_first_batch_is_as_large_as_the_others() {
    let run = run_id();
    let world = World::new(3).with("n2", |toy| toy.fates.push_back(Fate::Undoes));
    let rolling = Some(Rolling { canary: false, ..ROLLING });
    let results = world.run(&Course { rolling, ..course(&run) }, &[]).await;
    assert_eq!(words(&results), ["changed", "undone", "skipped"]);
}

#[tokio::test]
async fn a_gate_that_stays_shut_undoes_the_node_and_stops_the_run() {
    let run = run_id();
    let world = World::new(3);
    let gate = |node: crate::site::model::Node| -> futures_util::future::BoxFuture<'static, Result<(), String>> {
        Box::pin(async move { if node.name == "n2" { Err("no answer on port 443".to_owned()) } else { Ok(()) } })
    };
    let results = world.run(&Course { rolling: Some(Rolling { size: 1, canary: true }), gate: Some(&gate), ..course(&run) }, &[]).await;
    assert_eq!(words(&results), ["changed", "undone", "skipped"]);
    assert!(results[1].verdict.describe().contains("no answer on port 443"));
    assert_eq!(world.toy("n2", |toy| toy.state(run.as_str()).map(str::to_owned)).as_deref(), Some("rolled-back"));
}

#[tokio::test]
async fn a_node_whose_run_nobody_saw_to_its_end_passes_the_gate_before_the_next_is_touched() {
    let (run, earlier) = (run_id(), RunId::parse("20261122T050000.000Z-aaaaaa").unwrap());
    let kept = KeptRun { id: earlier.to_string(), state: "done".into() };
    let gate = |node: crate::site::model::Node| -> futures_util::future::BoxFuture<'static, Result<(), String>> {
        Box::pin(async move { if node.name == "n1" { Err("no answer on port 443".to_owned()) } else { Ok(()) } })
    };
    let unseen = ["n1".to_owned()];
    let rolling = Some(Rolling { size: 1, canary: true });
    for (unseen, expected) in [(&unseen[..], ["undone", "skipped"]), (&[], ["unchanged", "changed"])] {
        let world = World::new(2).with("n1", |toy| toy.runs.push(kept.clone()));
        let results = world.run(&Course { rolling, gate: Some(&gate), unseen, ..course(&run) }, &["n1"]).await;
        assert_eq!(words(&results), expected);
        let state = world.toy("n1", |toy| toy.state(earlier.as_str()).map(str::to_owned));
        assert_eq!(state.as_deref(), Some(if unseen.is_empty() { "done" } else { "rolled-back" }));
    }
}

#[tokio::test]
async fn all_or_nothing_puts_back_the_nodes_that_were_done_the_newest_first() {
    let run = run_id();
    let world = World::new(4).with("n4", |toy| toy.fates.push_back(Fate::Undoes));
    let rolling = Some(Rolling { size: 1, canary: true });
    let results = world.run(&Course { rolling, all_or_nothing: true, ..course(&run) }, &["n2"]).await;
    assert_eq!(words(&results), ["rolled-back", "unchanged", "rolled-back", "undone"]);
    assert_eq!(world.order_of("Undo Done"), ["n3", "n1"]);
    assert_eq!(world.toy("n1", |toy| toy.state(run.as_str()).map(str::to_owned)).as_deref(), Some("rolled-back"));
}

#[tokio::test]
async fn what_cannot_be_put_back_is_named() {
    let run = run_id();
    let world = World::new(3).with("n1", |toy| toy.rollbacks.push_back(Fate::Undoes)).with("n3", |toy| toy.fates.push_back(Fate::Undoes));
    let results = world.run(&Course { all_or_nothing: true, ..course(&run) }, &[]).await;
    assert_eq!(words(&results), ["left-changed", "rolled-back", "undone"]);
    assert!(results[0].verdict.describe().contains("/etc/s"), "{}", results[0].verdict.describe());
}

#[tokio::test]
async fn all_or_nothing_goes_back_behind_the_run_that_was_taken_up() {
    let (run, earlier) = (run_id(), RunId::parse("20261122T050000.000Z-aaaaaa").unwrap());
    let kept = KeptRun { id: earlier.to_string(), state: "done".into() };
    let world = World::new(2).with("n1", |toy| toy.runs.push(kept)).with("n2", |toy| toy.fates.push_back(Fate::Undoes));
    let takes_up = [earlier.clone()];
    let results = world.run(&Course { all_or_nothing: true, takes_up: &takes_up, ..course(&run) }, &["n1"]).await;
    assert_eq!(words(&results), ["rolled-back", "undone"]);
    assert_eq!(world.toy("n1", |toy| toy.state(earlier.as_str()).map(str::to_owned)).as_deref(), Some("rolled-back"));
}

#[tokio::test]
async fn the_wish_to_stop_keeps_nodes_from_beginning() {
    let run = run_id();
    let world = World::new(3);
    let stop = Stop::default();
    stop.raise();
    let results = world.run_until(&course(&run), &["n2"], &stop).await;
    assert_eq!(words(&results), ["skipped", "unchanged", "skipped"]);
}

#[tokio::test]
async fn of_fifty_nodes_five_that_died_cost_nobody_else_anything() {
    let run = run_id();
    let mut world = World::new(50);
    for number in [3, 9, 20, 21, 50] {
        world = world.with(&format!("n{number}"), |toy| {
            toy.fates.push_back(Fate::LostBefore);
            toy.unreachable = usize::MAX;
        });
    }
    let results = world.run(&Course { forks: 10, ..course(&run) }, &[]).await;
    let dead: Vec<&str> = results.iter().filter(|result| !result.verdict.is_good()).map(|result| result.node.name.as_str()).collect();
    assert_eq!(dead, ["n3", "n9", "n20", "n21", "n50"]);
    assert!(results.iter().filter(|result| dead.contains(&result.node.name.as_str())).all(|result| result.verdict.word() == "failed"));
}
