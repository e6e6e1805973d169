//! Every check of one environment, put to one process.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use cedar_policy::Policy;
use cedar_policy_symcc::{
    CedarSymCompiler, CompiledPolicy, CompiledPolicySet, Env, err::Error, solver::SolverError,
};
use poort_policy::workbench::prove::{Answer, Ask, Environment, Proof, Said};
use tokio::{runtime::Runtime, time::timeout};

use super::{
    Broken, Settings,
    solver::{Cvc5, shown},
};

/// What Cedar has to say where it cannot ask.
type Asked<T> = Result<T, Box<Error>>;

/// How long after its limit a solver that does not give up is killed.
const GRACE: Duration = Duration::from_secs(1);
/// In how many environments a check may be too hard before the others are left alone.
const LATE: usize = 3;
/// How often a process may end by itself.
const DEATHS: usize = 3;

/// What all processes need to know of the checks, by their places.
pub(super) struct Notes {
    /// A property that describes something in one environment need not be asked for in others.
    described: Vec<AtomicBool>,
    late: Vec<AtomicUsize>,
}

impl Notes {
    pub(super) fn new(checks: usize) -> Self {
        let each = || (0..checks).map(|_| ());
        Self {
            described: each().map(|()| AtomicBool::new(false)).collect(),
            late: each().map(|()| AtomicUsize::new(0)).collect(),
        }
    }
}

/// One process at a time, and a thread that talks to it.
pub(super) struct Bench<'s> {
    settings: &'s Settings,
    runtime: Runtime,
    compiler: Option<CedarSymCompiler<Cvc5>>,
    deaths: usize,
}

impl<'s> Bench<'s> {
    pub(super) fn new(settings: &'s Settings) -> Result<Self, Broken> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { settings, runtime: runtime.map_err(Broken::Machine)?, compiler: None, deaths: 0 })
    }

    /// Asks all checks of the environment at this place.
    pub(super) fn ask(
        &mut self,
        proof: &Proof<'_>,
        number: usize,
        notes: &Notes,
    ) -> Result<Vec<Answer>, Broken> {
        let Some(environment) = proof.environments().get(number) else { return Ok(Vec::new()) };
        let mut sets = Sets { proof, environment, sound: false, compiled: BTreeMap::new() };
        let mut answers = Vec::new();
        for (index, check) in proof.checks().iter().enumerate() {
            let (Some(described), Some(late)) = (notes.described.get(index), notes.late.get(index)) else {
                continue;
            };
            if described.load(Ordering::Relaxed) {
                continue;
            }
            let started = Instant::now();
            let said = if late.load(Ordering::Relaxed) < LATE {
                self.one(&mut sets, &check.ask, late)?
            } else {
                Said::Unknown("it was not tried any more".to_owned())
            };
            if matches!((&check.ask, &said), (Ask::Nothing(_), Said::Fails(_))) {
                described.store(true, Ordering::Relaxed);
            }
            answers.push(Answer { environment: number, check: index, said, took: started.elapsed() });
        }
        Ok(answers)
    }

    fn one(&mut self, sets: &mut Sets<'_>, ask: &Ask, late: &AtomicUsize) -> Result<Said, Broken> {
        let mut compiler = match self.compiler.take() {
            Some(compiler) => compiler,
            None => self.start()?,
        };
        // A solver that gives up by itself does so within its limit.
        let limit = self.settings.limit + GRACE;
        let asked = self.runtime.block_on(async { timeout(limit, put(&mut compiler, sets, ask)).await });
        let unknown = |why: String| Ok(Said::Unknown(why));
        let slow = || {
            late.fetch_add(1, Ordering::Relaxed);
            format!(
                "the solver has no answer within {} s; give it more with `--time-out`",
                self.settings.limit.as_secs()
            )
        };
        match asked {
            // Whatever ended in the middle of something is not asked again: dropped, it is killed.
            Err(_) => unknown(slow()),
            Ok(Ok(said)) => {
                self.compiler = Some(compiler);
                Ok(said)
            }
            Ok(Err(error)) => match *error {
                Error::SolverError(SolverError::UnrecognizedSolverOutput(said)) => {
                    Err(Broken::Garbled(self.name(), said))
                }
                Error::SolverError(error) => self.died(&error),
                Error::EncodeError(error) => self.died(&error),
                Error::SolverUnknown => {
                    self.compiler = Some(compiler);
                    unknown(slow())
                }
                Error::DecodeModel(_) | Error::ConcretizeError(_) | Error::ModelInvalid { .. } => {
                    self.compiler = Some(compiler);
                    unknown("it does not hold, and the solver's counter-example cannot be read".to_owned())
                }
                error => unknown(format!("Cedar cannot say it to a solver: {}", shown(&error.to_string()))),
            },
        }
    }

