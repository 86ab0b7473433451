//! Windows on real machines: who gets in, when, to what, and that the door is shut after it whatever happens.

mod beginning;
mod end;
mod hand_made;
mod killed;
mod refused;
mod stage;
mod way_in;
