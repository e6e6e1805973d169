//! One source's file.

use std::time::Duration;

use poort_enforce::{
    data_subject::{DataSubjects, PseudonymKey},
    normal::{UrlForm, UrlForms},
    operations::Rule,
    source::{Demand, Streams},
    stated::{Demands, StatedBy},
};

use crate::audit::Retention;
use crate::config::{
    checked::{
        self,
        source::{Source, SourceLimits},
        zone::{Budget, Defaults},
    },
    fault::Place,
    raw::{Node, Part, Quota, Scalar, source as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    data_subject,
    desk::Desk,
    distinct::distinct,
    entities::Vocabulary,
    identity, inventory, mission, name, operation,
    report::Spot,
    upstream, value, waf, web, zone,
};

/// A stream outlives the decision that admitted it by no more than this.
const LONGEST_READMIT: Duration = Duration::from_secs(60);

/// What holds beside a source's file.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) vocabulary: &'a Vocabulary<'a>,
    pub(super) defaults: &'a Defaults,
    /// How the zone inspects; inside: none if it does not. None if that is not known.
    pub(super) waf: Option<Option<&'a waf::Zone>>,
    /// Whether assertions can be made; none if that is not known.
    pub(super) asserts: Option<bool>,
    /// The key for what stands for data subjects. Inside: none if the operators' file names none. None if that is not known.
    pub(super) pseudonyms: Option<Option<&'a PseudonymKey>>,
    /// Whether the zone has purposes; none if that is not known.
    pub(super) purposes: Option<bool>,
    /// Whether browsers sign in, where officers state what they are at; none if that is not known.
    pub(super) signs_in: Option<bool>,
}

/// What is compared between sources, and the source if nothing of it is wrong.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) hosts: Vec<(String, Place)>,
    pub(super) prefixes: Vec<String>,
    pub(super) on_behalf_of: Vec<(String, Place)>,
    /// The paths of its operations.
    pub(super) paths: Vec<(String, Place)>,
    pub(super) device: Option<(Demand, Place)>,
    pub(super) source: Option<Source>,
}

pub(super) fn check(
    desk: &Desk<'_>,
    around: Around<'_>,
    id: &str,
    whole: Field<'_, Part<raw::Source>>,
) -> Option<Draft> {
    let source = whole.required("title:", |here| Some(here.open()))?;
    let named = named(source, around.vocabulary);
    let hosts = source.field("hosts", |raw| &raw.hosts);
    let hosts =
        hosts.some_items("hosts: [persons.zone.example]", |here| spotted(here.spot, name::host_name(here)));
    let prefixes = source.field("prefixes", |raw| &raw.prefixes);
    let prefixes = match prefixes.is_absent() {
        true => Some(vec![Some(("/".to_owned(), source.spot))]),
        false => prefixes.some_items("prefixes: [/]", |here| spotted(here.spot, name::prefix(here))),
    };
    let device = source.field("device", |raw| &raw.device);
    let device_place = device.spot().place();
    let device = device.or(Demand::Required, value::demand);
    let on_behalf_of = source.field("on_behalf_of", |raw| &raw.on_behalf_of);
    let on_behalf_of = on_behalf_of.items(|here| spotted(here.spot, inventory::certified_name(here)));
    let draft = Draft {
        id: id.to_owned(),
        hosts: places(hosts.as_ref()),
        prefixes: places(prefixes.as_ref()).into_iter().map(|(prefix, _)| prefix).collect(),
        on_behalf_of: places(on_behalf_of.as_ref()),
        paths: paths(source),
        device: device.map(|device| (device, device_place)),
        source: None,
    };
    let lists = [distinct(hosts), distinct(prefixes), distinct(on_behalf_of)];
    let rest = rest(desk, around, source, &draft.prefixes);
    let source = assemble(source.spot.place(), id, device, named, lists, rest);
    Some(Draft { source, ..draft })
}

