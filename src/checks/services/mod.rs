//! Services spoken to over a byte stream that the caller opened, from wherever it stands: mail, proxy, directory, names,
//! TLS, and the appliance itself over HTTP.

pub mod directory;
pub mod dns;
pub mod front;
pub mod proxy;
pub mod reach;
pub mod smtp;
pub mod tls;
