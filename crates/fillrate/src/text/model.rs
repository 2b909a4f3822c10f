//! From the files of a model to something that answers texts.

use std::sync::Arc;

use fillrate_kernels::cuda::Accelerator;
use fillrate_kernels::{Cpu, Precision};

use super::batch::{
    BatchOptions, Budget, Classifier, DirectClassifier, Mode, PackedClassifier, Provenance,
};
use super::encoder::{CudaClassifier, EncoderClassifier, EncoderConfig, LoadOptions};
use super::registry::{CONFIG_FILE, Classes, EmbeddedModel, Origin};
use super::vader::Vader;
use super::{Forward, ModelDir, ModelSource, Tokenizer, WordPieceOptions};
use crate::{Error, Result};

/// The tokens of a device's batch if nothing else is said: enough to keep the largest GPUs' products
/// busy.
const DEVICE_BATCH_TOKENS: usize = 8192;

/// A model that is ready to answer texts: what a [`Scorer`](super::batch::Scorer) drives.
pub struct Model {
    /// The model with its tokenizer and its threads.
    pub classifier: Box<dyn Classifier>,
    /// The names of its raw outputs, in their order, as the model itself has them.
    pub classes: Vec<String>,
    /// The tokens of the largest batch, where a device's memory had no room for as many as were asked
    /// for.
    pub reduced_tokens: Option<usize>,
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
                Origin::Embedded(model) => {
                    let load = || {
                        EncoderClassifier::embedded(model.files, load_options(precision, options))
                    };
                    embedded(known.name, model, load, options)
                }
                Origin::Builtin => vader(known.name, options),
                Origin::Hub(_) => Err(not_built_in(known.name)),
            },
            ModelSource::Directory(dir) => {
                let load = || EncoderClassifier::load(&dir.path, load_options(precision, options));
                directory(dir, load, options)
            }
        }
    }

    /// Loads a model onto a device, whose kernels' type its encoder computes in. VADER, which has no
    /// encoder, is loaded onto the processor.
    ///
    /// An automatic budget is a fixed one on a device: memory is taken ahead of time.
    ///
    /// # Errors
    ///
    /// As [`Self::load`], and if the device fails or has no room.
    pub fn load_on(
        source: &ModelSource,
        accelerator: Arc<dyn Accelerator>,
        options: &BatchOptions,
    ) -> Result<Self> {
        let tokens = match options.budget {
            Budget::Tokens(tokens) => tokens,
            Budget::Auto => DEVICE_BATCH_TOKENS,
        };
        let options = &BatchOptions { budget: Budget::Tokens(tokens), ..options.clone() };
        match source {
            ModelSource::Builtin(known) => match &known.origin {
                Origin::Embedded(model) => {
                    let load = || CudaClassifier::embedded(model.files, accelerator, tokens);
                    embedded(known.name, model, load, options)
                }
                Origin::Builtin => vader(known.name, options),
                Origin::Hub(_) => Err(not_built_in(known.name)),
            },
            ModelSource::Directory(dir) => {
                let load = || CudaClassifier::load(&dir.path, accelerator, tokens);
                directory(dir, load, options)
            }
        }
    }
}

/// An encoder with a classifier, wherever it computes.
trait Encodes: Forward + 'static {
    fn config(&self) -> &EncoderConfig;
    fn precision(&self) -> &'static str;
    fn device(&self) -> String;
    fn reduced_tokens(&self) -> Option<usize>;
}

impl Encodes for EncoderClassifier {
    fn config(&self) -> &EncoderConfig {
        self.config()
    }

    fn precision(&self) -> &'static str {
        self.precision().as_str()
    }

    fn device(&self) -> String {
        "cpu".into()
    }

    fn reduced_tokens(&self) -> Option<usize> {
        None
    }
}

impl Encodes for CudaClassifier {
    fn config(&self) -> &EncoderConfig {
        self.config()
    }

    fn precision(&self) -> &'static str {
        self.element().as_str()
    }

    fn device(&self) -> String {
        self.device()
    }

    fn reduced_tokens(&self) -> Option<usize> {
        self.reduced_tokens()
    }
}

fn not_built_in(name: &str) -> Error {
    let message = format!("{name} is not built in: name its directory");
    Error::Argument { name: "source", message }
}

fn vader(name: &str, options: &BatchOptions) -> Result<Model> {
    let vader = Vader::new();
    let provenance = provenance(name, "fp64", "cpu".into());
    let classify = move |text: &str| Ok(vader.classify(text));
    let classifier = DirectClassifier::new(classify, provenance, options)?;
    let (classifier, classes) = (Box::new(classifier), vec!["compound".to_owned()]);
    Ok(Model { classifier, classes, reduced_tokens: None })
}

fn embedded<M: Encodes>(
    name: &str,
    EmbeddedModel { encoder: card, files }: &EmbeddedModel,
    load: impl FnOnce() -> Result<M> + Send,
    options: &BatchOptions,
) -> Result<Model> {
    let wordpiece = WordPieceOptions { max_length: card.max_tokens, ..WordPieceOptions::default() };
    let (model, tokenizer) =
        rayon::join(load, || Tokenizer::from_wordpiece(files.vocabulary, &wordpiece));
    encoder(name, model?, tokenizer?, card.classes(), options)
}

fn directory<M: Encodes>(
    dir: &ModelDir,
    load: impl FnOnce() -> Result<M> + Send,
    options: &BatchOptions,
) -> Result<Model> {
    let (model, tokenizer) = rayon::join(load, || Tokenizer::from_dir(&dir.path, None));
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
fn encoder<M: Encodes>(
    name: &str,
    model: M,
    tokenizer: Tokenizer,
    classes: Classes,
    options: &BatchOptions,
) -> Result<Model> {
    let mut options = options.clone();
    if matches!(options.mode, Mode::Latency { .. }) {
        options.workers = 1;
    }
    let provenance = provenance(name, model.precision(), model.device());
    let reduced_tokens = model.reduced_tokens();
    let classifier = PackedClassifier::new(model, tokenizer, classes.map, provenance, &options)?;
    Ok(Model { classifier: Box::new(classifier), classes: classes.names, reduced_tokens })
}

/// Refuses a tokenizer that knows tokens for which the model has no embedding.
fn check_vocabulary(dir: &ModelDir, tokenizer: &Tokenizer, model: &impl Encodes) -> Result<()> {
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

fn provenance(model: &str, precision: &str, device: String) -> Provenance {
    Provenance { model: model.into(), precision: precision.into(), device }
}