    fn start(&self) -> Result<CedarSymCompiler<Cvc5>, Broken> {
        // Pipes belong to the runtime that is entered.
        let _entered = self.runtime.enter();
        let solver = Cvc5::solving(&self.settings.program, self.settings.limit)?;
        CedarSymCompiler::new(solver).map_err(|error| Broken::Garbled(self.name(), error.to_string()))
    }

    fn died(&mut self, error: &dyn std::error::Error) -> Result<Said, Broken> {
        self.deaths += 1;
        let cause = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
        if self.deaths < DEATHS {
            Ok(Said::Unknown(format!("the solver failed: {cause}")))
        } else {
            Err(Broken::Dying(self.name(), self.deaths, cause.to_string()))
        }
    }

    fn name(&self) -> String {
        self.settings.program.display().to_string()
    }
}

/// The sets of a proof as formulas of one environment, each made once.
struct Sets<'p> {
    proof: &'p Proof<'p>,
    environment: &'p Environment,
    /// Nothing that decides errs here, so that policies mean to the engine what they mean to Cedar.
    sound: bool,
    compiled: BTreeMap<(usize, bool), CompiledPolicySet>,
}

impl Sets<'_> {
    fn compile(&mut self, key: (usize, bool)) -> Asked<()> {
        if let (false, Some(set)) = (self.compiled.contains_key(&key), self.proof.sets().get(key.0)) {
            let set = if self.sound { &set.plain } else { set.exact.as_ref().unwrap_or(&set.plain) };
            let compiled = CompiledPolicySet::compile(set, &self.environment.request, self.proof.schema())?;
            self.compiled.insert(key, compiled);
        }
        Ok(())
    }

    fn two(&mut self, one: usize, other: usize) -> Asked<(&CompiledPolicySet, &CompiledPolicySet)> {
        let keys = [(one, self.sound), (other, self.sound)];
        keys.into_iter().try_for_each(|key| self.compile(key))?;
        let [one, other] = keys.map(|key| self.compiled.get(&key));
        Ok(one.zip(other).ok_or(Error::NoPolicies)?)
    }
}

async fn put(compiler: &mut CedarSymCompiler<Cvc5>, sets: &mut Sets<'_>, ask: &Ask) -> Asked<Said> {
    match ask {
        Ask::NoErrors { each, others, together: (anything, sound) } => {
            let all = none_errs(compiler, sets, each).await?;
            sets.sound = all && none_errs(compiler, sets, others).await?;
            if all {
                return Ok(Said::Holds);
            }
            // It may be that it errs only for what cannot be asked.
            implies(compiler, sets, *anything, *sound).await
        }
        Ask::Implies(left, right) => implies(compiler, sets, *left, *right).await,
        Ask::Nothing(set) => {
            let (set, _) = sets.two(*set, *set)?;
            let nothing = compiler.check_always_denies_opt(set).await?;
            Ok(if nothing { Said::Holds } else { Said::Fails(None) })
        }
    }
}

async fn implies(
    compiler: &mut CedarSymCompiler<Cvc5>,
    sets: &mut Sets<'_>,
    left: usize,
    right: usize,
) -> Asked<Said> {
    let (left, right) = sets.two(left, right)?;
    let found = compiler.check_implies_with_counterexample_opt(left, right).await?;
    Ok(match found {
        None => Said::Holds,
        Some(Env { request, entities }) => Said::Fails(Some(Box::new((request, entities)))),
    })
}

async fn none_errs(
    compiler: &mut CedarSymCompiler<Cvc5>,
    sets: &Sets<'_>,
    policies: &[Policy],
) -> Asked<bool> {
    for policy in policies {
        let policy = CompiledPolicy::compile(policy, &sets.environment.request, sets.proof.schema())?;
        if !compiler.check_never_errors_opt(&policy).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