fn assemble(
    place: Place,
    id: &str,
    device: Option<Demand>,
    named: Option<Named>,
    [hosts, prefixes, on_behalf_of]: [Option<Vec<String>>; 3],
    rest: Option<Rest>,
) -> Option<Source> {
    let Named { title, owner, classification } = named?;
    let Rest {
        subject,
        token_binding,
        upstream,
        operations,
        limits,
        url,
        streams,
        cors,
        identity,
        body,
        waf,
        data_subjects,
        stated_by,
        retention,
    } = rest?;
    Some(Source {
        place,
        id: id.to_owned(),
        title,
        owner,
        classification,
        hosts: hosts?,
        prefixes: prefixes?,
        device: device?,
        subject,
        token_binding,
        upstream,
        operations,
        limits,
        url,
        streams,
        cors,
        on_behalf_of: on_behalf_of?,
        identity,
        body,
        waf,
        data_subjects,
        stated_by,
        retention,
    })
}

fn spotted<'a>(spot: Spot<'a>, value: Option<String>) -> Option<(String, Spot<'a>)> {
    value.map(|value| (value, spot))
}

fn places(items: Option<&super::cursor::Items<(String, Spot<'_>)>>) -> Vec<(String, Place)> {
    items.into_iter().flatten().flatten().map(|(value, spot)| (value.clone(), spot.place())).collect()
}

/// The paths of a source's operations. What is wrong with them is said elsewhere.
fn paths(source: Opened<'_, raw::Source>) -> Vec<(String, Place)> {
    let lines = source.field("operations", |raw| &raw.operations).items(|here| {
        let path = here.open().field("path", |raw| &raw.path);
        path.optional(|here| Some((here.value.to_string(), here.spot.place())))
    });
    lines.into_iter().flatten().flatten().flatten().collect()
}

/// What people know a source by.
pub(super) struct Named {
    title: String,
    pub(super) owner: String,
    pub(super) classification: (String, Place),
}

pub(super) fn named(source: Opened<'_, raw::Source>, vocabulary: &Vocabulary<'_>) -> Option<Named> {
    let title = source.field("title", |raw| &raw.title).required("title: Persons register", value::text);
    let owner =
        source.field("owner", |raw| &raw.owner).required("owner: Information management", value::text);
    let classification = source.field("classification", |raw| &raw.classification);
    let classification = classification.required("classification: restricted", |here| {
        Some((vocabulary.classifications.read(here)?, here.spot.place()))
    });
    Some(Named { title: title?, owner: owner?, classification: classification? })
}

/// What is not compared between sources.
struct Rest {
    subject: Demand,
    token_binding: Demand,
    upstream: checked::source::Upstream,
    operations: Vec<Rule>,
    limits: SourceLimits,
    url: UrlForms,
    streams: Streams,
    cors: Option<poort_enforce::source::Cors>,
    identity: checked::source::IdentityHeaders,
    body: u64,
    waf: Option<checked::waf::Waf>,
    data_subjects: Option<DataSubjects>,
    stated_by: Option<StatedBy>,
    retention: Option<Retention>,
}

fn rest(
    desk: &Desk<'_>,
    around: Around<'_>,
    source: Opened<'_, raw::Source>,
    prefixes: &[String],
) -> Option<Rest> {
    let subject = source.field("subject", |raw| &raw.subject).or(Demand::Required, value::demand);
    let token_binding = source.field("token_binding", |raw| &raw.token_binding);
    let token_binding = token_binding.or(Demand::Optional, value::demand);
    let example = "upstream: { addresses: [\"10.0.0.5:443\"] }";
    let upstream = source.field("upstream", |raw| &raw.upstream);
    let upstream =
        upstream.required(example, |here| upstream::check(desk, around.defaults.timeouts, here.open()));
    let demands = mission::usual_demands(source);
    let lines = source.field("operations", |raw| &raw.operations);
    let operations = operation::check(lines, prefixes, demands.unwrap_or_default());
    let stated_by = source.field("stated_by", |raw| &raw.stated_by);
    let stated_by = stated_by.optional(|here| mission::stated_by(here.open()));
    let can_be_met = operations.as_deref().zip(stated_by.as_ref()).map(|(operations, by)| {
        demands_can_be_met(source, around, operations.iter().map(Rule::demands), by.is_some())
    });
    let stated_by = demands.and(can_be_met.flatten()).and(stated_by);
    let limits = source.field("limits", |raw| &raw.limits);
    let limits = limits.or(SourceLimits::default(), |here| self::limits(here.open()));
    let url = url_forms(source.field("url", |raw| &raw.url));
    let usual = Streams { websocket: false, events: false, readmit: LONGEST_READMIT };
    let streams = source.field("streams", |raw| &raw.streams);
    let streams = streams.or(usual, |here| self::streams(here.open(), usual));
    let cors = source.field("cors", |raw| &raw.cors).optional(|here| web::cors(here.open()));
    let identity = identity::check(source.field("identity", |raw| &raw.identity), around.asserts);
    let body = source.field("body", |raw| &raw.body).or(around.defaults.body, value::size);
    let retention = source.field("retention", |raw| &raw.retention).optional(value::retention);
    let waf = waf::source(desk, around.waf, source.field("waf", |raw| &raw.waf));
    let seen =
        data_subject::Seen { operations: operations.as_deref(), waf: waf.as_ref().map(Option::as_ref) };
    let data_subjects = source.field("data_subjects", |raw| &raw.data_subjects);
    let data_subjects = data_subject::check(data_subjects, around.pseudonyms, seen);
    Some(Rest {
        subject: subject?,
        token_binding: token_binding?,
        upstream: upstream?,
        operations: operations?,
        limits: limits?,
        url: url?,
        streams: streams?,
        cors: cors?,
        identity: identity?,
        body: body?,
        waf: waf?,
        data_subjects: data_subjects?,
        stated_by: stated_by?,
        retention: retention?.or(around.defaults.retention),
    })
}

/// What is demanded has to be stated somewhere. Inside a fault, that was reported: none.
fn demands_can_be_met(
    source: Opened<'_, raw::Source>,
    around: Around<'_>,
    demands: impl Iterator<Item = Demands>,
    has_speakers: bool,
) -> Option<()> {
    let all = demands.fold(Demands::default(), |all, one| Demands {
        purpose: all.purpose || one.purpose,
        case: all.case || one.case,
    });
    if all.purpose && around.purposes == Some(false) {
        source
            .spot
            .fault("a purpose is demanded here, and `poort.yaml` has no `purposes` to choose from; add them");
        return None;
    }
    if (all.purpose || all.case) && around.signs_in == Some(false) && !has_speakers {
        source.spot.warn(
            "a purpose or case is demanded here and nobody can state one: add `sign_in` to `poort.yaml`, or `stated_by` here",
        );
    }
    Some(())
}

fn limits(limits: Opened<'_, raw::Limits>) -> Option<SourceLimits> {
    let own = |name, of: fn(&raw::Limits) -> &Node<Quota>| limits.field(name, of).optional(quota);
    let user = own("user", |raw| &raw.user);
    let device = own("device", |raw| &raw.device);
    let total = own("total", |raw| &raw.total);
    let concurrent = limits.field("concurrent", |raw| &raw.concurrent).optional(value::capacity);
    Some(SourceLimits { user: user?, device: device?, total: total?, concurrent: concurrent? })
}

/// A source narrows what the zone allows; it cannot widen it.
fn quota(here: Here<'_, Quota>) -> Option<Budget> {
    if let Quota::Short(scalar) = here.value
        && scalar.to_string() == "unlimited"
    {
        here.spot
            .fault("`unlimited` is for the zone to say; leave this out, and the zone's limits hold alone");
        return None;
    }
    zone::quota(here)
}

fn url_forms(field: Field<'_, Vec<Node<Scalar>>>) -> Option<UrlForms> {
    let words = UrlForm::ALL.map(|(form, word)| (word, form));
    let forms = field.each(|here| value::word(here, &words))?;
    Some(forms.into_iter().collect())
}

fn streams(streams: Opened<'_, raw::Streams>, usual: Streams) -> Option<Streams> {
    let websocket = streams.field("websocket", |raw| &raw.websocket).or(usual.websocket, value::switch);
    let events = streams.field("events", |raw| &raw.events).or(usual.events, value::switch);
    let readmit = streams.field("readmit", |raw| &raw.readmit).or(usual.readmit, readmit);
    Some(Streams { websocket: websocket?, events: events?, readmit: readmit? })
}

fn readmit(here: Here<'_, Scalar>) -> Option<Duration> {
    let length = value::some_time(here)?;
    if length > LONGEST_READMIT {
        here.spot.fault(
            "a stream is admitted again at least every `60s`, so that a revocation reaches it; write less",
        );
        return None;
    }
    Some(length)
}
