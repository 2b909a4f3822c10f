//! The model that answers, and the one that stands in for it.

use std::collections::HashMap;

use anyhow::Context;
use fillrate::text::Model;
use fillrate::text::batch::Scorer;

use crate::commands::loading::{batch_options, load};
use crate::output::Printer;
use crate::settings::Settings;

/// A model that is ready to score, with its fallback if there is one.
pub(super) struct Answerer {
    /// The model and its fallback.
    pub(super) scorer: Scorer,
    /// The names of each model's raw outputs, by the model's name.
    pub(super) classes: HashMap<String, Vec<String>>,
    /// The bytes of a GPU's memory that they take together; `None` where none computes.
    pub(super) device_bytes: Option<usize>,
}

impl Answerer {
    /// Loads the model that the settings name and, if one is named, its fallback. A model that
    /// cannot be loaded is an error without a fallback; with one, every answer says why the
    /// fallback gave it.
    ///
    /// # Errors
    ///
    /// If no model can be loaded.
    pub(super) fn load(settings: &Settings, printer: &Printer) -> anyhow::Result<Self> {
        let options = batch_options(settings)?;
        let primary = load(&settings.text.model, settings, &options, printer);
        let fallback = settings.text.fallback.as_deref().map(|fallback| {
            load(fallback, settings, &options, printer)
                .with_context(|| format!("the fallback `{fallback}` cannot be loaded"))
        });
        let fallback = fallback.transpose()?;
        let named =
            |model: &Model| (model.classifier.provenance().model.clone(), model.classes.clone());
        let classes = primary.iter().chain(&fallback).map(named).collect();
        let on_device = primary.iter().chain(&fallback).filter_map(|model| model.device_bytes);
        let device_bytes = on_device.reduce(|a, b| a + b);
        let scorer = match (primary, fallback) {
            (Ok(primary), None) => Scorer::new(primary.classifier, options),
            (Ok(primary), Some(fallback)) => {
                Scorer::new(primary.classifier, options).with_fallback(fallback.classifier)
            }
            (Err(error), Some(fallback)) => {
                let reason = one_line(&error);
                let model = &fallback.classifier.provenance().model;
                printer.warn(&format!("{reason}; {model} answers instead"));
                Scorer::degraded(fallback.classifier, reason, options)
            }
            (Err(error), None) => return Err(error),
        };
        Ok(Self { scorer, classes, device_bytes })
    }
}

fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ")
}
