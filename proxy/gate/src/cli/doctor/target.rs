//! What is examined: a source as the gate's configuration has it, and the one request that is made of it.

use http::Method;
use poort_enforce::operations::Operations;

use super::Arguments;
use crate::{
    config::checked::{
        source::{Authentication, IdentityValue, Source, UpstreamTls},
        zone::Timeouts,
    },
    forward::{header_value, source_path},
};

/// A source, and the request that is made of it in each attempt.
pub(super) struct Target<'a> {
    pub(super) source: &'a str,
    pub(super) addresses: Vec<String>,
    /// The name that TLS is asked for; none: it is plain HTTP.
    pub(super) name: Option<&'a str>,
    /// TLS as the gate speaks it; none: it does not, or this is not the gate's machine.
    pub(super) tls: Option<&'a UpstreamTls>,
    /// Whether the gate's own way can be tried.
    pub(super) is_gate: bool,
    pub(super) timeouts: Timeouts,
    /// What the source is sent as Host.
    pub(super) host: &'a str,
    /// What the gate's clients call it.
    pub(super) public_host: &'a str,
    /// At the source.
    pub(super) path: String,
    pub(super) method: &'a Method,
    pub(super) user: &'a str,
    /// The user as a header's value.
    pub(super) shown_user: String,
    pub(super) roles: &'a [String],
    pub(super) login: Option<&'a str>,
    /// Headers that tell it who asks, as the gate would fill them in for the user.
    pub(super) headers: Vec<(String, String)>,
    /// Whether it gets an assertion.
    pub(super) assertion: bool,
    /// Whether it signs in connections itself, and answers the gate by 401 at first.
    pub(super) signs_in: bool,
}

impl<'a> Target<'a> {
    pub(super) fn of(source: &'a Source, arguments: &'a Arguments) -> Result<Self, String> {
        let upstream = &source.upstream;
        let public_host = source.hosts.first().map_or("", String::as_str);
        let most = arguments.timeout;
        let Timeouts { connect, read, total } = upstream.timeouts;
        Ok(Self {
            source: &source.id,
            addresses: upstream.addresses.iter().map(ToString::to_string).collect(),
            name: upstream.tls.as_ref().map(|tls| tls.name.as_str()),
            tls: upstream.tls.as_ref(),
            is_gate: true,
            timeouts: Timeouts { connect: connect.min(most), read: read.min(most), total: total.min(most) },
            host: upstream.host.as_deref().unwrap_or(public_host),
            public_host,
            path: path(source, arguments)?,
            method: &arguments.method,
            user: &arguments.user,
            shown_user: shown(&arguments.user),
            roles: &arguments.roles,
            login: arguments.login.as_deref(),
            headers: headers(source, arguments),
            assertion: source.identity.assertion,
            signs_in: upstream.authentication == Authentication::Connection,
        })
    }

    /// What listens at this address, of which nothing is known here.
    pub(super) fn outside(address: &'a str, arguments: &'a Arguments) -> Result<Self, String> {
        let (host, _) = address.rsplit_once(':').ok_or_else(|| {
            format!("`{address}` has no port; write an address such as `10.0.0.5:443` or `\"[::1]:443\"`, or `persons.internal:443`")
        })?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = arguments.host.as_deref().unwrap_or(host);
        let path = arguments.path.as_deref().unwrap_or("/");
        well_formed(path)?;
        Ok(Self {
            source: address,
            addresses: vec![address.to_owned()],
            name: (!arguments.plain).then_some(host),
            tls: None,
            is_gate: false,
            timeouts: Timeouts {
                connect: arguments.timeout,
                read: arguments.timeout,
                total: arguments.timeout,
            },
            host,
            public_host: host,
            path: path.to_owned(),
            method: &arguments.method,
            user: &arguments.user,
            shown_user: shown(&arguments.user),
            roles: &arguments.roles,
            login: arguments.login.as_deref(),
            headers: Vec::new(),
            assertion: false,
            signs_in: false,
        })
    }

    /// Whether the gate shows the source a certificate of its own, as far as is known.
    pub(super) fn is_mutual(&self) -> bool {
        !self.is_gate || self.tls.is_some_and(|tls| tls.identity.is_some())
    }
}

/// The path at the source: what was asked for, or the first that the source's file names as it stands.
fn path(source: &Source, arguments: &Arguments) -> Result<String, String> {
    let named = || {
        let readable = source.operations.iter().filter(|line| line.takes(&arguments.method));
        readable.filter_map(|line| line.whole_path()).next()
    };
    let id = &source.id;
    let path = arguments.path.as_deref().or_else(named).ok_or_else(|| {
        format!("the operations of `{id}` name no path without a blank to fill in; name one by `--path`")
    })?;
    well_formed(path)?;
    let (plain, query) = path.split_once('?').map_or((path, None), |(plain, query)| (plain, Some(query)));
    let under = |prefix: &&String| {
        let prefix = prefix.trim_end_matches('/');
        plain.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let prefix = source.prefixes.iter().filter(under).max_by_key(|prefix| prefix.len());
    let prefix = prefix.ok_or_else(|| {
        format!(
            "`{plain}` is not at `{id}`, which is below `{}`; name another by `--path`",
            source.prefixes.join("`, `")
        )
    })?;
    let operations = Operations::new(source.operations.clone());
    if operations.meaning(&arguments.method, &[plain.into()], query).is_err() {
        return Err(format!(
            "no line of the operations of `{id}` means `{} {path}`: the gate itself would refuse it; name another by `--path`",
            arguments.method
        ));
    }
    let path = source_path(plain, prefix, source.upstream.prefix.as_deref());
    Ok(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

/// Nothing that would end a line, and as a request has it.
fn well_formed(path: &str) -> Result<(), String> {
    if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(format!("`{path}` is no path; write one such as `/status`, escaped as in a URL"));
    }
    Ok(())
}

/// What the gate would say in the source's own headers of somebody without a device, unit or purpose.
fn headers(source: &Source, arguments: &Arguments) -> Vec<(String, String)> {
    let said = |value| match value {
        IdentityValue::Subject | IdentityValue::User => Some(shown(&arguments.user)),
        IdentityValue::Roles => Some(shown(&arguments.roles.join(","))).filter(|roles| !roles.is_empty()),
        _ => None,
    };
    let own = source.identity.headers.iter();
    own.filter_map(|(name, value)| Some((name.as_str().to_owned(), said(*value)?))).collect()
}

/// As the gate writes it.
fn shown(text: &str) -> String {
    let value = header_value(text);
    value.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
