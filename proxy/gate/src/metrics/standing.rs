//! How the gate stands: gauges that are brought up to date when somebody looks.

use prometheus::{IntCounter, IntGauge, IntGaugeVec, Result};

use super::registrar::Registrar;
use poort_policy::ShiftCount;

/// What may end, and what is kept of the configuration.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) keys_age: IntGaugeVec,
    pub(super) keys_remaining: IntGaugeVec,
    pub(super) discovery_age: IntGaugeVec,
    pub(super) crl_age: IntGaugeVec,
    pub(super) crl_remaining: IntGaugeVec,
    pub(super) crl_half_life: IntGaugeVec,
    pub(super) certificate_remaining: IntGaugeVec,
}

impl Trusted {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        Ok(Self {
            keys_age: new.gauges(
                "poort_issuer_keys_age_seconds",
                "Since an issuer's keys were fetched; -1 if they never were, or are from a file.",
                &["issuer"],
            )?,
            keys_remaining: new.gauges(
                "poort_issuer_keys_remaining_seconds",
                "For how long an issuer's keys are still believed; 0 or less: its tokens are refused.",
                &["issuer"],
            )?,
            discovery_age: new.gauges(
                "poort_issuer_discovery_age_seconds",
                "Since an issuer said of itself what was believed; -1 if it never did. Those that are not asked are not there.",
                &["issuer"],
            )?,
            crl_age: new.gauges(
                "poort_crl_age_seconds",
                "Since a revocation list was issued.",
                &["issuer"],
            )?,
            crl_remaining: new.gauges(
                "poort_crl_remaining_seconds",
                "Until the next revocation list is due; negative when it is overdue.",
                &["issuer"],
            )?,
            crl_half_life: new.gauges(
                "poort_crl_past_half_life",
                "Whether a revocation list is past half of its life.",
                &["issuer"],
            )?,
            certificate_remaining: new.gauges(
                "poort_certificate_remaining_seconds",
                "Until a certificate ends; of several in one place, the first to end.",
                &["role", "name"],
            )?,
        })
    }

    pub(super) fn reset(&self) {
        let ending = [&self.keys_age, &self.keys_remaining, &self.discovery_age, &self.certificate_remaining];
        let lists = [&self.crl_age, &self.crl_remaining, &self.crl_half_life];
        ending.into_iter().chain(lists).for_each(IntGaugeVec::reset);
    }
}

/// How sources stand.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) up: IntGaugeVec,
    pub(super) addresses: IntGaugeVec,
    pub(super) closed: IntGaugeVec,
    pub(super) in_flight: IntGaugeVec,
    pub(super) in_flight_limit: IntGaugeVec,
    pub(super) inspected: IntGaugeVec,
    pub(super) detecting: IntGaugeVec,
    pub(super) exclusions: IntGaugeVec,
}

impl Reach {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        let by_source = &["source"];
        Ok(Self {
            up: new.gauges(
                "poort_source_up",
                "Whether any address of a source took the last connection tried.",
                by_source,
            )?,
            addresses: new.gauges(
                "poort_source_addresses",
                "Addresses of a source: in turn, or left aside for a while after a failure.",
                &["source", "state"],
            )?,
            closed: new.gauges(
                "poort_source_closed",
                "Whether a source was closed by `poort reload --deny`.",
                by_source,
            )?,
            in_flight: new.gauges(
                "poort_source_requests_in_flight",
                "Requests in flight to a source.",
                by_source,
            )?,
            in_flight_limit: new.gauges(
                "poort_source_requests_in_flight_limit",
                "How many may be in flight to a source, where its file says so.",
                by_source,
            )?,
            inspected: new.gauges(
                "poort_waf_mode_info",
                "1 for how a source is inspected: off, detect or block.",
                &["source", "mode"],
            )?,
            detecting: new.gauges(
                "poort_waf_detecting_seconds",
                "For how long a source has let through what would be refused.",
                by_source,
            )?,
            exclusions: new.gauges(
                "poort_waf_exclusion_remaining_seconds",
                "Until an exclusion ends; negative after it.",
                &["source", "rule"],
            )?,
        })
    }

    pub(super) fn reset(&self) {
        let reach = [&self.up, &self.addresses, &self.closed, &self.in_flight, &self.in_flight_limit];
        let waf = [&self.inspected, &self.detecting, &self.exclusions];
        reach.into_iter().chain(waf).for_each(IntGaugeVec::reset);
    }
}

/// What the gate holds, and how much of it it may.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) in_flight: IntGauge,
    pub(super) in_flight_limit: IntGauge,
    pub(super) bodies: IntGauge,
    pub(super) bodies_limit: IntGauge,
    pub(super) buckets: IntGaugeVec,
    pub(super) connections: IntGauge,
    pub(super) prefixes: IntGauge,
    pub(super) sessions: IntGaugeVec,
    pub(super) sign_ins: IntGauge,
    /// Whether sessions cannot be kept.
    pub(super) unkept: IntGauge,
    /// Of sessions, users and devices.
    pub(super) ended: [IntCounter; 3],
    pub(super) endings: IntGaugeVec,
    pub(super) reviews: IntGauge,
    pub(super) oldest_review: IntGauge,
}

