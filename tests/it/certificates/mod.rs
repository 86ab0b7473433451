//! Certificates as their users meet them: the examples of `certs-examples/`, other implementations on both sides of a
//! PFX, and input made to hurt.

#[cfg(test)]
mod algorithms;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod chosen;
#[cfg(test)]
mod command;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod macless;
#[cfg(test)]
mod of_a_site;
#[cfg(test)]
mod old_keys;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod pbmac1;
#[cfg(test)]
mod placed;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wrong_words;
