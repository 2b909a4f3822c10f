//! `fillrate models list`: every known model, and whether it is here.

use std::path::PathBuf;

use fillrate::text::registry::{HubModel, KnownModel, Origin};
use serde::Serialize;

use crate::commands::Outcome;
use crate::output::{Printer, Rendered, bytes, list_format};
use crate::settings::{Format, Settings};
use crate::store::Store;

/// A line of `models list`; programs read its field names.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Listed {
    pub(in crate::commands) name: &'static str,
    pub(in crate::commands) status: Status,
    path: Option<PathBuf>,
    repo: Option<&'static str>,
    commit: Option<String>,
    pub(in crate::commands) download_bytes: Option<u64>,
    license: Option<&'static str>,
    license_remark: Option<&'static str>,
    languages: &'static [&'static str],
    summary: &'static str,
    source: &'static str,
    pub(in crate::commands) problem: Option<String>,
}

/// Whether a model can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands) enum Status {
    BuiltIn,
    Installed,
    Incomplete,
    NotInstalled,
}

impl Status {
    pub(in crate::commands) fn words(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Installed => "installed",
            Self::Incomplete => "incomplete",
            Self::NotInstalled => "not installed",
        }
    }
}

/// Prints every known model.
///
/// # Errors
///
/// If the list cannot be written, or not in the format asked for.
pub(super) fn run(
    store: &Store<'_>,
    settings: &Settings,
    printer: &Printer,
) -> anyhow::Result<Outcome> {
    let models: Vec<Listed> =
        store.registry().models().iter().map(|model| listed(store, model)).collect();
    let rendered = match list_format(settings)? {
        Format::Table => Rendered::text(list_page(&models, printer)),
        format => Rendered::list(&models, format)?,
    };
    printer.emit(&rendered, settings.output.as_deref())?;
    for model in &models {
        if let Some(problem) = &model.problem {
            printer.warn(problem);
        }
    }
    Ok(Outcome::Done)
}

/// What there is to say of one model.
pub(in crate::commands) fn listed(store: &Store<'_>, model: &'static KnownModel) -> Listed {
    let hub = model.hub();
    let mut listed = Listed {
        name: model.name,
        status: Status::NotInstalled,
        path: None,
        repo: hub.map(|hub| hub.repo),
        commit: None,
        download_bytes: hub.map(HubModel::download_bytes),
        license: model.license.spdx,
        license_remark: model.license.remark,
        languages: model.languages,
        summary: model.summary,
        source: model.source,
        problem: None,
    };
    match (&model.origin, store.registry().installed(model)) {
        (Origin::Builtin | Origin::Embedded(_), _) => listed.status = Status::BuiltIn,
        (Origin::Hub(_), Ok(None)) => {}
        (Origin::Hub(_), Ok(Some(dir))) => {
            listed.status = Status::Installed;
            listed.path = Some(dir.path);
            listed.commit = dir.commit;
        }
        (Origin::Hub(_), Err(error)) => {
            listed.status = Status::Incomplete;
            listed.problem = Some(error.to_string());
        }
    }
    listed
}

fn list_page(models: &[Listed], printer: &Printer) -> String {
    let mut table = printer.table();
    table.add_row(["NAME", "STATUS", "DOWNLOAD", "LICENCE", "LANGUAGES"]);
    for model in models {
        let license = model.license.unwrap_or("not stated");
        table.add_row([
            model.name.to_owned(),
            model.status.words().to_owned(),
            model.download_bytes.map_or_else(|| "-".to_owned(), bytes),
            // The remark and the summary are long; `models show` has them.
            format!("{license}{}", if model.license_remark.is_some() { " *" } else { "" }),
            model.languages.join(" "),
        ]);
    }
    format!("{}\n\n* with a remark: see `fillrate models show NAME`", table.trim_fmt())
}
