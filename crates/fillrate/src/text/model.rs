//! From the files of a model to something that answers texts.

use std::sync::Arc;
use std::time::Duration;

use fillrate_kernels::cuda::Accelerator;
use fillrate_kernels::{Cpu, Precision};

use super::batch::{
    BatchOptions, Budget, Classifier, DirectClassifier, Mode, PackedClassifier, Provenance,
};
use super::encoder::{
    ActivationRanges, CudaClassifier, CudaOptions, EncoderClassifier, LoadOptions,
};
use super::fp8::{Fp8Check, Samples, Settled};
use super::registry::{CONFIG_FILE, Classes, EmbeddedModel, Origin};
use super::vader::Vader;
use super::{
    Forward, ModelDir, ModelSource, RoutedModel, RoutedOptions, Sense, Tokenizer, WordPieceOptions,
};
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
    /// How answers in fp8 compared with those in 16 bits, where fp8 was asked for. The model computes in
    /// fp8 if that [passes](Fp8Check::passes).
    pub fp8: Option<Fp8Check>,
    /// The bytes of a device's memory that its weights and passes take; `None` where no device computes.
    pub device_bytes: Option<usize>,
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
                    let cpu = load_options(precision, options);
                    let load = || Ok(EncoderClassifier::embedded(model.files, cpu)?.into());
                    embedded(known.name, model, load, options)
                }
                Origin::Builtin => vader(known.name, options),
                Origin::Hub(_) => Err(not_built_in(known.name)),
            },
            ModelSource::Directory(dir) => {
                let cpu = load_options(precision, options);
                let load = || Ok(EncoderClassifier::load(&dir.path, cpu)?.into());
                directory(dir, load, options)
            }
        }
    }

    /// Loads a model onto a device, whose kernels' type its encoder computes in, with the processor
    /// behind it: see [`RoutedModel`]. VADER, which has no encoder, is loaded onto the processor.
    ///
    /// An automatic budget is a fixed one on a device: memory is taken ahead of time.
    ///
    /// # Errors
    ///
    /// As [`Self::load`], and if the device cannot be opened, fails or has no room;
    /// [`Error::is_device`] tells.
    pub fn load_on(
        source: &ModelSource,
        device: DeviceOptions,
        options: &BatchOptions,
    ) -> Result<Self> {
        let tokens = match options.budget {
            Budget::Tokens(tokens) => tokens,
            Budget::Auto => DEVICE_BATCH_TOKENS,
        };
        let options = &BatchOptions { budget: Budget::Tokens(tokens), ..options.clone() };
        let twin_options = load_options(device.twin_precision, options);
        let DeviceOptions { streams, release_after, .. } = device;
        let cuda = CudaOptions { streams, release_after, ..CudaOptions::new(tokens) };
        match source {
            ModelSource::Builtin(known) => match &known.origin {
                Origin::Embedded(model) => {
                    let files = model.files;
                    let on_device = move |device, fp8| {
                        let cuda = CudaOptions { fp8, ..cuda.clone() };
                        CudaClassifier::embedded(files, device, &cuda)
                    };
                    let twin = move || EncoderClassifier::embedded(files, twin_options);
                    let tokenizer = || embedded_tokenizer(model);
                    let load =
                        || routed(known.name, device, on_device, twin, tokenizer, tokens, options);
                    embedded(known.name, model, load, options)
                }
                Origin::Builtin => vader(known.name, options),
                Origin::Hub(_) => Err(not_built_in(known.name)),
            },
            ModelSource::Directory(dir) => {
                let (path, twin_path) = (dir.path.clone(), dir.path.clone());
                let on_device = move |device, fp8| {
                    let cuda = CudaOptions { fp8, ..cuda.clone() };
                    CudaClassifier::load(&path, device, &cuda)
                };
                let twin = move || EncoderClassifier::load(&twin_path, twin_options);
                let tokenizer = || Tokenizer::from_dir(&dir.path, None);
                let load =
                    || routed(&dir.name, device, on_device, twin, tokenizer, tokens, options);
                directory(dir, load, options)
            }
        }
    }
}

/// A device to load a model onto, and how it works with the processor behind it.
pub struct DeviceOptions {
    /// Opens the device; called again after its context was lost.
    pub open: Box<dyn Fn() -> Result<Arc<dyn Accelerator>> + Send + Sync>,
    /// Which side is wanted, and when the device is left alone. Threads and the most that may wait
    /// are set to what the model and its workers need.
    pub routed: RoutedOptions,
    /// The type in which the processor computes what the device does not; `None` as in
    /// [`Model::load`].
    pub twin_precision: Option<Precision>,
    /// Passes that may be under way at a time, as [`CudaOptions::streams`].
    pub streams: usize,
    /// How long no pass may come before their memory is given back, as
    /// [`CudaOptions::release_after`].
    pub release_after: Option<Duration>,
    /// Whether the products of the layers are to be computed in 8-bit floats. They are if the answers to
    /// some texts bear it, else in the device's own type; [`Model::fp8`] says which.
    pub fp8: bool,
}

/// An encoder that was loaded, wherever it computes, and what the rest needs to know of it.
struct Encoder<M> {
    model: M,
    vocabulary: usize,
    precision: &'static str,
    device: String,
    reduced_tokens: Option<usize>,
    device_bytes: Option<usize>,
    fp8: Option<Fp8Check>,
}

