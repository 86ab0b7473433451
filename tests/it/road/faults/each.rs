//! Each fault in turn. With `PORTCULLIS_FAULTS=all` at every step; else at some, so that the time suffices.

use super::{Fault, Subject};

/// Of `count` steps those to be struck: all, or one in `every`, the first among them.
fn some(count: usize, every: usize) -> impl Iterator<Item = usize> {
    let every = if std::env::var_os("PORTCULLIS_FAULTS").is_some_and(|value| value == "all") { 1 } else { every };
    (1..=count).step_by(every)
}

fn strike_each(mut subject: Subject, fault: Fault, every: usize) {
    let steps = subject.count_steps();
    assert!(steps > 15, "{steps} steps are too few");
    for step in some(steps, every) {
        subject.meet(step, fault);
    }
    subject.end();
}

#[test]
fn a_client_that_is_killed_at_any_step_of_the_node_leaves_it_whole_and_the_next_run_finishes() {
    strike_each(Subject::new(false), Fault::ClientKilled, 5);
}

#[test]
fn a_way_that_is_cut_at_any_step_of_the_node_is_found_again_and_the_run_ends_well() {
    strike_each(Subject::new(false), Fault::WayCut, 6);
}

#[test]
fn a_node_that_loses_its_power_at_any_step_is_whole_and_the_next_run_finishes() {
    strike_each(Subject::new(false), Fault::PowerLost, 8);
}

#[test]
fn a_disk_that_is_full_from_any_step_on_leaves_the_node_whole_and_the_next_run_finishes() {
    strike_each(Subject::new(false).on_small_disks(), Fault::DiskFull, 5);
}

#[test]
fn a_client_that_is_killed_at_any_of_its_events_leaves_the_node_whole_and_the_next_run_finishes() {
    let mut subject = Subject::new(false);
    let events = subject.events(usize::MAX);
    assert!(events > 8, "{events} events are too few");
    for event in some(events, 1) {
        subject.events(event);
    }
    subject.end();
}
