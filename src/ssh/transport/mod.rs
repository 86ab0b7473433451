//! The wire: one SSH connection with its channels, what it may negotiate, and the streams that go through it.

mod algorithms;
mod connection;
mod handler;
mod stream;
mod wire;

pub use algorithms::Negotiated;
pub(crate) use connection::Connection;
pub use stream::{BoxedStream, ByteStream};
pub(crate) use stream::{Inbox, Outbox};