impl Held {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        let ended = new.counters(
            "poort_access_ended_total",
            "Sessions that were ended, by whomever, and users and devices whose access an operator ended.",
            &["kind"],
        )?;
        Ok(Self {
            ended: ["session", "user", "device"].map(|kind| ended.with_label_values(&[kind])),
            unkept: new
                .gauge("poort_state_failing", "Whether sessions cannot be kept: nobody can sign in.")?,
            endings: new.gauges(
                "poort_access_endings",
                "Users and devices whose access is ended now.",
                &["kind"],
            )?,
            in_flight: new.gauge("poort_requests_in_flight", "Requests in flight through the gate.")?,
            in_flight_limit: new
                .gauge("poort_requests_in_flight_limit", "How many may be in flight through the gate.")?,
            bodies: new.gauge("poort_waf_held_bytes", "Bytes of bodies held by inspection.")?,
            bodies_limit: new.gauge("poort_waf_held_limit_bytes", "How many bytes of bodies may be held.")?,
            buckets: new.gauges(
                "poort_limit_buckets",
                "Buckets of the rate limits, of strangers' addresses and of whoever is known.",
                &["holder"],
            )?,
            connections: new.gauge("poort_connections_open", "Connections open now.")?,
            prefixes: new.gauge(
                "poort_connection_prefixes",
                "Address prefixes that are told apart among open connections.",
            )?,
            sessions: new.gauges("poort_sessions", "Sessions of browsers that are kept.", &["state"])?,
            sign_ins: new.gauge("poort_sign_ins_waiting", "Sign-ins that are under way.")?,
            reviews: new
                .gauge("poort_break_glass_unreviewed", "Broken glasses that nobody has looked into yet.")?,
            oldest_review: new.gauge(
                "poort_break_glass_oldest_unreviewed_seconds",
                "For how long the oldest of them has waited; 0 if none does.",
            )?,
        })
    }
}

/// How the record is doing.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) failing: IntGauge,
    pub(super) queued: IntGauge,
    pub(super) queued_bytes: IntGauge,
    pub(super) kept: IntGauge,
    pub(super) head_age: prometheus::Gauge,
    pub(super) last_commit: prometheus::Gauge,
    pub(super) write_ahead: IntGauge,
    pub(super) spilled: IntGauge,
    pub(super) free: IntGauge,
    pub(super) size: IntGauge,
    pub(super) written: IntCounter,
    pub(super) commits: IntCounter,
    pub(super) failures: IntCounter,
    pub(super) lost: IntCounter,
    pub(super) strangers_lost: IntCounter,
    /// By kind, in the order of [`ShiftCount::ALL`].
    pub(super) unusual: [IntCounter; 3],
    pub(super) log: OfLog,
}

/// The log that proves the record.
#[derive(Debug)]
pub(super) struct OfLog {
    pub(super) entries: IntGauge,
    pub(super) unchecked: IntGauge,
    pub(super) unanchored: IntGaugeVec,
    pub(super) checkpoint_age: IntGaugeVec,
}

impl OfLog {
    fn register(new: &Registrar<'_>) -> Result<Self> {
        Ok(Self {
            entries: new.gauge("poort_audit_log_entries", "Entries of the log that proves the record.")?,
            unchecked: new.gauge(
                "poort_audit_log_unchecked_entries",
                "Entries that no signed checkpoint covers yet.",
            )?,
            unanchored: new.gauges(
                "poort_audit_log_unanchored_entries",
                "Entries under a signed checkpoint that the anchor does not have; there is none without an anchor.",
                &[],
            )?,
            checkpoint_age: new.gauges(
                "poort_audit_checkpoint_age_seconds",
                "Since the newest checkpoint was signed; there is none without a new entry.",
                &[],
            )?,
        })
    }
}

impl Recorded {
    pub(super) fn register(new: &Registrar<'_>) -> Result<Self> {
        let lost = new.counters(
            "poort_audit_lost_records_total",
            "Records that were neither written nor kept: those of requests, and counts of strangers.",
            &["kind"],
        )?;
        let unusual = new.counters(
            "poort_unusual_total",
            "Officers or devices that came to more than is usual in a shift; the record has a finding of each.",
            &["kind"],
        )?;
        Ok(Self {
            unusual: ShiftCount::ALL.map(|kind| unusual.with_label_values(&[kind.as_str()])),
            failing: new
                .gauge("poort_audit_failing", "Whether the disk takes no records, so that nothing passes.")?,
            queued: new.gauge("poort_audit_queue_records", "Records waiting to be written.")?,
            queued_bytes: new.gauge("poort_audit_queue_bytes", "Roughly the size of the records waiting.")?,
            kept: new.gauge(
                "poort_audit_kept_records",
                "Records that could not be written and wait for the disk to recover.",
            )?,
            spilled: new.gauge(
                "poort_audit_spilled_records",
                "Records in the second directory, which wait for the disk of the first.",
            )?,
            head_age: new.decimal(
                "poort_audit_head_age_seconds",
                "For how long the oldest record has waited that is not written yet.",
            )?,
            last_commit: new.decimal(
                "poort_audit_last_commit_seconds",
                "Duration of the last write of records, the disk's sync included.",
            )?,
            write_ahead: new.gauge(
                "poort_audit_write_ahead",
                "Whether a decision is durable in the write-ahead log; where that cannot be kept, each waits until the record's file is synced.",
            )?,
            free: new
                .gauge("poort_audit_free_bytes", "Free bytes where the record is; -1 if nobody says.")?,
            size: new
                .gauge("poort_audit_disk_bytes", "Bytes in all where the record is; -1 if nobody says.")?,
            written: new.counter("poort_audit_records_total", "Records written.")?,
            commits: new
                .counter("poort_audit_commits_total", "Writes of records, each of all that waited.")?,
            failures: new.counter(
                "poort_audit_write_failures_total",
                "Writes of records, and attempts to recover, that failed.",
            )?,
            strangers_lost: lost.with_label_values(&["stranger"]),
            lost: lost.with_label_values(&["record"]),
            log: OfLog::register(new)?,
        })
    }
}

/// Says a count that is kept elsewhere.
pub(super) fn say(counter: &IntCounter, count: u64) {
    counter.reset();
    counter.inc_by(count);
}

/// As a gauge has it.
pub(super) fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
