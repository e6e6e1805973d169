//! The rule loop.

use super::outcome::{Interruption, InterruptionKind, Match};
use super::{State, expand};
use crate::program::{Allowed, Disruption, Engine, Entry, Glance, Phase, Program, Rule};

/// Where evaluation of a phase goes on.
enum Flow {
    Next,
    To(usize),
    Stop(Option<Interruption>),
}

impl State {
    /// Runs the rules of `phase` (1 to 5).
    pub(super) fn run(&mut self, program: &Program, phase: u8) -> Option<Interruption> {
        self.phase = phase;
        self.store.time += 1;
        if self.engine == Engine::Off || self.is_allowed(phase) {
            return None;
        }
        let rules = program.phases.get(usize::from(phase) - 1)?;
        self.sifted.start(rules);
        let mut start = 0;
        while let Some(position) = self.sifted.next(start) {
            let Some(entry) = rules.entries.get(position).filter(|_| self.values.fuel > 0) else { break };
            start = position + 1;
            let at = entry.rule;
            let may_run = self.may_run(program, rules, position, entry);
            let Some(rule) = program.rules.get(at as usize).filter(|_| may_run) else { continue };
            match self.rule(program, at, rule) {
                Flow::Next => {}
                Flow::To(next) => start = next.max(start),
                Flow::Stop(interruption) => return interruption,
            }
            if self.engine == Engine::Off {
                return None;
            }
        }
        (self.values.fuel == 0).then(|| self.limit_reached(InterruptionKind::Exhausted, 503))
    }

    /// Whether a rule may match, as far as shows at a glance.
    #[inline]
    fn may_run(&mut self, program: &Program, phase: &Phase, position: usize, entry: &Entry) -> bool {
        let may_match = match &entry.glance {
            Glance::Nothing => true,
            Glance::Guard(guard) => self.guard_holds(*guard),
            Glance::Sieve(sieve, before) => {
                before.as_deref().is_none_or(|before| self.have_before(program, before))
                    && self.passes(program, phase, *sieve, position)
            }
        };
        may_match && !self.is_removed(entry.rule)
    }

    pub(super) fn limit_reached(&self, kind: InterruptionKind, status: u16) -> Interruption {
        Interruption { kind, status, rule: None, phase: self.phase }
    }

    fn is_allowed(&self, phase: u8) -> bool {
        match self.allowed {
            None | Some(Allowed::Phase) => false,
            Some(Allowed::Request) => phase <= 2,
            Some(Allowed::All) => phase <= 4,
        }
    }

    fn is_removed(&self, rule: u32) -> bool {
        self.removed.get((rule >> 6) as usize).is_some_and(|word| word >> (rule & 63) & 1 == 1)
    }

    fn rule(&mut self, program: &Program, at: u32, rule: &Rule) -> Flow {
        if rule.is_jump && !self.excludes_tx {
            return after(rule);
        }
        self.current = at;
        for link in &rule.links {
            self.matched_now.clear();
            if !self.link(program, at, link) {
                self.matched_before.clear();
                return Flow::Next;
            }
            std::mem::swap(&mut self.matched_before, &mut self.matched_now);
        }
        let flow = self.conclude(program, rule);
        self.matched_before.clear();
        flow
    }

    /// All conditions of a rule matched.
    fn conclude(&mut self, program: &Program, rule: &Rule) -> Flow {
        if let Some(severity) = rule.meta.severity {
            self.highest_severity =
                Some(self.highest_severity.map_or(severity, |highest| highest.min(severity)));
        }
        if rule.log {
            self.log(program, rule);
        }
        let acts = self.engine == Engine::On;
        let (kind, status) = match &rule.disruption {
            Disruption::Allow(reach) if acts => {
                self.allowed = Some(*reach);
                return Flow::Stop(None);
            }
            Disruption::Deny if acts => (InterruptionKind::Deny, rule.status),
            Disruption::Drop if acts => (InterruptionKind::Drop, rule.status),
            Disruption::Redirect(location) if acts => {
                let status = if (300..400).contains(&rule.status) { rule.status } else { 302 };
                (InterruptionKind::Redirect(expand::text(self, program, location)), status)
            }
            _ => return after(rule),
        };
        Flow::Stop(Some(Interruption { kind, status, rule: Some(rule.meta.id), phase: self.phase }))
    }

    fn log(&mut self, program: &Program, rule: &Rule) {
        if self.matches.len() >= self.limit_matches {
            self.dropped_matches += 1;
            return;
        }
        let message =
            rule.message.as_ref().map(|template| expand::text(self, program, template)).unwrap_or_default();
        let data =
            rule.data.as_ref().map(|template| expand::text(self, program, template)).unwrap_or_default();
        let mut variable = Vec::new();
        expand::matched_name(self, program, &mut variable);
        self.matches.push(Match {
            rule: rule.meta.clone(),
            phase: self.phase,
            message,
            data,
            variable: String::from_utf8_lossy(&variable).into_owned(),
            disruptive: matches!(
                rule.disruption,
                Disruption::Deny | Disruption::Drop | Disruption::Redirect(_)
            ),
        });
    }
}

fn after(rule: &Rule) -> Flow {
    rule.jump.map_or(Flow::Next, |jump| Flow::To(jump as usize))
}
