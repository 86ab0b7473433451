//! Runs that wait to be confirmed: the confirmation lost on its way there or back, late, refused, out of reach.

use std::time::Duration;

use super::super::Course;
use super::toy::{Fate, Toy, World};
use super::{course, run_id};

const PAUSES: [Duration; 3] = [Duration::from_millis(10); 3];

/// What is said of a node whose run waits for half a second, and the state in which it leaves that run.
async fn after(prepare: impl FnOnce(&mut Toy)) -> (&'static str, String, String) {
    let run = run_id();
    let world = World::new(1).with("n1", |toy| {
        toy.guard = Some(Duration::from_millis(500));
        prepare(toy);
    });
    let results = world.run(&Course { pauses: &PAUSES, ..course(&run) }, &[]).await;
    let verdict = &results[0].verdict;
    let state = world.toy("n1", |toy| toy.state(run.as_str()).unwrap_or_default().to_owned());
    (verdict.word(), verdict.describe(), state)
}

#[tokio::test]
async fn a_run_is_confirmed_by_a_new_login() {
    let (word, _, state) = after(|toy| toy.is_cut = true).await;
    assert_eq!((word, state.as_str()), ("changed", "done"));
}

#[tokio::test]
async fn a_confirmation_that_is_lost_on_its_way_is_given_again() {
    let (word, _, state) = after(|toy| toy.confirmations.extend([Fate::LostBefore, Fate::LostBefore])).await;
    assert_eq!((word, state.as_str()), ("changed", "done"));
}

#[tokio::test]
async fn a_confirmation_whose_answer_is_lost_counts_all_the_same() {
    let (word, _, state) = after(|toy| toy.confirmations.push_back(Fate::LostAndDone)).await;
    assert_eq!((word, state.as_str()), ("changed", "done"));
    // Nobody gets through a second time but by the old way: the node says there that it is done.
    let (word, said, state) = after(|toy| toy.confirmations.extend([Fate::LostAndDone].into_iter().chain([Fate::LostBefore; 500]))).await;
    assert_eq!((word, state.as_str()), ("changed", "done"), "{said}");
}

#[tokio::test]
async fn a_node_that_is_not_well_takes_it_back_and_says_why() {
    let (word, said, state) = after(|toy| toy.confirmations.push_back(Fate::Undoes)).await;
    assert_eq!((word, state.as_str()), ("reverted", "reverted"));
    assert!(said.contains("no longer well"), "{said}");
}

#[tokio::test]
async fn where_no_new_login_comes_about_the_old_way_takes_it_back_at_once() {
    let (word, said, state) = after(|toy| toy.unreachable = usize::MAX).await;
    assert_eq!((word, state.as_str()), ("reverted", "reverted"));
    assert!(said.contains("a new login failed") && !said.contains("nobody confirmed"), "{said}");
}

#[tokio::test]
async fn a_confirmation_that_comes_late_finds_it_taken_back() {
    // Neither way works before its time is over, and the new one only after it.
    let (word, said, state) = after(|toy| {
        toy.is_cut = true;
        toy.confirmations.extend([Fate::LostBefore; 40]);
    })
    .await;
    assert_eq!((word, state.as_str()), ("reverted", "reverted"), "{said}");
    assert!(said.contains("nobody confirmed it in time"), "{said}");
}

#[tokio::test]
async fn where_neither_way_ever_works_it_is_not_known_and_said_when_it_will_be() {
    let (word, said, _) = after(|toy| {
        toy.is_cut = true;
        toy.unreachable = usize::MAX;
    })
    .await;
    assert_eq!(word, "guarded");
    assert!(said.contains("takes the run back by itself at 09:12:13 UTC"), "{said}");
}

#[tokio::test]
async fn a_run_whose_own_answer_is_lost_is_found_again_and_confirmed() {
    let (word, _, state) = after(|toy| toy.fates.push_back(Fate::LostAndDone)).await;
    assert_eq!((word, state.as_str()), ("changed", "done"));
    let (word, said, state) = after(|toy| {
        toy.fates.push_back(Fate::LostAndDone);
        toy.confirmations.extend([Fate::LostBefore; 500]);
    })
    .await;
    assert_eq!((word, state.as_str()), ("reverted", "reverted"), "{said}");
}
