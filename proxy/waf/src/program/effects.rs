//! Effects: `setvar`, `ctl` and the other actions that change the transaction.

use std::sync::Arc;

use super::rule::{Change, Control, Effect, Excluded, Number, Processor, RuleSelector, Slot, Term};
use super::template::Template;
use super::{Builder, Engine, group};
use crate::bytes::integer;
use crate::fault::Fault;
use crate::syntax::{Action, Selector, Variable};

/// Compiles one action; `None` when it concerns only what the caller logs.
pub(super) fn compile(builder: &mut Builder<'_>, action: &Action) -> Result<Option<Effect>, Fault> {
    let text = action.text().trim().to_owned();
    let wrong = |message: String| action.fault(message);
    let effect = match action.name.as_str() {
        "setvar" => setvar(builder, &text),
        "expirevar" => expirevar(builder, &text),
        "initcol" => initcol(builder, &text),
        "setuid" => attach(builder, Variable::User, &text),
        "setsid" => attach(builder, Variable::Session, &text),
        "setrsc" => attach(builder, Variable::Resource, &text),
        "setenv" => setenv(builder, &text),
        "ctl" => return control(builder, &text).map(|control| control.map(Effect::Control)).map_err(wrong),
        name => Err(refusal(name)),
    };
    effect.map(Some).map_err(wrong)
}

fn refusal(name: &str) -> String {
    let why = match name {
        "exec" => "rules start no programs",
        "proxy" | "append" | "prepend" => "the engine forwards and rewrites nothing",
        "pause" => "the engine has no clock",
        "deprecatevar" => "collections change only by setvar and expirevar",
        "xmlns" => "XML is addressed by `/*` and `//@*` only",
        name if name.starts_with("sanitise") || name.starts_with("sanitize") => {
            "what is logged is the caller's to mask"
        }
        _ => return format!("unknown action `{name}`; see the list in the SecLang reference"),
    };
    format!("`{name}` is refused: {why}; remove the action")
}

fn template(builder: &mut Builder<'_>, text: &str) -> Result<Template, String> {
    Template::parse(text, &mut builder.names)
}

/// A place that rules write: `tx.name`, `ip.count`.
fn slot(builder: &mut Builder<'_>, text: &str) -> Result<Slot, String> {
    let (collection, name) =
        text.split_once('.').ok_or_else(|| format!("`{text}` is no variable; write `tx.name`"))?;
    let variable = Variable::parse(collection)
        .ok()
        .filter(|variable| variable.is_persistent() || *variable == Variable::Tx);
    let Some(variable) = variable else {
        return Err(format!("`{collection}` cannot be written; write to `tx` or a persistent collection"));
    };
    let name = name.to_ascii_lowercase();
    if name.is_empty() {
        return Err(format!("`{text}` names no member; write `tx.name`"));
    }
    if variable == Variable::Tx && !name.contains("%{") {
        return Ok(Slot::Tx(builder.names.slot(&name)));
    }
    Ok(Slot::Member(variable, template(builder, &name)?))
}

fn setvar(builder: &mut Builder<'_>, text: &str) -> Result<Effect, String> {
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Effect::Set { place: slot(builder, name)?, change: Change::Unset });
    }
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let place = slot(builder, name.trim_end())?;
    let change = match value.split_at_checked(1) {
        Some(("+", amount)) => Change::Add(term(builder, amount)?),
        Some(("-", amount)) => Change::Subtract(term(builder, amount)?),
        _ => {
            let value = template(builder, value)?;
            match value.literal() {
                Some(text) => Change::Text(builder.texts.number(text), integer(text)),
                None => Change::To(value),
            }
        }
    };
    Ok(Effect::Set { place, change })
}

fn term(builder: &mut Builder<'_>, text: &str) -> Result<Term, String> {
    let template = template(builder, text)?;
    Ok(Number::of(&template).map_or(Term::Text(template), Term::Number))
}

fn expirevar(builder: &mut Builder<'_>, text: &str) -> Result<Effect, String> {
    let (name, seconds) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no time; write `ip.name=60`"))?;
    Ok(Effect::Expire { place: slot(builder, name)?, seconds: template(builder, seconds)? })
}

