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

/// Microseconds of CPU that one `work` takes, in the median of many batches.
pub fn micros(mut work: impl FnMut()) -> f64 {
    let size = batch_size(&mut work);
    let mut batches: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = thread_time();
            (0..size).for_each(|_| work());
            (thread_time() - start).as_secs_f64() * 1e6 / size as f64
        })
        .collect();
    median(&mut batches)
}

/// Two pieces of work in turn, a batch each, so that whatever slows the machine slows both.
pub fn micros_in_turn(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let sizes = (batch_size(&mut first), batch_size(&mut second));
    let (mut firsts, mut seconds) = (Vec::with_capacity(BATCHES), Vec::with_capacity(BATCHES));
    for _ in 0..BATCHES {
        let start = thread_time();
        (0..sizes.0).for_each(|_| first());
        let middle = thread_time();
        (0..sizes.1).for_each(|_| second());
        firsts.push((middle - start).as_secs_f64() * 1e6 / sizes.0 as f64);
        seconds.push((thread_time() - middle).as_secs_f64() * 1e6 / sizes.1 as f64);
    }
    (median(&mut firsts), median(&mut seconds))
}

/// Warms up, and says how many times `work` fits into a batch.
fn batch_size(work: &mut impl FnMut()) -> usize {
    let start = thread_time();
    let mut done = 0u32;
    while thread_time() - start < WARM_UP {
        work();
        done += 1;
    }
    let each = WARM_UP / done.max(1);
    (BATCH.as_nanos() / each.as_nanos().max(1)).clamp(1, 1 << 20) as usize
}

/// The median; zero of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
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
fn thread_time() -> Duration {
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
    }
}
