//! From the files of a model to something that answers texts.

use fillrate_kernels::{Cpu, Precision};

use super::batch::{
    BatchOptions, Classifier, DirectClassifier, Mode, PackedClassifier, Provenance,
};
use super::encoder::{EncoderClassifier, LoadOptions};
use super::registry::{CONFIG_FILE, Classes, EmbeddedModel, Origin};
use super::vader::Vader;
use super::{Forward, ModelDir, ModelSource, Tokenizer, WordPieceOptions};
use crate::{Error, Result};

/// A model that is ready to answer texts: what a [`Scorer`](super::batch::Scorer) drives.
pub struct Model {
    /// The model with its tokenizer and its threads.
    pub classifier: Box<dyn Classifier>,
    /// The names of its raw outputs, in their order, as the model itself has them.
    pub classes: Vec<String>,
}

impl Model {
    /// Loads a model onto the processor.
    ///
    /// `precision` is the type that an encoder's matrix products are computed in; `None` takes
    /// int8 if the model ships int8 weights, else [`Cpu::auto_precision`]. VADER computes in double
    /// precision, whatever it is. An encoder computes one batch per core, and spreads a batch over all
    /// of them when it is the only one; in [`Mode::Latency`] it spreads every batch.
    ///
    /// # Errors
    ///
    /// If the files are not those of a whole model, do not fit one another, or a thread cannot be
    /// started.
    pub fn load(
        source: &ModelSource,
        precision: Option<Precision>,
        options: &BatchOptions,
    ) -> Result<Self> {
        match source {
            ModelSource::Builtin(known) => match &known.origin {
                Origin::Embedded(model) => embedded(known.name, model, precision, options),
                Origin::Builtin => vader(known.name, options),
                Origin::Hub(_) => Err(Error::Argument {
                    name: "source",
                    message: format!("{} is not built in: name its directory", known.name),
                }),
            },
            ModelSource::Directory(dir) => directory(dir, precision, options),
        }
    }
}

fn vader(name: &str, options: &BatchOptions) -> Result<Model> {
    let vader = Vader::new();
    let provenance = provenance(name, "fp64");
    let classify = move |text: &str| Ok(vader.classify(text));
    let classifier = DirectClassifier::new(classify, provenance, options)?;
    Ok(Model { classifier: Box::new(classifier), classes: vec!["compound".to_owned()] })
}

fn embedded(
    name: &str,
    EmbeddedModel { encoder: card, files }: &EmbeddedModel,
    precision: Option<Precision>,
    options: &BatchOptions,
) -> Result<Model> {
    let wordpiece = WordPieceOptions { max_length: card.max_tokens, ..WordPieceOptions::default() };
    let (model, tokenizer) = rayon::join(
        || EncoderClassifier::embedded(files, load_options(precision, options)),
        || Tokenizer::from_wordpiece(files.vocabulary, &wordpiece),
    );
    encoder(name, model?, tokenizer?, card.classes(), options)
}

fn directory(
    dir: &ModelDir,
    precision: Option<Precision>,
    options: &BatchOptions,
) -> Result<Model> {
    let (model, tokenizer) = rayon::join(
        || EncoderClassifier::load(&dir.path, load_options(precision, options)),
        || Tokenizer::from_dir(&dir.path, None),
    );
    let (model, mut tokenizer) = (model?, tokenizer?);
    if tokenizer.max_length() > model.max_sequence() {
        tokenizer = Tokenizer::from_dir(&dir.path, Some(model.max_sequence()))?;
    }
    check_vocabulary(dir, &tokenizer, &model)?;
    let classes = dir.classes()?;
    if classes.names.len() != model.classes() {
        let (named, found) = (classes.names.len(), model.classes());
        let message = format!("{named} classes are named, but the model has {found} outputs");
        return Err(unfit(dir, message));
    }
    encoder(&dir.name, model, tokenizer, classes, options)
}

fn load_options(precision: Option<Precision>, options: &BatchOptions) -> LoadOptions {
    LoadOptions { precision, cpu: Cpu::detect().split(options.workers) }
}

/// Starts the workers of an encoder; in the latency mode one, which has all cores.
fn encoder(
    name: &str,
    model: EncoderClassifier,
    tokenizer: Tokenizer,
    classes: Classes,
    options: &BatchOptions,
) -> Result<Model> {
    let mut options = options.clone();
    if matches!(options.mode, Mode::Latency { .. }) {
        options.workers = 1;
    }
    let provenance = provenance(name, model.precision().as_str());
    let classifier = PackedClassifier::new(model, tokenizer, classes.map, provenance, &options)?;
    Ok(Model { classifier: Box::new(classifier), classes: classes.names })
}

/// Refuses a tokenizer that knows tokens for which the model has no embedding.
fn check_vocabulary(
    dir: &ModelDir,
    tokenizer: &Tokenizer,
    model: &EncoderClassifier,
) -> Result<()> {
    let (tokens, embeddings) = (tokenizer.vocab_size(), model.config().vocabulary);
    if tokens <= embeddings {
        return Ok(());
    }
    let message = format!("the tokenizer has {tokens} tokens, but the model {embeddings}");
    Err(unfit(dir, message))
}

fn unfit(dir: &ModelDir, message: String) -> Error {
    let hint = "config.json, model.safetensors and the tokenizer must come from the same model";
    Error::Model { path: dir.path.join(CONFIG_FILE), message, hint: Some(hint.into()) }
}

fn provenance(model: &str, precision: &str) -> Provenance {
    Provenance { model: model.into(), precision: precision.into(), device: "cpu".into() }
}
