//! `poort waf`: the rules of inspection, looked at and put to the test.

mod check;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

use super::ConfigArgument;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Load every source's rules; say how many there are, and what should be looked at.
    Check(ConfigArgument),
    /// Run the regression tests of a rule set, in CRS's format, against that set.
    Test(test::Arguments),
}

pub(super) fn obey(verb: Verb) -> ExitCode {
    match verb {
        Verb::Check(ConfigArgument { config }) => check::check(&config),
        Verb::Test(arguments) => test::test(&arguments),
    }
}
