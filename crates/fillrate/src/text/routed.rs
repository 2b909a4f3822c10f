//! A model on a device, with the same model on the processor behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fillrate_device::Fault;
use fillrate_device::routing::{
    Costs, Executor, Failure, HealthLimits, Preference, Reading, Route, Routed, Router,
    RouterOptions, RouterStatistics,
};

use super::batch::{Provenance, StandIn};
use super::{Forward, PackedBatch};
use crate::{Error, Result};

/// The tokens of the twin's passes: larger ones leave a core's cache.
const TWIN_TOKENS: usize = 512;

/// The tokens of the smallest pass that is measured: one short text.
const SHORT_TOKENS: usize = 16;

/// How often the device's sensors are asked.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How a [`RoutedModel`] works.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoutedOptions {
    /// How the router works.
    pub router: RouterOptions,
    /// When the device is not well enough for work.
    pub limits: HealthLimits,
}

/// Reads a device's sensors; `None` where it has none.
pub type Sense = dyn Fn() -> Option<Reading> + Send + Sync;

/// A model on a device and its twin on the processor.
///
/// Batches go to the device, or with [`Preference::Auto`] to the side that takes less time for them. A
/// batch on which the device fails is computed by the twin, and [`Forward::stand_in`] says why; the
/// device is then left alone for a while, and loaded anew if its context was lost. The twin is loaded
/// when it is first needed.
pub struct RoutedModel<T: Forward> {
    router: Router<PackedBatch, Vec<f32>, Error>,
    twin: Arc<Twin<T>>,
    sense: Option<Box<Sense>>,
    limits: HealthLimits,
    looked: Mutex<Option<Instant>>,
    classes: usize,
    max_sequence: usize,
}

impl<T: Forward + 'static> RoutedModel<T> {
    /// Puts `twin` behind `device`. `reload` makes the device's model anew after its context was lost,
    /// `twin` loads the twin and says who it is.
    ///
    /// With [`Preference::Auto`] both sides are measured here, on a short batch and on one of
    /// `batch_tokens` tokens (the twin's: 512), which loads the twin.
    ///
    /// # Errors
    ///
    /// If a side cannot be loaded or fails in being measured.
    pub fn new<D: Forward<Scratch = ()> + 'static>(
        device: D,
        reload: impl Fn() -> Result<D> + Send + Sync + 'static,
        twin: impl Fn() -> Result<(T, Provenance)> + Send + Sync + 'static,
        sense: Option<Box<Sense>>,
        batch_tokens: usize,
        options: RoutedOptions,
    ) -> Result<Self> {
        let twin = Arc::new(Twin { load: Box::new(twin), loaded: Mutex::new(None) });
        let (classes, max_sequence) = (device.classes(), device.max_sequence());
        let costs = match options.router.preference {
            Preference::Auto => {
                Some(measure(&device, &twin, batch_tokens.max(SHORT_TOKENS), Instant::now)?)
            }
            Preference::Primary | Preference::Twin => None,
        };
        let threads = options.router.threads.max(1);
        let place = Place { model: Arc::new(device), left: threads };
        let slot =
            Arc::new(Slot { reload: Box::new(reload), threads, place: Mutex::new(Some(place)) });
        let behind = Arc::clone(&twin);
        let router = Router::new(
            move || Slot::executor(&slot),
            move |batch: &PackedBatch| behind.forward(batch),
            options.router,
        );
        if let Some(costs) = costs {
            router.set_costs(costs);
        }
        let (looked, limits) = (Mutex::new(None), options.limits);
        Ok(Self { router, twin, sense, limits, looked, classes, max_sequence })
    }

    /// What the router did so far.
    #[must_use]
    pub fn statistics(&self) -> RouterStatistics {
        self.router.statistics()
    }

    /// Lets the router know what the sensors say, if the last look was long ago.
    fn look(&self) {
        let Some(sense) = &self.sense else { return };
        // Whoever finds another looking goes on with what is known.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return;
        }
        *looked = Some(Instant::now());
        if let Some(reading) = sense() {
            self.router.observe(reading, self.limits);
        }
    }
}

impl<T: Forward + 'static> Forward for RoutedModel<T> {
    /// Who computed the last pass, if not the device.
    type Scratch = Option<Arc<StandIn>>;

    fn classes(&self) -> usize {
        self.classes
    }

    fn max_sequence(&self) -> usize {
        self.max_sequence
    }

    fn scratch_bytes(&self, _tokens: usize) -> usize {
        0
    }

    fn scratch(&self, _tokens: usize) -> Self::Scratch {
        None
    }

    fn forward(
        &self,
        batch: &PackedBatch,
        scratch: &mut Self::Scratch,
        logits: &mut Vec<f32>,
    ) -> Result<()> {
        logits.clear();
        *scratch = None;
        if batch.sequences() == 0 {
            return Ok(());
        }
        self.look();
        let job = Arc::new(batch.clone());
        let Routed { answer, route, degraded } = self.router.run(&job, batch.tokens() as u64)?;
        *logits = answer;
        if route == Route::Twin {
            let provenance = Arc::clone(&self.twin.loaded()?.provenance);
            *scratch = Some(Arc::new(StandIn { provenance, reason: degraded }));
        }
        Ok(())
    }

    fn stand_in(&self, scratch: &Self::Scratch) -> Option<Arc<StandIn>> {
        scratch.clone()
    }
}

/// The model that the executors share, as long as its context lives.
struct Slot<D> {
    reload: Box<dyn Fn() -> Result<D> + Send + Sync>,
    /// How many executors share a model.
    threads: usize,
    place: Mutex<Option<Place<D>>>,
}