fn initcol(builder: &mut Builder<'_>, text: &str) -> Result<Effect, String> {
    let (name, key) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no key; write `ip=%{{REMOTE_ADDR}}`"))?;
    let collection = Variable::parse(name).ok().filter(|variable| variable.is_persistent());
    let collection = collection.ok_or_else(|| {
        format!("`{name}` is no persistent collection; write `global`, `ip`, `resource`, `session` or `user`")
    })?;
    attach(builder, collection, key)
}

fn attach(builder: &mut Builder<'_>, collection: Variable, key: &str) -> Result<Effect, String> {
    Ok(Effect::Attach { collection, key: template(builder, key)? })
}

fn setenv(builder: &mut Builder<'_>, text: &str) -> Result<Effect, String> {
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Effect::Environment { name: template(builder, name)?, value: None });
    }
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    Ok(Effect::Environment { name: template(builder, name)?, value: Some(template(builder, value)?) })
}

fn control(builder: &mut Builder<'_>, text: &str) -> Result<Option<Control>, String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`ctl:{text}` has no value; write `ctl:{text}=…`"))?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let on = || match value.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{value}` is not understood; write `On` or `Off`")),
    };
    let number = || {
        value.parse::<usize>().map_err(|_| format!("`{value}` is not understood; write a number of bytes"))
    };
    Ok(Some(match name.as_str() {
        "auditengine" | "auditlogparts" | "debugloglevel" => return Ok(None),
        "ruleengine" => {
            Control::Engine(Engine::parse(value).ok_or_else(|| {
                format!("`{value}` is no engine mode; write `On`, `Off` or `DetectionOnly`")
            })?)
        }
        "requestbodyaccess" => Control::RequestBody(on()?),
        "responsebodyaccess" => Control::ResponseBody(on()?),
        "requestbodylimit" => Control::RequestBodyLimit(number()?),
        "responsebodylimit" => Control::ResponseBodyLimit(number()?),
        "forcerequestbodyvariable" => Control::ForceRequestBody(on()?),
        "parsexmlintoargs" => Control::ParseXmlIntoArgs(super::settings::xml_into_args(value)?),
        "requestbodyprocessor" => Control::BodyProcessor(match value {
            "" => None,
            value => Some(Processor::parse(value).ok_or_else(|| {
                format!("`{value}` is no body processor; write `URLENCODED`, `MULTIPART`, `JSON` or `XML`")
            })?),
        }),
        "ruleremovebyid" | "ruleremovebytag" | "ruleremovebymsg" => {
            Control::RemoveRules(rules(builder, name.trim_start_matches("ruleremoveby"), value)?)
        }
        "ruleremovetargetbyid" | "ruleremovetargetbytag" | "ruleremovetargetbymsg" => {
            let (what, target) = value
                .split_once(';')
                .ok_or_else(|| format!("`{value}` names no target; write `942100;ARGS:name`"))?;
            let rules = rules(builder, name.trim_start_matches("ruleremovetargetby"), what)?;
            Control::RemoveTarget(rules, Arc::new(Excluded(target_place(builder, target)?)))
        }
        _ => return Err(format!("`ctl:{name}` is not supported; remove it")),
    }))
}

fn rules(builder: &Builder<'_>, by: &str, what: &str) -> Result<Arc<[u32]>, String> {
    if what.contains("%{") {
        return Err(format!("`{what}` holds a macro; name the rules plainly"));
    }
    let selector = RuleSelector::parse(by, what, builder.limits.regex_bytes)?;
    Ok((0..).zip(&builder.metas).filter(|(_, meta)| selector.takes(meta)).map(|(at, _)| at).collect())
}

fn target_place(builder: &mut Builder<'_>, text: &str) -> Result<group::Place, String> {
    let (name, selector) =
        text.split_once(':').map_or((text, None), |(name, selector)| (name, Some(selector)));
    let variable = Variable::parse(name.trim())?;
    let selector = match selector {
        None => Selector::All,
        Some(text) => match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            _ if variable == Variable::Xml => return Err("exclude `XML` as a whole".to_owned()),
            Some(pattern) if !pattern.is_empty() => Selector::Pattern(pattern.to_owned()),
            _ => Selector::Name(text.to_ascii_lowercase()),
        },
    };
    let select = group::resolve(variable, &selector, &mut builder.names, builder.limits.regex_bytes)?;
    Ok(group::Place { variable, select })
}
