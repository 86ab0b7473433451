//! Windows on real machines: who gets in, when, to what, and that the door is shut after it whatever happens.
#![expect(clippy::disallowed_methods, reason = "the program itself, and the person's own ssh, are what is tested")]

mod approvals;
mod attempts;
mod authority;
mod beginning;
mod closers;
mod desk;
mod drill;
mod emergency;
mod end;
mod evidence;
mod foreign;
mod hand_made;
mod held_open;
mod killed;
mod left_behind;
mod recording;
mod refused;
mod shared_account;
mod stage;
mod standing;
mod team_ledger;
mod together;
mod way_in;
