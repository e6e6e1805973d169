//! How long a piece of work takes, on one thread or in another process.
//!
//! CPU time, not time of day: on a machine that does other things too, what the scheduler took away is not
//! the work's. Many batches of about a millisecond, and the median of them, so that an interrupt spoils one batch and not the figure.

use std::{io, time::Duration};

use nix::{
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

const BATCHES: usize = 401;
const BATCH: Duration = Duration::from_millis(1);
const WARM_UP: Duration = Duration::from_millis(300);

/// How much of a measurement is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How long each work runs before it counts.
    pub warm_up: Duration,
    /// How often each work has its turn.
    pub rounds: usize,
    /// Batches of about a millisecond in one turn.
    pub batches: usize,
}

/// Microseconds of CPU that one piece of work takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// In the best batch.
    pub least: f64,
    /// The median of the rounds' medians: neither an interrupt nor a bad second moves it.
    pub median: f64,
    /// In all but one of twenty batches.
    pub p95: f64,
}

impl Spread {
    /// Of rounds of batches.
    fn of(rounds: &mut [Vec<f64>]) -> Self {
        let mut medians: Vec<f64> = rounds.iter_mut().map(|round| median(round)).collect();
        let mut all = rounds.concat();
        Self { least: quantile(&mut all, 0.0), median: median(&mut medians), p95: quantile(&mut all, 0.95) }
    }
}

/// Any number of works in turn, round after round, so that whatever slows the machine slows all of them.
pub fn in_turn(effort: Effort, works: &mut [&mut dyn FnMut()]) -> Vec<Spread> {
    let sizes: Vec<usize> = works.iter_mut().map(|work| batch_size(work, effort.warm_up)).collect();
    let mut samples = vec![Vec::with_capacity(effort.rounds); works.len()];
    for _ in 0..effort.rounds {
        for ((work, size), rounds) in works.iter_mut().zip(&sizes).zip(&mut samples) {
            rounds.push((0..effort.batches).map(|_| batch(work, *size)).collect());
        }
    }
    samples.iter_mut().map(|rounds| Spread::of(rounds)).collect()
}

/// Microseconds of CPU that one `work` takes, in the median of many batches.
pub fn micros(mut work: impl FnMut()) -> f64 {
    let size = batch_size(&mut work, WARM_UP);
    let mut batches: Vec<f64> = (0..BATCHES).map(|_| batch(&mut work, size)).collect();
    median(&mut batches)
}

/// Two pieces of work in turn, a batch each, so that whatever slows the machine slows both.
pub fn micros_in_turn(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let effort = Effort { warm_up: WARM_UP, rounds: BATCHES, batches: 1 };
    match in_turn(effort, &mut [&mut first, &mut second])[..] {
        [first, second] => (first.median, second.median),
        _ => (f64::NAN, f64::NAN),
    }
}

/// Microseconds that one of `size` runs takes.
fn batch(work: &mut impl FnMut(), size: usize) -> f64 {
    let start = thread_time();
    (0..size).for_each(|_| work());
    (thread_time() - start).as_secs_f64() * 1e6 / size as f64
}

/// Warms up, and says how many times `work` fits into a batch.
fn batch_size(work: &mut impl FnMut(), warm_up: Duration) -> usize {
    let start = thread_time();
    let mut done = 0u32;
    while thread_time() - start < warm_up || done == 0 {
        work();
        done += 1;
    }
    let each = (thread_time() - start) / done;
    (BATCH.as_nanos() / each.as_nanos().max(1)).clamp(1, 1 << 20) as usize
}

/// The median; zero of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that a share of the others is below; zero of nothing.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The geometric mean of positive numbers, as is right for ratios; one of nothing.
pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len().max(1) as f64).exp()
}

/// CPU time of a process so far, over all its threads, in its own code and in the system's.
///
/// # Errors
/// When it is gone.
pub fn process_time(id: u32) -> io::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(id.cast_signed()))?;
    Ok(clock_gettime(clock)?.into())
}

/// CPU time of this thread. A system without such a clock stops at its start, and measures nothing instead of something else.
pub fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_work_takes_longer() {
        let spin = |rounds: u64| {
            move || {
                std::hint::black_box((0..rounds).fold(0u64, |sum, round| sum ^ std::hint::black_box(round)));
            }
        };
        let (little, much) = micros_in_turn(spin(100), spin(10_000));
        assert!(little > 0.0 && much > 10.0 * little, "{little} {much}");
    }

    #[test]
    fn a_process_has_used_what_its_threads_have() {
        let before = process_time(std::process::id()).unwrap();
        let start = thread_time();
        while thread_time() - start < Duration::from_millis(20) {}
        assert!(process_time(std::process::id()).unwrap() - before >= Duration::from_millis(20));
        // Linux numbers no process beyond 2^22.
        assert!(process_time((1 << 22) + 1).is_err());
    }

    #[test]
    fn half_of_the_batches_are_below_the_median() {
        assert_eq!(median(&mut [5.0, 1.0, 9.0]), 5.0);
        assert_eq!(median(&mut []), 0.0);
        let mut numbers: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.95, 1.0].map(|share| quantile(&mut numbers, share)), [0.0, 50.0, 95.0, 99.0]);
    }

    #[test]
    fn a_bad_round_moves_the_worst_and_not_the_median() {
        let mut rounds = [vec![3.0, 2.0, 4.0], vec![90.0, 80.0, 99.0], vec![2.0, 3.0, 5.0]];
        assert_eq!(Spread::of(&mut rounds), Spread { least: 2.0, median: 3.0, p95: 99.0 });
    }

    #[test]
    fn ratios_are_averaged_so_that_the_inverse_is_too() {
        assert!((geometric_mean(&[2.0, 8.0]) - 4.0).abs() < 1e-12);
        assert!((geometric_mean(&[0.5, 0.125]) - 0.25).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), 1.0);
    }
}
