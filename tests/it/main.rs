//! The integration tests: one binary, a module a capability.

mod init;
mod site_file;
