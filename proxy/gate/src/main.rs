//! The gate's command.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    poort::cli::Cli::parse().obey()
}