struct Place<D> {
    model: Arc<D>,
    /// Executors that are still to come. When all have come, the next one is there because the
    /// context was lost.
    left: usize,
}

impl<D: Forward<Scratch = ()> + 'static> Slot<D> {
    fn executor(
        slot: &Arc<Self>,
    ) -> std::result::Result<Box<dyn Executor<PackedBatch, Vec<f32>, Error>>, Fault> {
        let mut place = lock(&slot.place);
        let mut current = match place.take() {
            Some(current) if current.left > 0 => current,
            lost => {
                // Its memory is wanted for the new one.
                drop(lost);
                let model = (slot.reload)().map_err(fault)?;
                Place { model: Arc::new(model), left: slot.threads }
            }
        };
        current.left -= 1;
        let model = Arc::clone(&current.model);
        *place = Some(current);
        Ok(Box::new(OnDevice { model, slot: Arc::clone(slot) }))
    }

    /// Lets go of a model whose context is lost.
    fn forget(&self, model: &Arc<D>) {
        let mut place = lock(&self.place);
        if place.as_ref().is_some_and(|current| Arc::ptr_eq(&current.model, model)) {
            *place = None;
        }
    }
}

/// A failure to load the model again: whatever it is, the device has none.
fn fault(error: Error) -> Fault {
    error.into_fault().unwrap_or_else(|error| Fault::Operation { what: error.to_string() })
}

/// Computes batches on the device.
struct OnDevice<D> {
    model: Arc<D>,
    slot: Arc<Slot<D>>,
}

impl<D: Forward<Scratch = ()> + 'static> Executor<PackedBatch, Vec<f32>, Error> for OnDevice<D> {
    fn run(&mut self, batch: &PackedBatch) -> std::result::Result<Vec<f32>, Failure<Error>> {
        let mut logits = Vec::new();
        let Err(error) = self.model.forward(batch, &mut (), &mut logits) else { return Ok(logits) };
        let fault = error.into_fault().map_err(Failure::Job)?;
        if fault.ends_context() {
            self.slot.forget(&self.model);
        }
        Err(Failure::Device(fault))
    }
}

/// The model on the processor.
struct Twin<T: Forward> {
    load: Box<dyn Fn() -> Result<(T, Provenance)> + Send + Sync>,
    loaded: Mutex<Option<Arc<Loaded<T>>>>,
}

struct Loaded<T: Forward> {
    model: T,
    provenance: Arc<Provenance>,
    /// The tokens that scratches are laid out for.
    tokens: usize,
    /// Those that no thread computes in.
    scratches: Mutex<Vec<T::Scratch>>,
}

impl<T: Forward> Twin<T> {
    /// The model, loaded at the first call.
    fn loaded(&self) -> Result<Arc<Loaded<T>>> {
        let mut loaded = lock(&self.loaded);
        if let Some(loaded) = &*loaded {
            return Ok(Arc::clone(loaded));
        }
        let (model, provenance) = (self.load)()?;
        let tokens = TWIN_TOKENS.max(model.max_sequence());
        let (provenance, scratches) = (Arc::new(provenance), Mutex::default());
        let made = Arc::new(Loaded { model, provenance, tokens, scratches });
        Ok(Arc::clone(loaded.insert(made)))
    }

    fn forward(&self, batch: &PackedBatch) -> Result<Vec<f32>> {
        let loaded = self.loaded()?;
        let Loaded { model, tokens, scratches, .. } = &*loaded;
        let idle = lock(scratches).pop();
        let mut scratch = idle.unwrap_or_else(|| model.scratch(*tokens));
        let mut all = Vec::with_capacity(batch.sequences() * model.classes());
        let mut logits = Vec::new();
        batch.in_parts(*tokens, |part| {
            model.forward(part, &mut scratch, &mut logits)?;
            all.extend_from_slice(&logits);
            Ok::<(), Error>(())
        })?;
        // After a failure it may be in any state, and is not kept.
        lock(scratches).push(scratch);
        Ok(all)
    }
}

/// What short and full batches take on either side, by the clock `now`.
fn measure<D, T>(
    device: &D,
    twin: &Twin<T>,
    batch_tokens: usize,
    now: impl Fn() -> Instant,
) -> Result<Costs>
where
    D: Forward<Scratch = ()>,
    T: Forward,
{
    let mut costs = Costs::default();
    let mut logits = Vec::new();
    let longest = device.max_sequence();
    twin.loaded()?;
    // The first pass pays for what is set up once; the second one counts.
    for _ in 0..2 {
        for tokens in [SHORT_TOKENS, batch_tokens] {
            let batch = made_up(tokens, longest);
            let begun = now();
            device.forward(&batch, &mut (), &mut logits)?;
            costs.record(Route::Primary, tokens as u64, now() - begun);
        }
        for tokens in [SHORT_TOKENS, TWIN_TOKENS.min(batch_tokens)] {
            let batch = made_up(tokens, longest);
            let begun = now();
            twin.forward(&batch)?;
            costs.record(Route::Twin, tokens as u64, now() - begun);
        }
    }
    Ok(costs)
}

/// A batch of `tokens` tokens in short sequences.
fn made_up(tokens: usize, longest: usize) -> PackedBatch {
    let mut batch = PackedBatch::default();
    for begin in (0..tokens).step_by(SHORT_TOKENS.min(longest)) {
        batch.push(&vec![0; SHORT_TOKENS.min(longest).min(tokens - begin)]);
    }
    batch
}

/// What a lock guards here is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
