//! The integration tests: one binary, a module a capability.

// `cfg(test)` tells clippy that helpers of tests are tests.
#[cfg(test)]
mod init;
#[cfg(test)]
mod site_file;
