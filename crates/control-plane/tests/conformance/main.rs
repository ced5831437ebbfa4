//! The same cases against our control plane (`ours::…`) and a real kube-apiserver (`real::…`).
//!
//! What a case asserts holds on both; where they differ, the real one is right. Expected texts are written from the
//! real one: `UPDATE_EXPECT=1 cargo test -p control-plane --test conformance -- real::`.
//! Without kube-apiserver and Go the real half is ignored by name; `KLAMM_REQUIRE_APISERVER=1` makes that a failure.

#![expect(
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::duration_suboptimal_units,
    clippy::format_push_string,
    reason = "a case is a list of requests and answers, written as it would be told"
)]

mod apply;
mod crud;
mod custom;
mod delete;
mod discovery;
mod errors;
mod list;
mod ours;
mod patch;
mod server;
mod subresources;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use server::{CaseFn, Context, Servers};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Two cores and one apiserver: more at once only makes each slower.
    arguments.test_threads.get_or_insert(4);
    let servers = Arc::new(Servers::new(arguments.list));
    let mut trials = Vec::new();
    let cases = [
        crud::CASES,
        errors::CASES,
        list::CASES,
        watch::CASES,
        patch::CASES,
        apply::CASES,
        custom::CASES,
        subresources::CASES,
        delete::CASES,
        discovery::CASES,
    ];
    for (name, case) in cases.concat() {
        for real in [false, true] {
            let servers_of_case = Arc::clone(&servers);
            let full = format!("{}::{name}", if real { "real" } else { "ours" });
            let run = move || run(&servers_of_case, real, name, case);
            let trial =
                Trial::test(full, run).with_ignored_flag(real && servers.reference_is_missing());
            trials.push(trial);
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    servers.stop();
    conclusion.exit_code()
}

fn run(servers: &Servers, real: bool, name: &str, case: CaseFn) -> Result<(), Failed> {
    let client = servers.client(real)?;
    servers.runtime().block_on(async move {
        let context = Context::new(client, name).await?;
        case(context).await;
        Ok(())
    })
}
