//! Who looks at the console, and whether they may.

use std::{sync::Arc, time::SystemTime};

use http::StatusCode;
use poort_identity::device::{DeviceFault, Rejected};
use poort_policy::{
    TimeFacts,
    console::{Act, View, Visitor},
};

use super::{
    Console,
    looks::Look,
    page::{Page, Reader},
};
use crate::{audit::Looker, listen::Connection, snapshot::Snapshot};

/// Somebody with a certificate that is good, and what is in force as they look.
pub(super) struct Guest {
    pub(super) visitor: Visitor,
    pub(super) snapshot: Arc<Snapshot>,
    /// What they may see.
    pub(super) views: Vec<View>,
}

impl Console {
    /// Who is on a connection.
    pub(super) fn guest(&self, connection: &Connection, now: SystemTime) -> Result<Guest, Arc<Rejected>> {
        let judgement = connection.device(&self.trust, now);
        let unproven = || Arc::new(Rejected { certificate: None, fault: DeviceFault::Foreign });
        let certificate = judgement.ok_or_else(unproven)?.verdict.clone()?;
        let snapshot = self.live.snapshot();
        let rules = &snapshot.pipeline.rules;
        let visitor = Visitor {
            name: certificate.name.clone(),
            device: rules.inventory.get(&certificate.name).cloned(),
            address: connection.peer().ip(),
            time: TimeFacts::at(now, (rules.time_zone)(now)),
        };
        let views = match &snapshot.console {
            Some(policies) => {
                let may = |view: &View| policies.may(&visitor, Act::View, *view).allow;
                View::ALL.into_iter().filter(may).collect()
            }
            None => Vec::new(),
        };
        Ok(Guest { visitor, snapshot, views })
    }
}

impl Guest {
    /// Whether they may do something at a page; why not, as a page.
    pub(super) fn may(&self, act: Act, view: View) -> Result<(), Page> {
        let Some(policies) = &self.snapshot.console else {
            let said = "The console is closed: there is no console.cedar beside poort.yaml in the policies directory.";
            return Err(Page::told(StatusCode::FORBIDDEN, "Closed", said));
        };
        let answer = policies.may(&self.visitor, act, view);
        if answer.allow {
            return Ok(());
        }
        let name = &self.visitor.name;
        let reason = answer.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
        let said = format!(
            "The policies in console.cedar do not let {name} {} {}.{reason}",
            act.as_str(),
            view.as_str()
        );
        Err(Page::told(StatusCode::FORBIDDEN, "Not for you", &said))
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { name: &self.visitor.name, views: &self.views }
    }

    pub(super) fn looker(&self) -> Looker {
        Looker::Console { certificate: self.visitor.name.clone(), address: self.visitor.address }
    }

    /// Their look at a view.
    pub(super) fn look(&self, view: View, wanted: Vec<(String, String)>, shown: usize) -> Look {
        Look { by: self.looker(), view: view.as_str(), wanted, shown, refused: false }
    }
}