impl From<EncoderClassifier> for Encoder<EncoderClassifier> {
    fn from(model: EncoderClassifier) -> Self {
        let vocabulary = model.config().vocabulary;
        let precision = model.precision().as_str();
        let (device, reduced_tokens, device_bytes, fp8) = ("cpu".into(), None, None, None);
        Self { model, vocabulary, precision, device, reduced_tokens, device_bytes, fp8 }
    }
}

/// The encoder `name` on a device, and its twin behind it. The tokenizer is asked for if fp8 is to be
/// tried.
fn routed(
    name: &str,
    DeviceOptions { open, mut routed, streams, fp8, .. }: DeviceOptions,
    on_device: impl Fn(Arc<dyn Accelerator>, Option<Arc<ActivationRanges>>) -> Result<CudaClassifier>
    + Send
    + Sync
    + 'static,
    twin: impl Fn() -> Result<EncoderClassifier> + Send + Sync + 'static,
    tokenizer: impl FnOnce() -> Result<Tokenizer>,
    tokens: usize,
    options: &BatchOptions,
) -> Result<Encoder<RoutedModel<EncoderClassifier>>> {
    let accelerator = open()?;
    // They are asked long after this context may be lost, and do not hold it.
    let sense =
        accelerator.sensors().map(|sensors| -> Box<Sense> { Box::new(move || sensors.read()) });
    let (first, ranges, fp8) = if fp8 {
        accelerator.require_fp8()?;
        let samples = Samples::tokenise(&tokenizer()?)?;
        let load = |ranges| on_device(Arc::clone(&accelerator), ranges);
        let Settled { model, ranges, check } = Settled::try_fp8(&samples, load)?;
        (model, ranges, Some(check))
    } else {
        (on_device(accelerator, None)?, None, None)
    };
    let vocabulary = first.config().vocabulary;
    let (precision, device) = (first.precision(), first.device());
    let (reduced_tokens, device_bytes) = (first.reduced_tokens(), Some(first.device_bytes()));
    routed.router.threads = streams.max(1);
    // Each worker waits for one batch at a time: none is turned away.
    routed.router.waiting_max = options.workers.max(1);
    let reload = move || on_device(open()?, ranges.clone());
    let name = name.to_owned();
    let twin = move || {
        let model = twin()?;
        let provenance = provenance(&name, model.precision().as_str(), "cpu".into());
        Ok((model, provenance))
    };
    let tokens = reduced_tokens.unwrap_or(tokens);
    let model = RoutedModel::new(first, reload, twin, sense, tokens, routed)?;
    Ok(Encoder { model, vocabulary, precision, device, reduced_tokens, device_bytes, fp8 })
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
    Ok(Model { classifier, classes, reduced_tokens: None, fp8: None, device_bytes: None })
}

fn embedded<M: Forward + 'static>(
    name: &str,
    model: &EmbeddedModel,
    load: impl FnOnce() -> Result<Encoder<M>> + Send,
    options: &BatchOptions,
) -> Result<Model> {
    let (loaded, tokenizer) = rayon::join(load, || embedded_tokenizer(model));
    encoder(name, loaded?, tokenizer?, model.encoder.classes(), options)
}

fn embedded_tokenizer(EmbeddedModel { encoder, files }: &EmbeddedModel) -> Result<Tokenizer> {
    let max_length = encoder.max_tokens;
    let wordpiece = WordPieceOptions { max_length, ..WordPieceOptions::default() };
    Tokenizer::from_wordpiece(files.vocabulary, &wordpiece)
}

fn directory<M: Forward + 'static>(
    dir: &ModelDir,
    load: impl FnOnce() -> Result<Encoder<M>> + Send,
    options: &BatchOptions,
) -> Result<Model> {
    let (loaded, tokenizer) = rayon::join(load, || Tokenizer::from_dir(&dir.path, None));
    let (loaded, mut tokenizer) = (loaded?, tokenizer?);
    let longest = loaded.model.max_sequence();
    if tokenizer.max_length() > longest {
        tokenizer = Tokenizer::from_dir(&dir.path, Some(longest))?;
    }
    check_vocabulary(dir, &tokenizer, loaded.vocabulary)?;
    let classes = dir.classes()?;
    if classes.names.len() != loaded.model.classes() {
        let (named, found) = (classes.names.len(), loaded.model.classes());
        let message = format!("{named} classes are named, but the model has {found} outputs");
        return Err(unfit(dir, message));
    }
    encoder(&dir.name, loaded, tokenizer, classes, options)
}

fn load_options(precision: Option<Precision>, options: &BatchOptions) -> LoadOptions {
    LoadOptions { precision, cpu: Cpu::detect().split(options.workers) }
}

/// Starts the workers of an encoder; in the latency mode one, which has all cores.
fn encoder<M: Forward + 'static>(
    name: &str,
    Encoder { model, precision, device, reduced_tokens, device_bytes, fp8, .. }: Encoder<M>,
    tokenizer: Tokenizer,
    classes: Classes,
    options: &BatchOptions,
) -> Result<Model> {
    let mut options = options.clone();
    if matches!(options.mode, Mode::Latency { .. }) {
        options.workers = 1;
    }
    let provenance = provenance(name, precision, device);
    let classifier = PackedClassifier::new(model, tokenizer, classes.map, provenance, &options)?;
    let classifier = Box::new(classifier);
    Ok(Model { classifier, classes: classes.names, reduced_tokens, fp8, device_bytes })
}

/// Refuses a tokenizer that knows tokens for which the model has no embedding.
fn check_vocabulary(dir: &ModelDir, tokenizer: &Tokenizer, embeddings: usize) -> Result<()> {
    let tokens = tokenizer.vocab_size();
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
