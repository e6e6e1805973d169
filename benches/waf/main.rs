//! What inspecting one exchange costs: CRS at level 1, phases 1 to 5, on one core.
//!
//! The six examples have goals; beside them, so that nobody tunes to six messages, every request of CRS's own tests and what
//! ordinary applications send. Then what loading CRS costs, in time and in memory, and what a waiting transaction holds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod memory;

use std::{
    cell::RefCell,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use poort_benches::{
    figures::{Figure, report},
    inspection::{inspect, load},
    shared,
    timing::{self, Effort, Spread, median, quantile, thread_time},
    traffic::{EXAMPLES, Exchange, examples, ordinary, regression},
};
use poort_waf::{Program, Transaction, TransactionLimits};

fn main() -> io::Result<()> {
    let (Some(rules), Some(tests), Some(requests)) =
        (shared::path("crs/rules"), shared::path("crs/tests"), shared::path("requests"))
    else {
        return Ok(());
    };
    // First of all, while nothing else has been allocated that could be given back meanwhile.
    let program = loading(&rules)?;
    let examples = examples(&requests)?;
    waiting(&program, &examples)?;
    measure_examples(&program, &examples)?;
    measure_ordinary(&program)?;
    measure_tests(&program, &regression(&tests)?)
}

fn transaction(program: &Arc<Program>) -> Transaction {
    Transaction::new(program.clone(), TransactionLimits::default())
}

/// Time and memory of loading CRS. The files' own bytes are gone when the memory is counted.
fn loading(rules: &Path) -> io::Result<Arc<Program>> {
    const ROUNDS: usize = 9;
    let (program, grown) = memory::growth(|| load(rules).map(Arc::new))?;
    report(&Figure::with_goal("waf/loading CRS, memory", grown / 1e6, "MB", 30.0))?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = thread_time();
        load(rules)?;
        times.push((thread_time() - start).as_secs_f64() * 1e3);
    }
    report(&Figure::with_goal("waf/loading CRS", median(&mut times), "ms", 200.0))?;
    Ok(program)
}

/// Memory of transactions that wait for work: fresh ones, and ones that have seen all examples and keep their buffers.
fn waiting(program: &Arc<Program>, examples: &[Exchange]) -> io::Result<()> {
    // Enough of each that what the allocator had left over does not show.
    const FRESH: usize = 20_000;
    const USED: usize = 200;
    let used = || {
        let mut transaction = transaction(program);
        examples.iter().for_each(|exchange| inspect(&mut transaction, exchange));
        transaction
    };
    // What the program itself keeps of a first exchange is not the transactions'.
    drop(used());
    let (_used, used) = memory::growth(|| Ok((0..USED).map(|_| used()).collect::<Vec<_>>()))?;
    let (_fresh, fresh) =
        memory::growth(|| Ok((0..FRESH).map(|_| transaction(program)).collect::<Vec<_>>()))?;
    report(&Figure::plain("waf/idle transaction, fresh", fresh / FRESH as f64 / 1e3, "kB"))?;
    report(&Figure::plain("waf/idle transaction, used", used / USED as f64 / 1e3, "kB"))
}

fn measure_examples(program: &Arc<Program>, examples: &[Exchange]) -> io::Result<()> {
    let mut transaction = transaction(program);
    for exchange in examples {
        inspect(&mut transaction, exchange);
        let score = transaction.scores().inbound;
        assert_eq!(score > 0, exchange.name == "e_sqli", "{} has score {score}", exchange.name);
    }
    let effort = Effort { warm_up: Duration::from_millis(300), rounds: 21, batches: 21 };
    for ((name, goal), spread) in EXAMPLES.iter().zip(spreads(program, effort, examples)) {
        report(&Figure::with_goal(&format!("waf/{name}"), spread.median, "µs", *goal))?;
        report(&Figure::plain(&format!("waf/{name}, least"), spread.least, "µs"))?;
        report(&Figure::plain(&format!("waf/{name}, p95"), spread.p95, "µs"))?;
    }
    Ok(())
}

/// A figure a shape: the mean over its variants.
fn measure_ordinary(program: &Arc<Program>) -> io::Result<()> {
    let exchanges = ordinary();
    let effort = Effort { warm_up: Duration::from_millis(20), rounds: 7, batches: 3 };
    let spreads = spreads(program, effort, &exchanges);
    let shapes = exchanges.chunk_by(|one, other| one.name == other.name);
    let mut rest = spreads.as_slice();
    for shape in shapes {
        let (variants, others) = rest.split_at(shape.len());
        rest = others;
        let mean = variants.iter().map(|spread| spread.median).sum::<f64>() / shape.len() as f64;
        report(&Figure::plain(&format!("waf/{}", shape[0].name), mean, "µs"))?;
    }
    Ok(())
}

/// CRS's own tests, once each in every round: no time to warm up for one of them, as in the field.
fn measure_tests(program: &Arc<Program>, exchanges: &[Exchange]) -> io::Result<()> {
    const ROUNDS: usize = 7;
    let mut transaction = transaction(program);
    let mut times = vec![Vec::with_capacity(ROUNDS); exchanges.len()];
    for _ in 0..ROUNDS {
        for (exchange, times) in exchanges.iter().zip(&mut times) {
            let start = thread_time();
            inspect(&mut transaction, exchange);
            times.push((thread_time() - start).as_secs_f64() * 1e6);
        }
    }
    let mut each: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let worst = each.iter().zip(exchanges).max_by(|(one, _), (other, _)| one.total_cmp(other));
    if let Some((_, exchange)) = worst {
        writeln!(io::stdout(), "The worst of CRS's tests is {}.", exchange.name)?;
    }
    let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
    report(&Figure::plain("waf/CRS's tests, mean", mean, "µs"))?;
    report(&Figure::plain("waf/CRS's tests, median", median(&mut each), "µs"))?;
    report(&Figure::plain("waf/CRS's tests, p99", quantile(&mut each, 0.99), "µs"))?;
    report(&Figure::plain("waf/CRS's tests, worst", quantile(&mut each, 1.0), "µs"))
}

/// All exchanges in turn, one transaction for all, as a connection has.
fn spreads(program: &Arc<Program>, effort: Effort, exchanges: &[Exchange]) -> Vec<Spread> {
    let transaction = RefCell::new(transaction(program));
    let mut works: Vec<_> =
        exchanges.iter().map(|exchange| || inspect(&mut transaction.borrow_mut(), exchange)).collect();
    let mut works: Vec<&mut dyn FnMut()> = works.iter_mut().map(|work| work as &mut dyn FnMut()).collect();
    timing::in_turn(effort, &mut works)
}
