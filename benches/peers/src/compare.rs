//! Engines in turn on the same exchange, and figures of it.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use poort_benches::{
    figures::{Figure, report},
    timing::{Effort, Spread, geometric_mean, in_turn, quantile},
    traffic::Exchange,
};

use crate::engine::Engine;

/// Engines to compare; the first is ours.
pub(crate) type Engines = [Box<dyn Engine>];

/// What is done for one of the few exchanges that have figures of their own.
const CLOSELY: Effort = Effort { warm_up: Duration::from_millis(100), rounds: 15, batches: 3 };

/// What is done for one of many.
const ROUGHLY: Effort = Effort { warm_up: Duration::from_millis(5), rounds: 5, batches: 1 };

/// Figures for each exchange, and the geometric mean of the ratios to each of the others, which `goals` may bound, in the order of
/// the engines after ours.
pub(crate) fn closely(
    engines: &mut Engines,
    exchanges: &[Exchange],
    goals: &[Option<f64>],
) -> io::Result<()> {
    let mut ratios = vec![Vec::new(); engines.len()];
    for exchange in exchanges {
        let spreads = measure(engines, CLOSELY, exchange);
        for ((engine, spread), ratios) in engines.iter().zip(&spreads).zip(&mut ratios) {
            let name = format!("peers/{}, {}", exchange.name, engine.name());
            report(&Figure::plain(&name, spread.median, "µs"))?;
            ratios.push(spread.median / ours(&spreads));
        }
        for (engine, ratios) in engines.iter().zip(&ratios).skip(1) {
            let name = format!("peers/{}, {} over {}", exchange.name, engine.name(), engines[0].name());
            report(&Figure::ratio(&name, ratios[ratios.len() - 1], None))?;
        }
    }
    for ((engine, ratios), goal) in engines.iter().zip(&ratios).skip(1).zip(goals) {
        let name = format!("peers/examples, {} over {}", engine.name(), engines[0].name());
        report(&Figure::ratio(&name, geometric_mean(ratios), *goal))?;
    }
    Ok(())
}

/// The ratios to each of the others over many exchanges: their geometric mean, the least, and what nine in ten exceed.
pub(crate) fn roughly(engines: &mut Engines, what: &str, exchanges: &[Exchange]) -> io::Result<()> {
    let mut ratios = ratios(engines, exchanges);
    for (engine, ratios) in engines.iter().zip(&mut ratios).skip(1) {
        let name = format!("peers/{what}, {} over {}", engine.name(), engines[0].name());
        report(&Figure::ratio(&name, geometric_mean(ratios), None))?;
        report(&Figure::ratio(&format!("{name}, least"), quantile(ratios, 0.0), None))?;
        report(&Figure::ratio(&format!("{name}, p10"), quantile(ratios, 0.1), None))?;
    }
    Ok(())
}

/// The geometric mean of the ratios for each run of exchanges with the same name.
pub(crate) fn by_shape(engines: &mut Engines, exchanges: &[Exchange]) -> io::Result<()> {
    for shape in exchanges.chunk_by(|one, other| one.name == other.name) {
        let ratios = ratios(engines, shape);
        for (engine, ratios) in engines.iter().zip(&ratios).skip(1) {
            let name = format!("peers/{}, {} over {}", shape[0].name, engine.name(), engines[0].name());
            report(&Figure::ratio(&name, geometric_mean(ratios), None))?;
        }
    }
    Ok(())
}

/// For each engine, how many times what each exchange costs ours it costs that engine.
fn ratios(engines: &mut Engines, exchanges: &[Exchange]) -> Vec<Vec<f64>> {
    let mut ratios = vec![Vec::new(); engines.len()];
    for exchange in exchanges {
        let spreads = measure(engines, ROUGHLY, exchange);
        for (ratios, spread) in ratios.iter_mut().zip(&spreads) {
            ratios.push(spread.median / ours(&spreads));
        }
    }
    ratios
}

fn ours(spreads: &[Spread]) -> f64 {
    spreads[0].median
}

fn measure(engines: &mut Engines, effort: Effort, exchange: &Exchange) -> Vec<Spread> {
    let mut works: Vec<_> = engines.iter_mut().map(|engine| || engine.inspect(exchange)).collect();
    let mut works: Vec<&mut dyn FnMut()> = works.iter_mut().map(|work| work as &mut dyn FnMut()).collect();
    in_turn(effort, &mut works)
}

/// Prints what each engine says of each exchange: one that ran no rules would be fast.
pub(crate) fn check(engines: &mut Engines, exchanges: &[Exchange]) -> io::Result<()> {
    for exchange in exchanges {
        for engine in engines.iter_mut() {
            let judgement = engine.judge(exchange);
            let rules: Vec<String> = judgement.rules.iter().map(u64::to_string).collect();
            let (what, who, score) = (&exchange.name, engine.name(), judgement.score);
            writeln!(io::stdout(), "{what:<12} {who:<16} score {score:>3}, rules {}", rules.join(" "))?;
            if (score > 0) != (what == "e_sqli") {
                return Err(io::Error::other(format!("{who} gives {what} a score of {score}")));
            }
        }
    }
    Ok(())
}

/// Prints in how many of the exchanges each engine scores at all, and scores as ours does.
pub(crate) fn agreement(engines: &mut Engines, what: &str, exchanges: &[Exchange]) -> io::Result<()> {
    let mut counts = vec![(0_u32, 0_u32); engines.len()];
    for exchange in exchanges {
        let scores: Vec<_> = engines.iter_mut().map(|engine| engine.judge(exchange).score).collect();
        for (score, (above, same)) in scores.iter().zip(&mut counts) {
            *above += u32::from(*score > 0);
            *same += u32::from(*score == scores[0]);
        }
    }
    let share = |count: u32| f64::from(count) * 100.0 / exchanges.len() as f64;
    for (engine, (above, same)) in engines.iter().zip(counts) {
        let (name, above, same) = (engine.name(), share(above), share(same));
        writeln!(io::stdout(), "{what}: {name:<16} scores {above:.1} %, and as ours does in {same:.1} %")?;
    }
    Ok(())
}
