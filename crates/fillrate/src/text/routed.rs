//! A model on a device, with the same model on the processor behind it.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use fillrate_device::routing::{
    Costs, Executor, Failure, HealthLimits, Preference, Route, Routed, Router, RouterOptions,
    RouterStatistics,
};

use super::batch::{Provenance, StandIn};
use super::{Forward, PackedBatch};
use crate::device::{Slot, Vitals, lock};
use crate::{Error, Result};

pub use crate::device::Sense;

/// The tokens of the twin's passes: larger ones leave a core's cache.
const TWIN_TOKENS: usize = 512;

/// The tokens of the smallest pass that is measured: one short text.
const SHORT_TOKENS: usize = 16;

/// How a [`RoutedModel`] works.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoutedOptions {
    /// How the router works.
    pub router: RouterOptions,
    /// When the device is not well enough for work.
    pub limits: HealthLimits,
}

/// A model on a device and its twin on the processor.
///
/// Batches go to the device, or with [`Preference::Auto`] to the side that takes less time for them. A
/// batch on which the device fails is computed by the twin, and [`Forward::stand_in`] says why; the
/// device is then left alone for a while, and loaded anew if its context was lost. The twin is loaded
/// when it is first needed.
pub struct RoutedModel<T: Forward> {
    router: Router<PackedBatch, Vec<f32>, Error>,
    twin: Arc<Twin<T>>,
    vitals: Vitals,
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
        let slot = Slot::new(device, reload, options.router.threads.max(1));
        let behind = Arc::clone(&twin);
        let router = Router::new(
            move || {
                let (model, slot) = (slot.take()?, Arc::clone(&slot));
                Ok(Box::new(OnDevice { model, slot }) as Box<dyn Executor<_, _, _>>)
            },
            move |batch: &PackedBatch| behind.forward(batch),
            options.router,
        );
        if let Some(costs) = costs {
            router.set_costs(costs);
        }
        let vitals = Vitals::new(sense, options.limits);
        Ok(Self { router, twin, vitals, classes, max_sequence })
    }

    /// What the router did so far.
    #[must_use]
    pub fn statistics(&self) -> RouterStatistics {
        self.router.statistics()
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
        self.vitals.look(|reading, limits| {
            self.router.observe(reading, limits);
        });
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

    fn routed(&self) -> Option<RouterStatistics> {
        Some(self.statistics())
    }
}

/// Computes batches on the device.
struct OnDevice<D> {
    model: Arc<D>,
    slot: Arc<Slot<D>>,
}

impl<D: Forward<Scratch = ()> + 'static> Executor<PackedBatch, Vec<f32>, Error> for OnDevice<D> {
    fn run(&mut self, batch: &PackedBatch) -> std::result::Result<Vec<f32>, Failure<Error>> {
        let mut logits = Vec::new();
        let outcome = self.model.forward(batch, &mut (), &mut logits);
        self.slot.outcome(&self.model, outcome.map(|()| logits))
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

#[cfg(test)]
mod tests;
