//! Connections that are lost before, during and after a machine took what it was told; and locks.

use std::time::Duration;

use super::super::{Course, Order, Stop, WayBack};
use super::toy::{Fate, World, node};
use super::{NO_PAUSES, course, run_id, words};
use crate::node::{KeptRun, Outcome};

async fn after(fates: &[Fate], unreachable: usize) -> (World, &'static str, usize) {
    let run = run_id();
    let world = World::new(1).with("n1", |toy| {
        toy.fates.extend(fates);
        toy.unreachable = unreachable;
    });
    let results = world.run(&course(&run), &[]).await;
    let tellings = world.toy("n1", |toy| toy.tellings);
    (world, words(&results)[0], tellings)
}

#[tokio::test]
async fn what_was_not_taken_yet_is_told_again() {
    assert_eq!(after(&[Fate::LostBefore], 2).await.1, "changed");
    let (toys, word, tellings) = after(&[Fate::LostBefore, Fate::LostAndForgotten], 0).await;
    assert_eq!((word, tellings), ("changed", 3), "{:?}", toys.log());
}

#[tokio::test]
async fn what_was_taken_is_never_told_twice() {
    for (fate, word) in [(Fate::LostAndDone, "changed"), (Fate::LostAndUndone, "undone")] {
        let (_, said, tellings) = after(&[fate], 1).await;
        assert_eq!((said, tellings), (word, 1), "{fate:?}");
    }
}

#[tokio::test]
async fn a_machine_that_lost_its_power_in_the_midst_is_put_right_at_once() {
    let (toys, word, tellings) = after(&[Fate::LosesPower], 2).await;
    assert_eq!((word, tellings), ("undone", 1));
    assert_eq!(toys.toy("n1", |toy| toy.state(run_id().as_str()).map(str::to_owned)).as_deref(), Some("undone"));
}

#[tokio::test]
async fn where_the_way_stays_cut_it_is_not_known_what_became_of_it() {
    assert_eq!(after(&[Fate::LostAndDone], usize::MAX).await.1, "unknown");
    assert_eq!(after(&[Fate::LostBefore], usize::MAX).await.1, "failed");
}

#[tokio::test]
async fn a_way_that_is_lost_time_and_again_is_given_up() {
    let (_, word, tellings) = after(&[Fate::LostAndForgotten; 20], 0).await;
    assert_eq!((word, tellings), ("failed", 4));
}

#[tokio::test]
async fn a_machine_that_hangs_is_not_told_again() {
    let (_, word, tellings) = after(&[Fate::Hangs], 0).await;
    assert_eq!((word, tellings), ("failed", 1));
}

#[tokio::test]
async fn a_lock_is_refused_at_once_or_waited_for_where_that_is_wanted() {
    let run = run_id();
    let held = || World::new(2).with("n1", |toy| toy.held = 4);
    assert_eq!(words(&held().run(&course(&run), &[]).await), ["locked", "changed"]);
    let world = held();
    let wait = Duration::from_mins(1);
    assert_eq!(words(&world.run(&Course { wait, ..course(&run) }, &[]).await), ["changed", "changed"]);
    let told: Vec<String> = world.log().iter().filter(|line| line.contains("Wait")).cloned().collect();
    assert_eq!(told, ["n1 Wait Started eve@laptop (portcullis apply, run 7)"], "said once, with the holder");
}

#[tokio::test]
async fn a_wait_for_a_lock_ends_with_the_wish_to_stop() {
    let run = run_id();
    let world = World::new(1).with("n1", |toy| toy.held = usize::MAX);
    let stop = Stop::default();
    let course = Course { wait: Duration::from_hours(1), ..course(&run) };
    let (results, ()) = tokio::join!(world.run_until(&course, &[], &stop), async {
        while world.order_of("Wait").is_empty() {
            tokio::task::yield_now().await;
        }
        stop.raise();
    });
    assert_eq!(words(&results), ["locked"]);
}

#[tokio::test]
async fn a_rollback_that_was_lost_sight_of_is_asked_about() {
    let run = run_id();
    let stop = Stop::default();
    for fate in [Fate::LostAndDone, Fate::LostBefore, Fate::LostAndForgotten, Fate::Does] {
        let kept = KeptRun { id: run.to_string(), state: "done".into() };
        let world = World::new(1).with("n1", |toy| {
            toy.runs.push(kept);
            toy.rollbacks.push_back(fate);
            toy.unreachable = 2;
        });
        let connect = |node| std::future::ready(world.connect(&node));
        let back = WayBack { way: &connect, pauses: &NO_PAUSES, wait: Duration::ZERO, stop: &stop, sink: &world };
        let outcome = back.put_back(&node("n1"), &world.machine("n1"), Order { run: &run, owner: "ada@desk" }).await.unwrap();
        assert_eq!(outcome, Outcome::RolledBack, "{fate:?}");
    }
}
