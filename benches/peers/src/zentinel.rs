//! The crate `zentinel-modsec`. It takes text where others take bytes, so what is not UTF-8 is replaced; that copies nothing where
//! nothing is to be replaced.
//!
//! It has no way to be told a response's status, and looks at response bodies of any type.

use std::{io, path::Path};

use poort_benches::traffic::Exchange;
use zentinel_modsec::{ModSecurity, Transaction, variables::Collection as _};

use crate::engine::{Engine, Judgement, detects};

pub(crate) struct Zentinel(ModSecurity);

impl Zentinel {
    pub(crate) fn load(main: &Path) -> io::Result<Self> {
        ModSecurity::from_file(&main.to_string_lossy()).map(Self).map_err(io::Error::other)
    }

    fn run(&self, exchange: &Exchange) -> zentinel_modsec::Result<Transaction> {
        let mut transaction = self.0.new_transaction();
        transaction.set_client_addr("192.0.2.1", 40_000);
        transaction.set_server_addr("192.0.2.1", 443);
        let target = String::from_utf8_lossy(&exchange.target);
        transaction.process_uri(&target, &exchange.method, &exchange.protocol)?;
        for (name, value) in &exchange.fields {
            transaction.add_request_header(name, &String::from_utf8_lossy(value))?;
        }
        transaction.process_request_headers()?;
        transaction.append_request_body(&exchange.body)?;
        transaction.process_request_body()?;
        for (name, value) in &exchange.response.fields {
            transaction.add_response_header(name, &String::from_utf8_lossy(value))?;
        }
        transaction.process_response_headers()?;
        transaction.append_response_body(&exchange.response.body)?;
        transaction.process_response_body()?;
        transaction.process_logging()?;
        Ok(transaction)
    }
}

impl Engine for Zentinel {
    fn name(&self) -> &'static str {
        "zentinel-modsec"
    }

    fn inspect(&mut self, exchange: &Exchange) {
        self.run(exchange).expect("an exchange passes all phases");
    }

    /// Its matched rules contain chains of which only the start matched.
    fn judge(&mut self, exchange: &Exchange) -> Judgement {
        let transaction = self.run(exchange).expect("an exchange passes all phases");
        let score = transaction.tx().get("blocking_inbound_anomaly_score");
        let score = score.and_then(|values| values.first()?.parse().ok());
        let rules = transaction.matched_rules().iter().filter_map(|id| id.parse().ok());
        Judgement { score: score.unwrap_or_default(), rules: rules.filter(|id| detects(*id)).collect() }
    }
}
